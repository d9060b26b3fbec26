#pragma once
// Time is cut into windows; what is sealed of a series never crosses from one to the next.

#include <chrono>
#include <cstdint>
#include <limits>

#include "base/clock.h"

namespace dunlin::series {

inline constexpr Duration kWindow = std::chrono::hours{2};

/// The start of the window that `time` is in. The first window of all is shorter.
inline WallTime window_start(WallTime time) {
  constexpr std::int64_t kLength = kWindow.count();
  constexpr std::int64_t kFirst = std::numeric_limits<std::int64_t>::min();
  const std::int64_t at = unix_nanoseconds(time);
  std::int64_t into = at % kLength;
  if (into < 0) into += kLength;
  return from_unix_nanoseconds(at < kFirst + into ? kFirst : at - into);
}

/// The last nanosecond of the window that begins at `start`.
inline WallTime window_last(WallTime start) {
  constexpr std::int64_t kLast = std::numeric_limits<std::int64_t>::max();
  const std::int64_t at = unix_nanoseconds(start);
  if (at > kLast - (kWindow.count() - 1)) return from_unix_nanoseconds(kLast);
  if (at == std::numeric_limits<std::int64_t>::min()) {
    const std::int64_t into = at % kWindow.count();  // negative, or zero
    return from_unix_nanoseconds(at - into + (into == 0 ? kWindow.count() : 0) - 1);
  }
  return from_unix_nanoseconds(at + kWindow.count() - 1);
}

}  // namespace dunlin::series
