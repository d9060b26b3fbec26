#include "service/analytics/season_length.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace dunlin::analytics {
namespace {

constexpr std::size_t kFewestValues = 12;
constexpr double kLeastRise = 0.1;  // of a season's correlation above the least one before it
constexpr double kLeastCorrelation = 0.25;
constexpr double kSlack =
    0.04;  // a shorter season that is nearly as good is the season; multiples of it are as well

/// Less the line that fits best.
std::vector<double> detrended(std::span<const double> values) {
  const auto n = static_cast<double>(values.size());
  const double middle = (n - 1) / 2;
  double mean = 0;
  for (const double value : values) mean += value / n;
  double covariance = 0;
  double spread = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double x = static_cast<double>(i) - middle;
    covariance += x * (values[i] - mean);
    spread += x * x;
  }
  std::vector<double> rest(values.size());
  for (std::size_t i = 0; i < values.size(); ++i)
    rest[i] = values[i] - mean - covariance / spread * (static_cast<double>(i) - middle);
  return rest;
}

double correlation(std::span<const double> values, std::size_t lag) {
  double product = 0;
  double early = 0;
  double late = 0;
  for (std::size_t i = lag; i < values.size(); ++i) {
    product += values[i] * values[i - lag];
    early += values[i - lag] * values[i - lag];
    late += values[i] * values[i];
  }
  const double size = std::sqrt(early) * std::sqrt(late);
  return size > 0 ? product / size : 0;
}

}  // namespace

std::size_t find_season(std::span<const double> values) {
  if (values.size() < kFewestValues) return 1;
  const auto rest = detrended(values);
  const std::size_t longest = values.size() / 3;
  std::vector<double> correlations(longest + 2);
  for (std::size_t lag = 1; lag < correlations.size(); ++lag) correlations[lag] = correlation(rest, lag);

  std::vector<std::size_t> peaks;
  double least = 1;
  double best = 0;
  for (std::size_t lag = 2; lag <= longest; ++lag) {
    least = std::min(least, correlations[lag - 1]);
    const double here = correlations[lag];
    const bool peak = here >= correlations[lag - 1] && here >= correlations[lag + 1];
    if (!peak || here < kLeastCorrelation || here - least < kLeastRise) continue;
    peaks.push_back(lag);
    best = std::max(best, here);
  }
  const auto found =
      std::ranges::find_if(peaks, [&](std::size_t lag) { return correlations[lag] >= best - kSlack; });
  return found == peaks.end() ? 1 : *found;
}

}  // namespace dunlin::analytics
