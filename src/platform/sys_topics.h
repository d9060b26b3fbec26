#pragma once
// The server's figures as topics below $SYS/broker, under the names that mosquitto has made common.

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/executor.h"
#include "base/metrics.h"
#include "hub/bus.h"

namespace dunlin::platform {

/// What the server publishes about itself; docs/protocols/topics.md lists the topics. Each is retained, in
/// memory only (the hub stores nothing below $SYS), and sent again when its value has changed. One executor's
/// thread, which must have ended before this is destroyed.
class SysTopics {
 public:
  struct Parts {
    Executor& executor;
    hub::Bus& bus;
    const metrics::Registry& metrics;
    std::string version;
    Duration interval{};  // 0: nothing is published
    TenantId tenant = kDefaultTenant;
  };
  explicit SysTopics(Parts parts);

  void start();

 private:
  /// A counter whose rate per minute is averaged over 1, 5 and 15 minutes.
  struct Load {
    std::string_view name;
    double last = 0;
    std::array<double, 3> averages{};
  };
  void publish_all();
  void publish(std::string_view name, std::string value);
  void publish(std::string_view name, double value) {
    publish(name, std::to_string(static_cast<std::int64_t>(value)));
  }
  void publish_counts();
  void publish_traffic();
  void publish_loads(double seconds);
  double load_value(std::string_view name) const;

  Parts parts_;
  PrincipalRef principal_;
  Instant started_{};
  Instant published_{};
  std::int64_t most_clients_ = 0;
  std::int64_t most_heap_ = 0;
  std::vector<Load> loads_;
  std::map<std::string, std::string, std::less<>> sent_;  // the last value of each topic
};

}  // namespace dunlin::platform
