#include "base/core/utf8.h"

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace dunlin {
namespace {

// The bytes that may follow a lead byte: how many, and the range of the first of them (RFC 3629 section 4).
// The later ones are always 80..BF. A length of 0 marks a byte that cannot lead.
struct Follow {
  std::size_t length;
  std::uint8_t first_least;
  std::uint8_t first_most;
};

Follow follow_of(std::uint8_t lead) {
  if (lead >= 0xC2 && lead <= 0xDF) return {1, 0x80, 0xBF};
  if (lead == 0xE0) return {2, 0xA0, 0xBF};
  if (lead == 0xED) return {2, 0x80, 0x9F};
  if (lead >= 0xE1 && lead <= 0xEF) return {2, 0x80, 0xBF};
  if (lead == 0xF0) return {3, 0x90, 0xBF};
  if (lead >= 0xF1 && lead <= 0xF3) return {3, 0x80, 0xBF};
  if (lead == 0xF4) return {3, 0x80, 0x8F};
  return {0, 0, 0};
}

std::uint8_t byte_at(std::string_view text, std::size_t at) {
  return static_cast<std::uint8_t>(text[at]);
}

// The length of the run of ASCII that starts at `at`, eight bytes a step: nearly all topics and names are
// ASCII.
std::size_t skip_ascii(std::string_view text, std::size_t at) {
  constexpr std::uint64_t kHighBits = 0x8080808080808080ULL;
  std::uint64_t word = 0;
  while (text.size() - at >= sizeof word) {
    std::memcpy(&word, text.data() + at, sizeof word);
    if ((word & kHighBits) != 0) break;
    at += sizeof word;
  }
  while (at < text.size() && byte_at(text, at) < 0x80) ++at;
  return at;
}

}  // namespace

bool is_valid_utf8(std::string_view text) {
  std::size_t at = 0;
  while ((at = skip_ascii(text, at)) < text.size()) {
    const Follow follow = follow_of(byte_at(text, at));
    if (follow.length == 0 || text.size() - at <= follow.length) return false;
    const std::uint8_t first = byte_at(text, at + 1);
    if (first < follow.first_least || first > follow.first_most) return false;
    for (std::size_t i = 2; i <= follow.length; ++i) {
      if ((byte_at(text, at + i) & 0xC0) != 0x80) return false;
    }
    at += follow.length + 1;
  }
  return true;
}

bool is_valid_mqtt_utf8(std::string_view text) {
  if (!text.empty() && std::memchr(text.data(), 0, text.size()) != nullptr) return false;
  return is_valid_utf8(text);
}

}  // namespace dunlin
