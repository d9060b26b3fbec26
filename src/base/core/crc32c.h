#pragma once
// CRC-32C (Castagnoli), RFC 3720 appendix B.4, by table. Freestanding.

#include <cstdint>

#include "base/core/bytes.h"

namespace dunlin {

/// Continues the checksum `crc` (0 to begin) over `bytes`. Any thread.
std::uint32_t crc32c_portable(std::uint32_t crc, ByteView bytes);

}  // namespace dunlin
