#pragma once
// Percentiles of any number of values in bounded memory, mergeable: buckets whose bounds grow by a constant
// factor (DDSketch, Masson, Rim and Lee, 2019).

#include <cstddef>
#include <cstdint>
#include <vector>

namespace dunlin {

/// Up to kExactValues the values themselves; then a quantile is within kRelativeError of a value of its rank.
/// Where the values span more than eight orders of magnitude, those nearest to zero become one. A value type.
class QuantileSketch {
 public:
  static constexpr std::size_t kExactValues = 64;
  static constexpr double kRelativeError = 0.005;
  static constexpr std::size_t kMaxBuckets = 2048;  // of each sign

  /// NaN is left out; infinities count as the largest finite numbers.
  void add(double value);
  void merge(const QuantileSketch& other);

  std::uint64_t count() const { return count_; }
  /// `q` from 0 to 1; between two of few values the point on the line between them. 0 where nothing was
  /// added.
  double quantile(double q) const;
  /// What it takes beside itself.
  std::size_t bytes() const;

 private:
  friend struct QuantileSketchCodec;  // saves it and takes it back: service/analytics
  /// Counts of neighbouring keys.
  struct Buckets {
    std::int32_t first = 0;
    std::vector<std::uint64_t> counts;
    void add(std::int32_t key, std::uint64_t count);
  };
  void spread();
  void add_to_bucket(double value);

  std::vector<double> exact_;
  Buckets positive_;
  Buckets negative_;  // by distance from zero
  std::uint64_t zeros_ = 0;
  std::uint64_t count_ = 0;
  double min_ = 0;
  double max_ = 0;
  bool is_spread_ = false;
};

}  // namespace dunlin
