#pragma once
// Integers of one chunk: what each differs from what was expected of it, packed as narrow as most of them
// are.

#include <cstdint>
#include <span>
#include <vector>

#include "store/chunk/bytes_io.h"

namespace dunlin::store {

/// Writes `values`, of which there are at most kMaxChunkPoints. Any values: differences wrap around.
void write_integers(ByteWriter& to, std::span<const std::int64_t> values);

/// `count` values, at most kMaxChunkPoints. Fewer, and not ok(), if the bytes are not what write_integers()
/// writes.
std::vector<std::int64_t> read_integers(ByteReader& from, std::size_t count);

}  // namespace dunlin::store
