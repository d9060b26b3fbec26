#pragma once
// Conditions that come and go: so many changes within so long, and an alarm is flapping until it has rested.

#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "service/alarm/options.h"

namespace dunlin::alarm {

inline constexpr std::size_t kMaxWatchedConditions = 100'000;  // further ones are not seen to flap

/// When conditions have changed of late. In memory only: a restart begins to count anew; that an alarm is
/// flapping is stored with it. One thread.
class FlapWatch {
 public:
  explicit FlapWatch(FlappingRule rule) : rule_(rule) {}

  enum class Seen : std::uint8_t { steady, flapping };
  /// A condition was raised or cleared at `at`.
  Seen note(const std::string& condition, WallTime at);
  const FlappingRule& rule() const { return rule_; }
  std::size_t size() const { return changes_.size(); }

 private:
  void forget_old(WallTime now);

  FlappingRule rule_;
  std::unordered_map<std::string, std::vector<WallTime>> changes_;  // the newest last, at most rule_.changes
  WallTime swept_{};
};

}  // namespace dunlin::alarm
