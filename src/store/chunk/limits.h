#pragma once

#include <cstddef>

namespace dunlin::store {

/// Points in one chunk. A reader never makes room for more, whatever the bytes say.
inline constexpr std::size_t kMaxChunkPoints = 8192;
/// Bytes of one text in a chunk, and of all its texts, one that comes again counted again.
inline constexpr std::size_t kMaxChunkTextBytes = 64 * 1024;
inline constexpr std::size_t kMaxChunkTextsBytes = 4 * 1024 * 1024;

}  // namespace dunlin::store
