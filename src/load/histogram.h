#pragma once
// Durations counted in buckets of a bounded relative width, in fixed memory.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/clock.h"

namespace dunlin::load {

/// Below 256 ns every nanosecond has a bucket; above, every power of two is cut into 128 equal ones. So a
/// quantile is at most 1/128 (0.8 %) above the value that was recorded. Longer than kLongest counts as
/// kLongest, negative as zero; largest() and mean() are exact. About 37 KiB. One thread.
class Histogram {
 public:
  static constexpr int kPrecisionBits = 7;
  static constexpr int kRangeBits = 43;
  static constexpr Duration kLongest = Duration{(std::int64_t{1} << kRangeBits) - 1};  // 2 hours 26 minutes

  Histogram() : buckets_(kBuckets) {}

  void record(Duration value) {
    const auto nanoseconds = static_cast<std::uint64_t>(value < Duration::zero() ? 0 : value.count());
    ++buckets_[bucket_of(nanoseconds)];
    ++count_;
    sum_ += static_cast<double>(nanoseconds);
    if (nanoseconds > largest_) largest_ = nanoseconds;
  }

  std::uint64_t count() const { return count_; }
  Duration largest() const { return Duration{static_cast<std::int64_t>(largest_)}; }
  /// Zero when nothing was recorded.
  Duration mean() const;
  /// The least value that `share` (0..1) of all recorded ones do not exceed, rounded up to the end of its
  /// bucket, never above largest(). Zero when nothing was recorded.
  Duration quantile(double share) const;

 private:
  static constexpr std::uint64_t kLinear = std::uint64_t{1} << (kPrecisionBits + 1);
  static constexpr std::uint64_t kLargestValue = static_cast<std::uint64_t>(kLongest.count());

  static constexpr std::size_t bucket_of(std::uint64_t value) {
    if (value > kLargestValue) value = kLargestValue;
    if (value < kLinear) return static_cast<std::size_t>(value);
    const int shift = std::bit_width(value) - (kPrecisionBits + 1);
    return (static_cast<std::size_t>(shift) << kPrecisionBits) + static_cast<std::size_t>(value >> shift);
  }
  /// The largest value of the bucket.
  static std::uint64_t end_of(std::size_t bucket);

  // bucket_of(kLargestValue) + 1.
  static constexpr std::size_t kBuckets = static_cast<std::size_t>(kRangeBits - kPrecisionBits + 1)
                                          << kPrecisionBits;

  std::vector<std::uint64_t> buckets_;
  std::uint64_t count_ = 0;
  std::uint64_t largest_ = 0;
  double sum_ = 0;
};

}  // namespace dunlin::load
