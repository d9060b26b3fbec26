#pragma once
// What an installation says of its alarms (docs/guide/configuration.md).

#include <chrono>
#include <cstddef>

#include "base/clock.h"

namespace dunlin::alarm {

inline constexpr std::size_t kMaxClearedAlarms = 10'000;
inline constexpr std::int64_t kMaxFlappingChanges = 100;

struct RetentionOptions {
  Duration keep_cleared = std::chrono::days{90};  // since the clearing
  std::size_t max_cleared = kMaxClearedAlarms;    // of these the latest cleared stay
};

struct FlappingRule {
  std::int64_t changes = 6;  // between raised and cleared; 0: nothing flaps
  Duration within = std::chrono::minutes{5};
  Duration calm = std::chrono::minutes{5};  // without a change, and it is steady
};

struct AlarmOptions {
  RetentionOptions retention{};
  FlappingRule flapping{};
  /// An alarm that nobody acknowledges for so long becomes one severity more. Zero: never.
  Duration escalate_after{};
};

}  // namespace dunlin::alarm
