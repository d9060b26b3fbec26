#include "service/analytics/rarity.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "service/analytics/tuning.h"

namespace dunlin::analytics {
namespace {

constexpr double kWarmUp = 50;  // values before anything is told: a deviation of so few is known to a tenth
constexpr double kMostDeviation = 1e4;    // where nothing has ever moved, any deviation is infinite
constexpr double kLeastDeviation = 0.05;  // of the logarithm: what differs by a twentieth is the same
// Two in a billion: nobody has seen enough of a series to tell what is rarer.
constexpr double kMostSigmas = 6;

}  // namespace

double Rarity::add(double deviation, double count) {
  const double logarithm = std::log1p(std::min(deviation, kMostDeviation));
  const double above = logarithm - mean_;
  const double sigmas = above / (std::sqrt(variance_) + kLeastDeviation);
  const double rate = std::max(1 / kUsualValues, 1 / count);
  mean_ += rate * above;
  variance_ += rate * (above * (logarithm - mean_) - variance_);
  if (count <= kWarmUp || sigmas <= 0) return 0;
  return -std::log10(std::erfc(std::min(sigmas, kMostSigmas) / std::numbers::sqrt2));
}

void Rarity::save(store::ByteWriter& out) const {
  out.number(mean_);
  out.number(variance_);
}

void Rarity::load(store::ByteReader& in) {
  mean_ = in.number();
  variance_ = in.number();
  if (!(mean_ >= 0 && mean_ <= 10 && variance_ >= 0 && variance_ <= 100)) in.broken();
}

}  // namespace dunlin::analytics
