#pragma once
// CRC-32C (Castagnoli), RFC 3720 appendix B.4, with the processor's instruction where it has one.

#include <cstdint>

#include "base/core/bytes.h"

namespace dunlin::store {

/// Continues the checksum `crc` (0 to begin) over `bytes`. Any thread.
std::uint32_t crc32c(std::uint32_t crc, ByteView bytes);

}  // namespace dunlin::store
