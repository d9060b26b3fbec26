#include "wire/line_protocol/key.h"

#include <algorithm>

#include "base/core/utf8.h"
#include "wire/line_protocol/escape.h"

namespace dunlin::line_protocol {
namespace {

/// Up to a character that ends the text, or the end.
template <class Ends>
Text take_until(std::string_view rest, Place place, Ends ends) {
  Text text;
  std::size_t at = 0;
  while (at < rest.size() && !ends(rest[at])) {
    const bool escapes = rest[at] == '\\' && at + 1 < rest.size() && is_protected(place, rest[at + 1]);
    text.escaped = text.escaped || escapes;
    at += escapes ? 2 : 1;
  }
  text.raw = rest.substr(0, at);
  return text;
}

bool is_control(char character) {
  return static_cast<unsigned char>(character) < 0x20 || character == 0x7F;
}

bool is_same_name(const Text& a, const Text& b) {
  if (!a.escaped && !b.escaped) return a.raw == b.raw;
  std::array<char, kMaxNameBytes> a_bytes;
  std::array<char, kMaxNameBytes> b_bytes;
  return unescape(a, Place::name, a_bytes) == unescape(b, Place::name, b_bytes);
}

std::expected<Tag, KeyError> read_tag(std::string_view rest) {
  const auto refuse = [](const Text& at, std::string_view why) {
    return std::unexpected(KeyError{at.raw, why});
  };
  Tag tag;
  tag.key = take_until(rest, Place::name, [](char c) { return c == '=' || c == ','; });
  if (tag.key.raw.empty()) return refuse(tag.key, "a tag has no name");
  if (const auto why = check_name(tag.key); !why.empty()) return refuse(tag.key, why);
  rest.remove_prefix(tag.key.raw.size());
  if (!rest.starts_with('=')) return refuse(tag.key, "a tag has no \"=\"");
  tag.value = take_until(rest.substr(1), Place::name, [](char c) { return c == ',' || c == '='; });
  rest.remove_prefix(1 + tag.value.raw.size());
  if (rest.starts_with('='))
    return refuse(tag.value, "an equals sign in a tag's value needs a backslash before it");
  if (tag.value.raw.empty()) return tag;
  if (const auto why = check_name(tag.value); !why.empty()) return refuse(tag.value, why);
  return tag;
}

}  // namespace

std::string_view check_name(const Text& name) {
  if (name.raw.empty()) return "a name is empty";
  if (name.raw.size() > kMaxNameBytes) return "a name is longer than 256 bytes";
  if (std::ranges::any_of(name.raw, is_control)) return "a name holds a control character";
  if (!is_valid_utf8(name.raw)) return "a name is not UTF-8";
  return {};
}

std::expected<Key, KeyError> read_key(std::string_view key) {
  std::expected<Key, KeyError> result;
  Key& found = *result;
  found.measurement = take_until(key, Place::measurement, [](char c) { return c == ','; });
  if (found.measurement.raw.empty())
    return std::unexpected(KeyError{key.substr(0, 0), "the measurement has no name"});
  if (const auto why = check_name(found.measurement); !why.empty())
    return std::unexpected(KeyError{found.measurement.raw, why});
  std::string_view rest = key.substr(found.measurement.raw.size());
  while (!rest.empty()) {
    rest.remove_prefix(1);
    const auto tag = read_tag(rest);
    if (!tag) return std::unexpected(tag.error());
    rest.remove_prefix(tag->key.raw.size() + 1 + tag->value.raw.size());
    if (tag->value.raw.empty()) continue;
    const auto is_same = [&](const Tag& other) { return is_same_name(other.key, tag->key); };
    if (std::ranges::any_of(found.tags(), is_same))
      return std::unexpected(KeyError{tag->key.raw, "a tag is there twice"});
    if (found.tag_count == kMaxTags)
      return std::unexpected(KeyError{tag->key.raw, "the line has more than 64 tags"});
    found.tag_list[found.tag_count++] = *tag;
  }
  return result;
}

}  // namespace dunlin::line_protocol
