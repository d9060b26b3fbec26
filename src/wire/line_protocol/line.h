#pragma once
// What a line of the InfluxDB line protocol says, as views of the bytes that were read.

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string_view>
#include <variant>

namespace dunlin::line_protocol {

/// A part of the input as it is written; `escaped` where it holds a backslash, so that it may have to be
/// unescaped (escape.h).
struct Text {
  std::string_view raw;
  bool escaped = false;
};

/// Floating point, signed (`i`), unsigned (`u`), truth value, text in quotes (without them).
using Value = std::variant<double, std::int64_t, std::uint64_t, bool, Text>;

struct Field {
  Text key;
  Value value;
};

/// Valid while the input is, `fields` until the next line is read.
struct Line {
  std::size_t number = 0;  // from 1
  std::string_view bytes;  // from the line's beginning, for error_at()
  std::string_view key;    // measurement and tags as written; read_key() reads them
  std::span<const Field> fields;
  std::optional<std::int64_t> time;  // in the unit of whoever sends it
};

/// Why a line is refused.
struct LineError {
  std::size_t line = 0;    // from 1
  std::size_t column = 0;  // from 1, in bytes
  std::string_view why;    // static text
};

/// An error at a place of a line; `place` is a view into `line.bytes`.
LineError error_at(const Line& line, std::string_view place, std::string_view why);

}  // namespace dunlin::line_protocol
