#pragma once
// Backslashes: which characters they protect depends on where they stand. Any other backslash is itself.

#include <cstddef>
#include <span>
#include <string_view>

#include "wire/line_protocol/line.h"

namespace dunlin::line_protocol {

enum class Place : unsigned char {
  measurement,  // comma and space
  name,         // of a tag or field, and a tag's value: comma, space and equals sign
  text,         // a text in quotes: quotation mark and backslash
};

bool is_protected(Place place, char character);

/// Writes the text without its backslashes; the result is a view of `into`, which has at least the size of
/// `text.raw`, or of the input where nothing is escaped.
std::string_view unescape(const Text& text, Place place, std::span<char> into);

}  // namespace dunlin::line_protocol
