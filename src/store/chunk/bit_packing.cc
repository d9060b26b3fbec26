#include "store/chunk/bit_packing.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <utility>

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

namespace {

/// So many at once, which take as many bytes as one of them has bits.
constexpr std::size_t kGroup = 8;
constexpr unsigned kMostGrouped = 32;

template <unsigned Width>
void unpack_groups(const char* from, std::int64_t* to, std::size_t groups) {
  for (std::size_t group = 0; group < groups; ++group, from += Width, to += kGroup) {
#pragma GCC unroll 8
    for (unsigned i = 0; i < kGroup; ++i)
      to[i] = static_cast<std::int64_t>(load(from + i * Width / 8) >> (i * Width % 8) & mask_of(Width));
  }
}

using Unpack = void (*)(const char* from, std::int64_t* to, std::size_t groups);
template <unsigned... Widths>
constexpr std::array<Unpack, sizeof...(Widths)> unpack_table(
    std::integer_sequence<unsigned, Widths...> /*widths*/) {
  return {unpack_groups<Widths>...};
}
/// By width; a number of at most 32 bits is always within one word.
constexpr auto kUnpack = unpack_table(std::make_integer_sequence<unsigned, kMostGrouped + 1>());

/// So many numbers that groups of them can be read without reading behind the bytes.
std::size_t count_grouped(std::string_view bytes, std::size_t count, unsigned width) {
  constexpr std::size_t kWord = sizeof(std::uint64_t);
  if (width > kMostGrouped || bytes.size() < kWord) return 0;
  return std::min(count / kGroup, (bytes.size() - kWord) / width) * kGroup;
}

}  // namespace

void unpack_bits(std::string_view bytes, std::span<std::int64_t> numbers, unsigned width) {
  DUNLIN_ASSERT(width <= kWordBits && bytes.size() == packed_bytes(numbers.size(), width));
  if (width == 0) {
    std::ranges::fill(numbers, 0);
    return;
  }
  const std::size_t grouped = count_grouped(bytes, numbers.size(), width);
  if (grouped != 0) kUnpack[width](bytes.data(), numbers.data(), grouped / kGroup);
  // The last words reach behind the bytes: the rest is read from a copy.
  bytes.remove_prefix(grouped / kGroup * width);
  std::string padded(bytes);
  padded.append(kSlack, '\0');
  const std::uint64_t mask = mask_of(width);
  std::size_t bit = 0;
  for (std::size_t i = grouped; i < numbers.size(); ++i, bit += width) {
    const auto shift = static_cast<unsigned>(bit % 8);
    const char* const at = padded.data() + bit / 8;
    std::uint64_t value = load(at) >> shift;
    if (shift + width > kWordBits) value |= load(at + sizeof value) << (kWordBits - shift);
    numbers[i] = static_cast<std::int64_t>(value & mask);
  }
}

}  // namespace dunlin::store
