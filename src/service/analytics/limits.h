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
/// The same for events of windows, whose squares are summed up.
inline constexpr double kMostEventValue = 1e140;
/// Values that a robust score looks back on.
inline constexpr std::size_t kMaxRobustWindow = 512;
/// Values that a rate of change keeps of its window.
inline constexpr std::size_t kMaxRatePoints = 16;
/// Windows: keys, bytes of a key, events of a key that wait for their order or fill a sliding window, parts
/// of a hopping window, events of a count window, and the longest window.
inline constexpr std::size_t kMaxWindowKeys = 100'000;
inline constexpr std::size_t kMaxWindowKeyBytes = 512;
inline constexpr std::size_t kMaxWindowEvents = 4096;
inline constexpr std::size_t kMaxPanes = 256;
inline constexpr std::uint64_t kMaxCountWindow = 1'000'000;
inline constexpr std::chrono::hours kMaxWindowLength{24 * 366};
/// Events are from here to there: 1900 to 2200.
inline constexpr std::chrono::sys_seconds kFirstEventTime{
    std::chrono::sys_days{std::chrono::year{1900} / 1 / 1}};
inline constexpr std::chrono::sys_seconds kLastEventTime{
    std::chrono::sys_days{std::chrono::year{2200} / 1 / 1}};
/// The longest hold time, window or silence of a watch.
inline constexpr std::chrono::hours kMaxWatchTime{24 * 366};

}  // namespace dunlin::analytics
