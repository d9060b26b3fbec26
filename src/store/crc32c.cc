#include "store/crc32c.h"

#include <array>

#include "store/encoding.h"

namespace dunlin::store {
namespace {

constexpr std::uint32_t kReversedPolynomial = 0x82F63B78U;

constexpr std::array<std::uint32_t, 256> make_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t value = byte;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1U) != 0 ? kReversedPolynomial : 0U);
    table[byte] = value;
  }
  return table;
}

constexpr std::array<std::uint32_t, 256> kTable = make_table();

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) std::uint32_t crc32c_instruction(std::uint32_t crc, ByteView bytes) {
  std::uint64_t value = ~crc;
  const std::uint8_t* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 8; left -= 8, at += 8) value = __builtin_ia32_crc32di(value, load_number<std::uint64_t>(at));
  auto narrow = static_cast<std::uint32_t>(value);
  if (left >= 4) {
    narrow = __builtin_ia32_crc32si(narrow, load_number<std::uint32_t>(at));
    at += 4;
    left -= 4;
  }
  for (; left > 0; --left, ++at) narrow = __builtin_ia32_crc32qi(narrow, *at);
  return ~narrow;
}

const bool kHasInstruction = __builtin_cpu_supports("sse4.2") != 0;
#endif

}  // namespace

std::uint32_t crc32c_portable(std::uint32_t crc, ByteView bytes) {
  std::uint32_t value = ~crc;
  for (const std::uint8_t byte : bytes) value = (value >> 8) ^ kTable[(value ^ byte) & 0xFFU];
  return ~value;
}

std::uint32_t crc32c(std::uint32_t crc, ByteView bytes) {
#if defined(__x86_64__)
  if (kHasInstruction) return crc32c_instruction(crc, bytes);
#endif
  return crc32c_portable(crc, bytes);
}

}  // namespace dunlin::store
