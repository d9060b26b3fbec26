#pragma once

#include <cstddef>

namespace dunlin::shadow {

inline constexpr std::size_t kMaxDocumentBytes = 8 * 1024;  // desired and reported together, without metadata
inline constexpr std::size_t kMaxRequestBytes = 16 * 1024;
inline constexpr std::size_t kMaxDepth = 8;  // nested objects below desired or reported
inline constexpr std::size_t kMaxClientTokenBytes = 64;
inline constexpr std::size_t kMaxBatch = 256;  // requests that share one write

}  // namespace dunlin::shadow
