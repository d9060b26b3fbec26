#pragma once
// Views of bytes. Freestanding: no allocation, no exception.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace dunlin {

using ByteView = std::span<const std::uint8_t>;
using MutableByteView = std::span<std::uint8_t>;

/// The bytes of a text, without copying.
inline ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// The text that the bytes spell, without copying and without a check of its encoding.
inline std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace dunlin
