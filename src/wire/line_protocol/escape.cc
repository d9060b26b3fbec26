#include "wire/line_protocol/escape.h"

#include "base/core/assert.h"

namespace dunlin::line_protocol {

bool is_protected(Place place, char character) {
  if (place == Place::text) return character == '"' || character == '\\';
  return character == ',' || character == ' ' || (character == '=' && place == Place::name);
}

std::string_view unescape(const Text& text, Place place, std::span<char> into) {
  if (!text.escaped) return text.raw;
  DUNLIN_ASSERT(into.size() >= text.raw.size());
  std::size_t length = 0;
  for (std::size_t i = 0; i < text.raw.size(); ++i) {
    const bool escapes =
        text.raw[i] == '\\' && i + 1 < text.raw.size() && is_protected(place, text.raw[i + 1]);
    if (escapes) ++i;
    into[length++] = text.raw[i];
  }
  return {into.data(), length};
}

}  // namespace dunlin::line_protocol
