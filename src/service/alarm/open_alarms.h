#pragma once
// The alarms that are not cleared, in memory: found by condition, by thing and by gateway, and counted by
// state.

#include <array>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/metrics.h"
#include "service/alarm/alarm.h"

namespace dunlin::alarm {

/// One thread. Every alarm in it is open; keys are condition_key().
class OpenAlarms {
 public:
  explicit OpenAlarms(metrics::Registry& metrics);

  const Alarm* find(const std::string& key) const;
  bool holds(const Alarm& alarm) const;
  std::size_t size() const { return alarms_.size(); }
  std::size_t of_device(TenantId tenant, const std::string& thing) const;

  /// Puts or replaces. `gateway` is what the thing speaks through, empty: nothing; `due`: when the alarm is
  /// to be looked at again.
  void put(const std::string& key, Alarm alarm, std::string gateway, std::optional<WallTime> due);
  void erase(const std::string& key);

  /// Of the thing, and of things behind it.
  std::vector<std::string> about(TenantId tenant, const std::string& thing) const;
  /// At most so many whose time has come, the first to be due first.
  std::vector<std::string> due(WallTime now, std::size_t most) const;
  std::optional<WallTime> next_due() const;
  void postpone(const std::string& key, WallTime due);

 private:
  struct Held {
    Alarm alarm;
    std::string gateway;  // the key of the index
    std::optional<WallTime> due;
  };
  using Index = std::set<std::pair<std::string, std::string>>;  // tenant | thing, key
  void count(const Alarm& alarm, std::int64_t step);
  void set_due(const std::string& key, Held& held, std::optional<WallTime> due);

  std::map<std::string, Held> alarms_;
  Index by_thing_;
  Index by_gateway_;
  std::set<std::pair<WallTime, std::string>> due_;
  std::array<metrics::Cell*, 4> states_{};
  metrics::Cell& open_;
  metrics::Cell& flapping_;
};

}  // namespace dunlin::alarm
