#include "wire/proxy/address_text.h"

#include <cstddef>

namespace dunlin::proxy {
namespace {

constexpr std::size_t kGroups = 8;

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<std::uint16_t> read_group(std::string_view text) {
  if (text.empty() || text.size() > 4) return std::nullopt;
  unsigned value = 0;
  for (const char c : text) {
    const int digit = hex_digit(c);
    if (digit < 0) return std::nullopt;
    value = value * 16 + static_cast<unsigned>(digit);
  }
  return static_cast<std::uint16_t>(value);
}

struct Groups {
  std::array<std::uint16_t, kGroups> value{};
  std::size_t count = 0;
};

/// Groups joined by single colons; none for an empty text.
std::optional<Groups> read_groups(std::string_view text) {
  Groups groups;
  while (!text.empty()) {
    const std::size_t colon = text.find(':');
    const auto group = read_group(text.substr(0, colon));
    if (!group || groups.count == kGroups) return std::nullopt;
    groups.value[groups.count++] = *group;
    if (colon == std::string_view::npos) break;
    text.remove_prefix(colon + 1);
    if (text.empty()) return std::nullopt;
  }
  return groups;
}

}  // namespace

std::optional<std::uint32_t> read_number(std::string_view text, std::uint32_t most) {
  if (text.empty() || text.size() > 9 || (text.size() > 1 && text.front() == '0')) return std::nullopt;
  std::uint32_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<std::uint32_t>(c - '0');
  }
  if (value > most) return std::nullopt;
  return value;
}

std::optional<std::array<std::uint8_t, 16>> read_ipv4(std::string_view text) {
  std::array<std::uint8_t, 16> bytes{};
  for (std::size_t i = 0; i < 4; ++i) {
    const std::size_t dot = i < 3 ? text.find('.') : text.size();
    if (dot == std::string_view::npos) return std::nullopt;
    const auto number = read_number(text.substr(0, dot), 255);
    if (!number) return std::nullopt;
    bytes[i] = static_cast<std::uint8_t>(*number);
    text.remove_prefix(i < 3 ? dot + 1 : dot);
  }
  return bytes;
}

std::optional<std::array<std::uint8_t, 16>> read_ipv6(std::string_view text) {
  const std::size_t gap = text.find("::");
  const auto head = read_groups(text.substr(0, gap));
  const auto tail =
      gap == std::string_view::npos ? std::optional<Groups>(Groups{}) : read_groups(text.substr(gap + 2));
  if (!head || !tail) return std::nullopt;
  const std::size_t count = head->count + tail->count;
  if (gap == std::string_view::npos ? count != kGroups : count >= kGroups) return std::nullopt;
  std::array<std::uint8_t, 16> bytes{};
  const auto put = [&bytes](std::size_t group, std::uint16_t value) {
    bytes[2 * group] = static_cast<std::uint8_t>(value >> 8);
    bytes[2 * group + 1] = static_cast<std::uint8_t>(value);
  };
  for (std::size_t i = 0; i < head->count; ++i) put(i, head->value[i]);
  for (std::size_t i = 0; i < tail->count; ++i) put(kGroups - tail->count + i, tail->value[i]);
  return bytes;
}

}  // namespace dunlin::proxy
