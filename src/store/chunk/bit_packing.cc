#include "store/chunk/bit_packing.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/core/assert.h"

namespace dunlin::store {
namespace {

static_assert(std::endian::native == std::endian::little, "the format is little endian");

constexpr unsigned kWordBits = 64;
// A number can begin in the last bit of a byte, and the word that holds its end may reach behind the last
// byte.
constexpr std::size_t kSlack = 2 * sizeof(std::uint64_t);

constexpr std::uint64_t mask_of(unsigned width) {
  return width == kWordBits ? ~std::uint64_t{0} : (std::uint64_t{1} << width) - 1;
}

std::uint64_t load(const char* from) {
  std::uint64_t word = 0;
  std::memcpy(&word, from, sizeof word);
  return word;
}

void merge(char* into, std::uint64_t bits) {
  const std::uint64_t word = load(into) | bits;
  std::memcpy(into, &word, sizeof word);
}

}  // namespace

std::string pack_bits(std::span<const std::uint64_t> numbers, unsigned width) {
  DUNLIN_ASSERT(width <= kWordBits);
  const std::size_t size = packed_bytes(numbers.size(), width);
  std::string packed(size + kSlack, '\0');
  std::size_t bit = 0;
  for (const std::uint64_t number : numbers) {
    const std::uint64_t value = number & mask_of(width);
    const auto shift = static_cast<unsigned>(bit % 8);
    char* const at = packed.data() + bit / 8;
    merge(at, value << shift);
    if (shift + width > kWordBits) merge(at + sizeof value, value >> (kWordBits - shift));
    bit += width;
  }
  packed.resize(size);
  return packed;
}

std::vector<std::uint64_t> unpack_bits(std::string_view bytes, std::size_t count, unsigned width) {
  DUNLIN_ASSERT(width <= kWordBits && bytes.size() == packed_bytes(count, width));
  std::vector<std::uint64_t> numbers(count);
  if (width == 0) return numbers;
  // One word has all of a number of at most 57 bits. Where the last words reach behind the bytes, the rest
  // is read from a copy.
  constexpr std::size_t kWord = sizeof(std::uint64_t);
  const std::size_t in_place =
      width > kWordBits - 7 || bytes.size() < kWord ? 0 : std::min(count, (bytes.size() - kWord) * 8 / width);
  const std::uint64_t mask = mask_of(width);
  std::size_t bit = 0;
  for (std::size_t i = 0; i < in_place; ++i, bit += width)
    numbers[i] = load(bytes.data() + bit / 8) >> (bit % 8) & mask;
  const std::size_t copied = bit / 8;
  std::string padded(bytes.size() - copied + kSlack, '\0');
  std::memcpy(padded.data(), bytes.data() + copied, bytes.size() - copied);
  for (std::size_t i = in_place; i < count; ++i, bit += width) {
    const auto shift = static_cast<unsigned>(bit % 8);
    const char* const at = padded.data() + (bit / 8 - copied);
    std::uint64_t value = load(at) >> shift;
    if (shift + width > kWordBits) value |= load(at + kWord) << (kWordBits - shift);
    numbers[i] = value & mask;
  }
  return numbers;
}

}  // namespace dunlin::store
