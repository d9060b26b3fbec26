#include "model/keys.h"

#include "base/core/assert.h"

namespace dunlin::model {
namespace {

template <class Unsigned>
std::string big_endian(Unsigned value) {
  std::string bytes(sizeof value, '\0');
  for (std::size_t i = 0; i < sizeof value; ++i) {
    bytes[i] = static_cast<char>(value >> (8 * (sizeof value - 1 - i)));
  }
  return bytes;
}

template <class Unsigned>
Unsigned read_big_endian(std::string_view bytes) {
  DUNLIN_ASSERT(bytes.size() == sizeof(Unsigned));
  Unsigned value = 0;
  for (const char byte : bytes) value = static_cast<Unsigned>(value << 8 | static_cast<std::uint8_t>(byte));
  return value;
}

constexpr std::uint64_t kSignBit = 1ULL << 63;

}  // namespace

std::string big_endian_32(std::uint32_t value) {
  return big_endian(value);
}
std::string big_endian_64(std::int64_t value) {
  return big_endian(static_cast<std::uint64_t>(value) ^ kSignBit);
}
std::int64_t read_big_endian_64(std::string_view bytes) {
  return static_cast<std::int64_t>(read_big_endian<std::uint64_t>(bytes) ^ kSignBit);
}
std::uint32_t read_big_endian_32(std::string_view bytes) {
  return read_big_endian<std::uint32_t>(bytes);
}

std::string tenant_key(TenantId tenant, std::string_view name) {
  return big_endian_32(tenant.value) + std::string(name);
}

std::string prefix_end(std::string prefix) {
  while (!prefix.empty() && static_cast<std::uint8_t>(prefix.back()) == 0xff) prefix.pop_back();
  if (!prefix.empty()) prefix.back() = static_cast<char>(prefix.back() + 1);
  return prefix;
}

std::string cursor_key(std::string_view consumer, std::uint16_t journal) {
  return "cursor/" + std::string(consumer) + "/" + std::to_string(journal);
}

}  // namespace dunlin::model
