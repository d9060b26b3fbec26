#include "service/analytics/csv.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/limits.h"
#include "base/time_text.h"
#include "service/analytics/limits.h"

namespace dunlin::analytics {
namespace {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r";
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

bool same_word(std::string_view text, std::string_view lower) {
  const auto same = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b; };
  return std::ranges::equal(text, lower, same);
}

template <std::size_t N>
bool is_one_of(std::string_view text, const std::array<std::string_view, N>& words) {
  return std::ranges::any_of(words, [text](std::string_view word) { return same_word(text, word); });
}

/// Takes the cell at the front of `rest`; a quoted one ends at the next quote (RFC 4180 section 2), doubled
/// quotes have no place in a time or number.
std::string_view take_cell(std::string_view& rest) {
  const std::string_view blanks = rest.substr(0, std::min(rest.find_first_not_of(" \t"), rest.size()));
  std::size_t from = 0;
  if (rest.substr(blanks.size()).starts_with('"')) from = rest.find('"', blanks.size() + 1);
  const std::size_t end =
      std::min(from == std::string_view::npos ? rest.size() : rest.find(',', from), rest.size());
  std::string_view cell = trimmed(rest.substr(0, end));
  rest.remove_prefix(end);
  if (cell.size() >= 2 && cell.starts_with('"') && cell.ends_with('"'))
    cell = trimmed(cell.substr(1, cell.size() - 2));
  return cell;
}

/// Up to kMaxColumns.
std::vector<std::string_view> cells_of(std::string_view line) {
  std::vector<std::string_view> cells;
  cells.push_back(take_cell(line));
  while (!line.empty() && cells.size() < kMaxColumns) {
    line.remove_prefix(1);
    cells.push_back(take_cell(line));
  }
  return cells;
}

/// Nothing if it is no number at all.
std::optional<double> number_of(std::string_view text) {
  double number = 0;
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (end != text.data() + text.size()) return std::nullopt;
  // Too large or too small for a double: the rows around it are still worth reading.
  if (error == std::errc::result_out_of_range) return std::numeric_limits<double>::quiet_NaN();
  return error == std::errc() ? std::optional(number) : std::nullopt;
}

/// Nanoseconds in one unit of a Unix time of that size: 1e11 seconds are in the year 5138, 1e11 milliseconds
/// in 1973.
std::int64_t unit_of(double size) {
  return size < 1e11 ? 1'000'000'000 : size < 1e14 ? 1'000'000 : size < 1e17 ? 1'000 : 1;
}

/// Whole numbers exactly.
Result<WallTime> unix_time(std::string_view text, double number) {
  const std::int64_t unit = unit_of(std::abs(number));
  if (!(std::abs(number) * static_cast<double>(unit) < 9.2e18))
    return fail(Errc::invalid_argument, "the time is outside 1678..2261");
  std::int64_t whole = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), whole);
  if (error == std::errc() && end == text.data() + text.size()) return WallTime{Duration{whole * unit}};
  return WallTime{Duration{std::llround(number * static_cast<double>(unit))}};
}

}  // namespace

Result<WallTime> parse_timestamp(std::string_view text) {
  if (const auto number = number_of(text)) return unix_time(text, *number);
  if (text.size() > kMaxTimeTextBytes) return fail(Errc::malformed, "not a time");
  std::string whole(text);
  constexpr std::size_t kDateBytes = 10;
  if (whole.size() > kDateBytes && whole[kDateBytes] == ' ') whole[kDateBytes] = 'T';
  if (whole.find_first_of("zZ+-", kDateBytes) == std::string::npos) whole += 'Z';
  if (auto time = parse_rfc3339(whole); time || time.error().code != Errc::malformed) return time;
  return fail(Errc::malformed,
              "not a time: write 2026-11-23 02:03:04, RFC 3339, or seconds or milliseconds since 1970");
}

Result<double> parse_value(std::string_view text) {
  constexpr std::array<std::string_view, 4> kNone{"", "nan", "null", "na"};
  if (is_one_of(text, kNone)) return std::numeric_limits<double>::quiet_NaN();
  if (const auto number = number_of(text)) return *number;
  return fail(Errc::malformed, "not a number");
}

std::unexpected<Error> CsvReader::at_line(Errc code, const std::string& what) const {
  return fail(code, "line " + std::to_string(line_) + ": " + what);
}

bool CsvReader::take_header(std::string_view line) {
  constexpr std::array<std::string_view, 5> kTimes{"timestamp", "time", "datetime", "date", "ts"};
  constexpr std::array<std::string_view, 3> kValues{"value", "v", "y"};
  const auto cells = cells_of(line);
  if (std::ranges::any_of(cells, [](auto cell) { return number_of(cell) || parse_timestamp(cell); }))
    return false;
  const auto named = [&cells](const auto& names) {
    return static_cast<std::size_t>(
        std::ranges::find_if(cells, [&](auto cell) { return is_one_of(cell, names); }) - cells.begin());
  };
  if (const std::size_t time = named(kTimes); time < cells.size()) time_column_ = time;
  value_column_ = named(kValues);
  if (value_column_ == cells.size()) value_column_ = time_column_ + 1 < cells.size() ? time_column_ + 1 : 0;
  return true;
}

Result<CsvRow> CsvReader::row(std::string_view line) {
  const auto cells = cells_of(line);
  if (cells.size() <= std::max(time_column_, value_column_))
    return at_line(Errc::malformed, "a time and a value are expected, with a comma between");
  CsvRow row{cells[time_column_], cells[value_column_], {}, 0};
  const auto time = parse_timestamp(row.timestamp);
  if (!time) return at_line(time.error().code, time.error().message);
  const auto number = parse_value(row.value);
  if (!number) return at_line(number.error().code, "the value is " + number.error().message);
  row.time = *time;
  row.number = *number;
  return row;
}

Result<std::optional<CsvRow>> CsvReader::read(std::string_view line) {
  ++line_;
  if (line.size() > kMaxLineBytes)
    return at_line(Errc::limit_exceeded, "longer than " + std::to_string(kMaxLineBytes) + " bytes");
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  if (line_ == 1 && line.starts_with(kByteOrderMark)) line.remove_prefix(kByteOrderMark.size());
  if (trimmed(line).empty()) return std::nullopt;
  const bool first = !begun_;
  begun_ = true;
  if (first && take_header(line)) return std::nullopt;
  DUNLIN_TRY(const CsvRow read, row(line));
  return read;
}

}  // namespace dunlin::analytics
