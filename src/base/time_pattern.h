#pragma once
// Times written and read by patterns such as "yyyy-MM-dd HH:mm:ss", in the letters of Joda-Time's
// DateTimeFormat and of java.time's DateTimeFormatter. English names; weeks of java.time as in the USA.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time_zone.h"

namespace dunlin {

/// What patterns speak of: milliseconds, of years that a WallTime does not reach.
using PatternTime = std::chrono::sys_time<std::chrono::milliseconds>;

inline constexpr std::size_t kMaxTimePatternBytes = 256;
/// The same letter one after the other, where the dialect sets no bound itself.
inline constexpr std::size_t kMaxPatternLetters = 19;
/// Bytes of a text that is to be read.
inline constexpr std::size_t kMaxPatternTextBytes = 1024;
inline constexpr int kMaxPatternYear = 30'000;  // and from -30'000

struct PatternElement;

/// Never changes. Any thread.
class TimePattern {
 public:
  enum class Dialect : std::uint8_t { joda, java };

  /// Errors: invalid_argument (a letter that the dialect does not have, too many of it, an open quotation);
  /// unsupported (java's optional sections, padding and day periods); limit_exceeded.
  static Result<TimePattern> parse(std::string_view pattern, Dialect dialect);

  TimePattern(TimePattern&&) noexcept;
  TimePattern& operator=(TimePattern&&) noexcept;
  TimePattern(const TimePattern&) = delete;
  TimePattern& operator=(const TimePattern&) = delete;
  ~TimePattern();

  /// Nothing: a year past kMaxPatternYear. Names of zones are those of the system's data where these tables
  /// have none.
  std::optional<std::string> format(PatternTime time, const TimeZone& zone) const;

  /// The whole text, strictly by the pattern, resolved as ResolverStyle.SMART does (30 February is the 28th
  /// or 29th); midnight where the pattern has no time; in `otherwise` where the text names no zone. Nothing:
  /// it is no such text, or names no date, or contradicts itself, or
  /// has a name of one letter. Patterns of Dialect::java only. May block
  /// as system_time_zone() does.
  std::optional<PatternTime> read(std::string_view text, const TimeZone& otherwise) const;

 private:
  TimePattern(std::vector<PatternElement> elements, Dialect dialect);

  std::vector<PatternElement> elements_;
  Dialect dialect_;
};

}  // namespace dunlin
