#pragma once
// Doubles of one chunk: as scaled integers where they are decimal numbers, otherwise by what each shares with
// the one before.

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "store/chunk/bytes_io.h"

namespace dunlin::store {

/// Values as integers times a power of ten.
struct DecimalColumn {
  struct Outlier {
    std::size_t index = 0;
    double value = 0;
  };
  unsigned decimals = 0;
  std::vector<std::int64_t> scaled;
  std::vector<Outlier> outliers;  // ascending; their place in `scaled` holds the one before
};

/// None where too many values are not of that kind.
std::optional<DecimalColumn> decimals_of(std::span<const double> values);

void write_decimals(ByteWriter& to, const DecimalColumn& column);
/// Of values that decimals_of() has refused, but any will do.
void write_doubles(ByteWriter& to, std::span<const double> values);

/// `count` values, at most kMaxChunkPoints, of either kind. Fewer, and not ok(), if the bytes are not what
/// was written.
std::vector<double> read_doubles(ByteReader& from, std::size_t count);

}  // namespace dunlin::store
