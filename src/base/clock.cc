#include "base/clock.h"

#include <algorithm>

namespace dunlin {

Instant SystemClock::now() const {
  return Instant{std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch())};
}

WallTime SystemClock::wall_now() const {
  return WallTime{std::chrono::duration_cast<Duration>(std::chrono::system_clock::now().time_since_epoch())};
}

void VirtualClock::advance_to(Instant instant) {
  now_ = std::max(now_, instant);
}

}  // namespace dunlin
