#pragma once
// The part of a chunk in front of its columns: what is known without reading them.

#include <optional>

#include "store/chunk/bytes_io.h"
#include "store/chunk/chunk.h"
#include "store/chunk/number_column.h"

namespace dunlin::store {

/// Statistics of integers, exact: relative to the first, times a power of ten.
struct DecimalSummary {
  unsigned decimals = 0;
  std::uint64_t points = 0;
  std::int64_t first = 0;
  std::int64_t last = 0;    // less the first, as the following
  std::uint64_t below = 0;  // how far the smallest is below the first
  std::uint64_t above = 0;  // how far the largest is above the first
  std::int64_t sum = 0;
  std::uint64_t squares = 0;

  /// None where a number does not fit.
  static std::optional<DecimalSummary> of(std::span<const std::int64_t> values, unsigned decimals);
  void write(ByteWriter& to) const;
  static DecimalSummary read(ByteReader& from, std::uint64_t points);
  /// The statistics of `summary`.
  void tell(ChunkSummary& summary) const;
};

/// Of doubles of any kind.
struct DoubleSummary {
  std::uint64_t numbers = 0;
  double first = 0;
  double last = 0;
  double min = 0;
  double max = 0;
  double sum = 0;
  double squares = 0;  // of the distances from the mean

  static DoubleSummary of(std::span<const double> values);
  void write(ByteWriter& to) const;
  static DoubleSummary read(ByteReader& from);
  void tell(ChunkSummary& summary) const;
};

}  // namespace dunlin::store
