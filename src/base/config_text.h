#pragma once
// Values of the configuration as text: with units, in TOML, and what is allowed. Private to the room.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace dunlin::config {

/// A decimal integer with an optional sign. Errors: invalid_argument.
Result<std::int64_t> parse_integer(std::string_view text);
Result<double> parse_number(std::string_view text);
/// A whole number and one of ns, us, ms, s, m, h, d; "0" needs no unit. Errors: invalid_argument.
Result<Duration> parse_duration(std::string_view text);
/// A whole number and none or one of B, KiB, MiB, GiB, TiB. Errors: invalid_argument.
Result<std::uint64_t> parse_bytes(std::string_view text);

/// In the largest unit that leaves a whole number: "90s", "2h".
std::string show_duration(Duration value);
std::string show_bytes(std::uint64_t value);
/// The shortest text that reads back as the same number; always with a point or exponent, as TOML wants its
/// floats.
std::string show_number(double value);
/// A basic string of TOML, in quotes.
std::string quote_toml(std::string_view text);

/// The elements of a list given outside a file: separated by commas, spaces around them dropped, empty text
/// is no element.
std::vector<std::string> split_list(std::string_view text);

}  // namespace dunlin::config
