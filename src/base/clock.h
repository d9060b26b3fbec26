#pragma once
// Time comes in through this interface only, so that the simulator can own it.

#include <chrono>
#include <cstdint>

namespace dunlin {

using Duration = std::chrono::nanoseconds;

struct MonotonicTag {
  using duration = Duration;
  using rep = Duration::rep;
  using period = Duration::period;
  static constexpr bool is_steady = true;
};
/// A point on the clock that never steps. Only differences have a meaning.
using Instant = std::chrono::time_point<MonotonicTag>;
/// Nanoseconds since 1970-01-01T00:00:00Z.
using WallTime = std::chrono::time_point<std::chrono::system_clock, Duration>;

class Clock {
 public:
  virtual ~Clock() = default;
  /// Any thread.
  virtual Instant now() const = 0;
  virtual WallTime wall_now() const = 0;
};

/// The machine's clocks. Any thread.
class SystemClock final : public Clock {
 public:
  Instant now() const override;
  WallTime wall_now() const override;
};

/// A clock that moves only when told to. One thread.
class VirtualClock final : public Clock {
 public:
  explicit VirtualClock(WallTime start = WallTime{std::chrono::seconds{1'700'000'000}})
      : wall_start_(start) {}
  Instant now() const override { return now_; }
  WallTime wall_now() const override { return wall_start_ + now_.time_since_epoch(); }
  /// Moves forward to `instant`; an earlier instant leaves the clock as it is.
  void advance_to(Instant instant);

 private:
  Instant now_{};
  WallTime wall_start_;
};

/// The first or the last time that there is, where the answer would be past it. `step` is not negative.
inline WallTime later_by(WallTime time, Duration step) {
  return time > WallTime::max() - step ? WallTime::max() : time + step;
}
inline WallTime earlier_by(WallTime time, Duration step) {
  return time < WallTime::min() + step ? WallTime::min() : time - step;
}

inline std::int64_t unix_nanoseconds(WallTime time) {
  return time.time_since_epoch().count();
}
inline std::int64_t unix_milliseconds(WallTime time) {
  return unix_nanoseconds(time) / 1'000'000;
}
inline WallTime from_unix_nanoseconds(std::int64_t value) {
  return WallTime{Duration{value}};
}
inline WallTime from_unix_milliseconds(std::int64_t value) {
  return WallTime{std::chrono::milliseconds{value}};
}

}  // namespace dunlin
