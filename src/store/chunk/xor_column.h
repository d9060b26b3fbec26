#pragma once
// Doubles by the bits in which each differs from the one before, after Pelkonen et al., "Gorilla: A Fast,
// Scalable, In-Memory Time Series Database" (2015), section 4.1.2.

#include <cstddef>
#include <span>
#include <vector>

#include "store/chunk/bytes_io.h"

namespace dunlin::store {

/// Any values, NaN with its payload included.
void write_shared(ByteWriter& to, std::span<const double> values);

/// `count` values. Fewer, and not ok(), if the bytes are not what write_shared() writes.
std::vector<double> read_shared(ByteReader& from, std::size_t count);

}  // namespace dunlin::store
