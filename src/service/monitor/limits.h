#pragma once
// The limits of this room. See README.md for what happens past each.

#include <chrono>
#include <cstddef>

namespace dunlin::monitor {

inline constexpr std::size_t kMaxMonitors = 1000;
/// Pairs of monitor and device whose state is kept.
inline constexpr std::size_t kMaxMonitored = 10'000;
/// Values of a device before an anomaly of it is an alarm.
inline constexpr int kLearningValues = 300;
/// What has been learned is saved so often, and with every alarm; a crash has that much read anew.
inline constexpr std::chrono::seconds kSaveInterval{10};
/// Silence is looked for so often.
inline constexpr std::chrono::seconds kLookInterval{1};
/// A sample's own time counts unless it is so much ahead of ours.
inline constexpr std::chrono::minutes kMaxAhead{1};

}  // namespace dunlin::monitor
