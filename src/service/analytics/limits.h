#pragma once
// The limits of this room. See README.md for what happens past each.

#include <chrono>
#include <cstddef>

namespace dunlin::analytics {

/// Bytes of one line of a CSV file, without its end.
inline constexpr std::size_t kMaxLineBytes = 4096;
/// Columns of a CSV file; those past them are not looked at.
inline constexpr std::size_t kMaxColumns = 256;

/// Steps of a season: a week of five minutes.
inline constexpr std::size_t kMaxSeason = 2016;
/// Values in which the season of a forecast is looked for, and the longest that is found in them.
inline constexpr std::size_t kMaxForecastHistory = 1024;
inline constexpr std::size_t kMaxForecastSeason = kMaxForecastHistory / 3;
/// Steps that are foretold at once.
inline constexpr std::size_t kMaxForecastSteps = 10'000;
/// Values past it are taken for it: its square is still a number.
inline constexpr double kMostValue = 1e150;
/// Values that a robust score looks back on.
inline constexpr std::size_t kMaxRobustWindow = 512;
/// Values that a rate of change keeps of its window.
inline constexpr std::size_t kMaxRatePoints = 16;
/// The longest hold time, window or silence of a watch.
inline constexpr std::chrono::hours kMaxWatchTime{24 * 366};

}  // namespace dunlin::analytics
