#pragma once
// MD2 (RFC 1319): what OpenSSL has no more. It protects nothing; AWS IoT SQL has it.

#include <array>
#include <cstdint>

#include "base/core/bytes.h"

namespace dunlin::security {

/// Any thread.
std::array<std::uint8_t, 16> md2(ByteView bytes);

}  // namespace dunlin::security
