#pragma once

#include <cstddef>
#include <span>

namespace dunlin::analytics {

/// After how many values, at equal distances, a series repeats itself best: at most a third of their number;
/// 1 where it does not. By autocorrelation; takes time by the square of their number. Any thread.
std::size_t find_season(std::span<const double> values);

}  // namespace dunlin::analytics
