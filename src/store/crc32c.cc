#include "store/crc32c.h"

#include "base/core/crc32c.h"
#include "store/encoding.h"

namespace dunlin::store {
namespace {

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

std::uint32_t crc32c(std::uint32_t crc, ByteView bytes) {
#if defined(__x86_64__)
  if (kHasInstruction) return crc32c_instruction(crc, bytes);
#endif
  return dunlin::crc32c_portable(crc, bytes);
}

}  // namespace dunlin::store
