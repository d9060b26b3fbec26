#include "load/histogram.h"

#include <algorithm>
#include <cmath>

namespace dunlin::load {

std::uint64_t Histogram::end_of(std::size_t bucket) {
  if (bucket < kLinear) return bucket;
  const std::size_t shift = (bucket >> kPrecisionBits) - 1;
  const std::uint64_t first = (bucket - (shift << kPrecisionBits)) << shift;
  return first + (std::uint64_t{1} << shift) - 1;
}

Duration Histogram::mean() const {
  if (count_ == 0) return Duration::zero();
  return Duration{static_cast<std::int64_t>(sum_ / static_cast<double>(count_))};
}

Duration Histogram::quantile(double share) const {
  if (count_ == 0) return Duration::zero();
  const double wanted = std::ceil(std::clamp(share, 0.0, 1.0) * static_cast<double>(count_));
  const auto rank = std::clamp<std::uint64_t>(static_cast<std::uint64_t>(wanted), 1, count_);
  std::uint64_t seen = 0;
  for (std::size_t bucket = 0; bucket < buckets_.size(); ++bucket) {
    seen += buckets_[bucket];
    if (seen < rank) continue;
    // The last bucket also holds what is longer than kLongest.
    if (bucket + 1 == buckets_.size()) break;
    return Duration{static_cast<std::int64_t>(std::min(end_of(bucket), largest_))};
  }
  return largest();
}

}  // namespace dunlin::load
