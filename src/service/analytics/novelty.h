#pragma once
// How much of what a series does now it has never done before: short sequences of rounded values, remembered
// as bits of their hashes.

#include <array>
#include <cstdint>

#include "store/chunk/bytes_io.h"

namespace dunlin::analytics {

/// One series. Constant memory: once the bits are full nothing is new any more. One thread.
class Novelty {
 public:
  /// `position`: of the value in the range of all values so far, 0 (lowest) to 1. Answers by how many
  /// deviations the share of new sequences, of so many values, is above what is usual here; 0 where it is
  /// not.
  double add(double position, double recent_values);

  void save(store::ByteWriter& out) const;
  /// Leaves the reader broken where the bytes are none of save().
  void load(store::ByteReader& in);

 private:
  static constexpr std::array<std::uint8_t, 3> kSteps{5, 11, 23};  // the range in so many parts
  static constexpr std::size_t kLongest = 4;                       // values in a sequence
  static constexpr std::size_t kBits = 1U << 14U;

  double new_share(double position);
  bool remember(std::uint64_t hash);

  double count_ = 0;
  double recent_ = 0;  // fast mean of the share
  double usual_ = 0.5;
  double variance_ = 0.1;
  std::array<std::array<std::uint8_t, kLongest>, kSteps.size()> symbols_{};  // newest first
  std::array<std::uint8_t, kBits / 8> seen_{};
};

}  // namespace dunlin::analytics
