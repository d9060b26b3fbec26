#pragma once
// The part of a line that names the series: measurement and tags.

#include <array>
#include <cstddef>
#include <expected>
#include <span>
#include <string_view>

#include "wire/line_protocol/limits.h"
#include "wire/line_protocol/line.h"

namespace dunlin::line_protocol {

struct Tag {
  Text key;
  Text value;
};

/// Views of the key that was read.
struct Key {
  Text measurement;
  std::array<Tag, kMaxTags> tag_list;
  std::size_t tag_count = 0;
  std::span<const Tag> tags() const { return std::span(tag_list).first(tag_count); }
};

struct KeyError {
  std::string_view place;  // of the key
  std::string_view why;    // static text
};

/// Reads `Line::key`. A tag with an empty value is left out, as if it were not there. Refuses what is no name
/// (check_name), a tag without a name or an equals sign, and a tag that is there twice.
std::expected<Key, KeyError> read_key(std::string_view key);

/// Why a text is no name of a measurement, tag or field, or empty: names hold 1 to kMaxNameBytes bytes of
/// UTF-8 without control characters.
std::string_view check_name(const Text& name);

}  // namespace dunlin::line_protocol
