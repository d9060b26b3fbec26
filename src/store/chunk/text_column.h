#pragma once
// Texts of one chunk: each different one once, then which of them.

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "store/chunk/bytes_io.h"

namespace dunlin::store {

/// `texts` are within kMaxChunkTextBytes each and kMaxChunkTextsBytes together.
void write_texts(ByteWriter& to, std::span<const std::string> texts);

/// `count` texts. Fewer, and not ok(), if the bytes are not what write_texts() writes, or past the limits.
std::vector<std::string> read_texts(ByteReader& from, std::size_t count);

}  // namespace dunlin::store
