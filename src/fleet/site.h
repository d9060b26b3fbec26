#pragma once
// A simulated site: its devices on one executor, real or virtual.

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/executor.h"
#include "base/metrics.h"
#include "base/rng.h"
#include "fleet/credentials.h"
#include "fleet/device.h"
#include "fleet/fleet_metrics.h"
#include "fleet/site_config.h"
#include "net/network.h"

namespace dunlin::fleet {

/// Everything outlives the site.
struct Environment {
  Executor& executor;
  net::Network& network;
  Rng& rng;  // gives the seed when the configuration's is 0
  metrics::Registry& metrics;
  CredentialSource credentials = {};  // empty: none, and no TLS
};

/// One thread: the executor's; destroy it there too, or when the executor no longer runs.
class Site {
 public:
  Site(Environment environment, SiteConfig config);
  ~Site();
  Site(const Site&) = delete;
  Site& operator=(const Site&) = delete;

  /// Makes the devices; they begin to connect, connect.per_second of them each second. Once. Errors:
  /// invalid_argument, limit_exceeded (check_site), and those of the credentials, with the device's name.
  Result<void> start();
  /// Disconnects every device in order; `done` runs once they are offline, at the latest after kStopDeadline.
  void stop(std::move_only_function<void()> done);

  const SiteConfig& config() const { return config_; }
  Counters counters() const { return metrics_.read(); }
  /// Devices that are connected now.
  std::size_t online() const { return static_cast<std::size_t>(metrics_.online.read()); }
  std::size_t device_count() const { return devices_.size(); }
  std::vector<DeviceStatus> devices() const;
  /// Faults on request. Errors: not_found.
  Result<void> cut_power(std::string_view device, Duration time);
  Result<void> cut_signal(std::string_view device, Duration time);

 private:
  Result<std::unique_ptr<Device>> make_device(const DeviceConfig& config, std::size_t number,
                                              std::uint64_t seed);
  Result<Device*> find(std::string_view name);
  void start_from(std::size_t number);
  void await_stop(Instant deadline, std::move_only_function<void()> done);

  Environment environment_;
  SiteConfig config_;
  FleetMetrics metrics_;
  Plant plant_;
  std::vector<std::unique_ptr<Device>> devices_;
  TimerId timer_;
};

/// "127.0.0.1:1883", "[::1]:1883", "gateway.example:8883". Errors: invalid_argument.
Result<net::Endpoint> parse_endpoint(std::string_view text);

}  // namespace dunlin::fleet
