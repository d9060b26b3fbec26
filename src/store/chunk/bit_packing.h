#pragma once
// Numbers of one width, bit after bit.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace dunlin::store {

/// Bytes of `count` numbers of `width` (0 to 64) bits.
constexpr std::size_t packed_bytes(std::size_t count, unsigned width) {
  return (count * width + 7) / 8;
}

/// The lowest `width` bits of each, the first one in the lowest bits of the first byte.
std::string pack_bits(std::span<const std::uint64_t> numbers, unsigned width);

/// Into all of `numbers`, as unsigned ones. `bytes` has packed_bytes(numbers.size(), width); `width` is at
/// most 64.
void unpack_bits(std::string_view bytes, std::span<std::int64_t> numbers, unsigned width);

}  // namespace dunlin::store
