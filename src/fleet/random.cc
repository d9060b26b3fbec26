#include "fleet/random.h"

#include <cmath>
#include <numbers>

namespace dunlin::fleet {

double gaussian(Rng& rng) {
  // Box and Muller; 1 - unit() is never 0.
  const double radius = std::sqrt(-2 * std::log(1 - rng.unit()));
  return radius * std::cos(2 * std::numbers::pi * rng.unit());
}

Duration waiting_time(Rng& rng, Duration mean) {
  return std::chrono::duration_cast<Duration>(mean * -std::log(1 - rng.unit()));
}

}  // namespace dunlin::fleet
