#pragma once
// What the simulated camera sees: a conveyor that carries parts, with the time in the picture.

#include <cstdint>

#include "base/clock.h"
#include "fleet/jpeg.h"

namespace dunlin::fleet {

inline constexpr int kCameraWidth = 320;
inline constexpr int kCameraHeight = 240;

/// `elapsed`: since the belt began to move. `seed` decides the parts. Pure.
Picture draw_conveyor(Duration elapsed, WallTime time, std::uint64_t seed);

}  // namespace dunlin::fleet
