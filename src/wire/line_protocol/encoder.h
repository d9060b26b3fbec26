#pragma once
// Writes lines of the InfluxDB line protocol.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <variant>

#include "base/core/result.h"

namespace dunlin::line_protocol {

/// As in Line, with texts that are not escaped.
using PlainValue = std::variant<double, std::int64_t, std::uint64_t, bool, std::string_view>;

struct PlainLine {
  std::string_view measurement;
  std::span<const std::pair<std::string_view, std::string_view>> tags;
  std::span<const std::pair<std::string_view, PlainValue>> fields;
  std::optional<std::int64_t> time;
};

/// No line takes more than this.
std::size_t encoded_bound(const PlainLine& line);

/// Writes the line with its end into `into` and says how long it is. Errors: invalid_argument (no field; a
/// number that is not finite); unsupported (a name that the format cannot hold: empty, with a control
/// character, with a backslash at its end, a measurement that begins with `#`); limit_exceeded (`into` is
/// shorter than encoded_bound()).
core::Result<std::size_t> encode(const PlainLine& line, std::span<char> into);

}  // namespace dunlin::line_protocol
