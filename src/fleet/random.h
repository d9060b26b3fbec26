#pragma once
// Random variables for simulation.

#include "base/clock.h"
#include "base/rng.h"

namespace dunlin::fleet {

/// Mean 0, standard deviation 1.
double gaussian(Rng& rng);
/// Exponential: the time until something happens that happens every `mean`.
Duration waiting_time(Rng& rng, Duration mean);

}  // namespace dunlin::fleet
