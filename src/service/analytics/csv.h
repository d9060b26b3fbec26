#pragma once
// Rows of time and value out of the lines of a CSV file (docs/formats/analytics.md).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace dunlin::analytics {

/// RFC 3339, "YYYY-MM-DD HH:MM:SS" (UTC unless an offset follows) with or without a fraction, or a Unix time:
/// seconds, milliseconds, microseconds or nanoseconds, told apart by size. Errors: malformed,
/// invalid_argument (outside 1678..2261). Any thread.
Result<WallTime> parse_timestamp(std::string_view text);

/// A number, or NaN for none: an empty cell, "nan", "null", "na". Errors: malformed. Any thread.
Result<double> parse_value(std::string_view text);

struct CsvRow {
  std::string_view timestamp;  // as written, and so is the value: views of the line
  std::string_view value;
  WallTime time;
  double number = 0;  // NaN: none
};

/// Reads one file line by line. A first line without a number or time is the header: it names the columns
/// (timestamp, time, date, datetime, ts; value, v, y). Otherwise the time is the first one and the value the
/// one after it. One thread.
class CsvReader {
 public:
  /// `line` without its line feed; a carriage return at its end is ignored. Nothing for an empty line and for
  /// the header. Errors name the number of the line: malformed, invalid_argument, limit_exceeded.
  Result<std::optional<CsvRow>> read(std::string_view line);

  std::uint64_t line() const { return line_; }

 private:
  Result<CsvRow> row(std::string_view line);
  bool take_header(std::string_view line);
  std::unexpected<Error> at_line(Errc code, const std::string& what) const;

  std::uint64_t line_ = 0;
  bool begun_ = false;
  std::size_t time_column_ = 0;
  std::size_t value_column_ = 1;
};

}  // namespace dunlin::analytics
