#include "base/config_text.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>

namespace dunlin::config {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t size;
};
// Largest first, as they are shown.
constexpr std::array kDurations{Unit{"d", 86'400'000'000'000},
                                Unit{"h", 3'600'000'000'000},
                                Unit{"m", 60'000'000'000},
                                Unit{"s", 1'000'000'000},
                                Unit{"ms", 1'000'000},
                                Unit{"us", 1'000},
                                Unit{"ns", 1}};
constexpr std::array kSizes{Unit{"TiB", 1ULL << 40},
                            Unit{"GiB", 1ULL << 30},
                            Unit{"MiB", 1ULL << 20},
                            Unit{"KiB", 1ULL << 10},
                            Unit{"B", 1},
                            Unit{"", 1}};

std::unexpected<Error> refuse(std::string_view what) {
  return fail(Errc::invalid_argument, "must be " + std::string(what));
}

// A whole number and the name of a unit, multiplied.
template <std::size_t N>
Result<std::uint64_t> parse_with_unit(std::string_view text, const std::array<Unit, N>& units,
                                      std::string_view wanted) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return refuse(wanted);
  const std::string_view name = text.substr(static_cast<std::size_t>(end - text.data()));
  if (number == 0 && name.empty()) return std::uint64_t{0};
  for (const Unit& unit : units) {
    if (unit.name != name) continue;
    if (number > UINT64_MAX / unit.size) return refuse("a smaller number");
    return number * unit.size;
  }
  return refuse(wanted);
}

template <std::size_t N>
std::string show_with_unit(std::uint64_t value, const std::array<Unit, N>& units) {
  for (const Unit& unit : units) {
    if (value % unit.size == 0 && value != 0)
      return std::to_string(value / unit.size) + std::string(unit.name);
  }
  return "0";
}

}  // namespace

Result<std::int64_t> parse_integer(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return refuse("a whole number");
  return value;
}

Result<double> parse_number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value))
    return refuse("a number");
  return value;
}

Result<Duration> parse_duration(std::string_view text) {
  constexpr std::string_view kWanted = "a duration such as \"250ms\", \"10s\", \"5m\", \"2h\" or \"7d\"";
  DUNLIN_TRY(const std::uint64_t value, parse_with_unit(text, kDurations, kWanted));
  if (value > INT64_MAX) return refuse("a shorter duration");
  return Duration{static_cast<std::int64_t>(value)};
}

Result<std::uint64_t> parse_bytes(std::string_view text) {
  return parse_with_unit(text, kSizes, "a number of bytes such as 4096, \"64KiB\", \"16MiB\" or \"2GiB\"");
}

std::string show_duration(Duration value) {
  if (value.count() == 0) return "0s";
  if (value.count() < 0) return "-" + show_with_unit(static_cast<std::uint64_t>(-value.count()), kDurations);
  return show_with_unit(static_cast<std::uint64_t>(value.count()), kDurations);
}

std::string show_bytes(std::uint64_t value) {
  if (value == 0) return "0B";
  return show_with_unit(value, kSizes);
}

std::string show_number(double value) {
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".en") == std::string::npos) text += ".0";
  return text;
}

std::string quote_toml(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      quoted.push_back('\\');
      quoted.push_back(c);
    } else if (byte < 0x20 || byte == 0x7f) {
      quoted += fmt::format("\\u{:04x}", byte);
    } else {
      quoted.push_back(c);
    }
  }
  return quoted + "\"";
}

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    std::string_view part = text.substr(0, comma);
    text.remove_prefix(std::min(comma + 1, text.size()));
    const std::size_t first = part.find_first_not_of(' ');
    if (first == std::string_view::npos) continue;
    part = part.substr(first, part.find_last_not_of(' ') - first + 1);
    parts.emplace_back(part);
  }
  return parts;
}

}  // namespace dunlin::config
