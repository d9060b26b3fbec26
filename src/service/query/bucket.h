#pragma once
// Parts of time of equal length.

#include <cstdint>
#include <limits>
#include <optional>

namespace dunlin::query {

/// 1970-01-05, a Monday: weeks begin there, and days and hours of UTC as well.
inline constexpr std::int64_t kMonday = 4LL * 86400 * 1'000'000'000;

struct Bucketing {
  std::int64_t width = 0;  // nanoseconds, above 0
  std::int64_t origin = kMonday;

  /// The begin of the part that `time` is in; nullopt where that is before all times.
  std::optional<std::int64_t> begin_of(std::int64_t time) const {
    std::int64_t shifted = 0;
    if (__builtin_sub_overflow(time, origin, &shifted)) return std::nullopt;
    std::int64_t into = shifted % width;
    if (into < 0) into += width;
    if (time < std::numeric_limits<std::int64_t>::min() + into) return std::nullopt;
    return time - into;
  }
};

}  // namespace dunlin::query
