#pragma once
// What a pattern is made of. For time_pattern*.cc only.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace dunlin {

enum class PatternField : std::uint8_t {
  none,
  era,   // 0: BC, 1: AD
  year,  // ..., -1, 0 (1 BC), 1, ...
  year_of_era,
  century_of_era,
  week_year,
  quarter,
  month,
  week_of_year,
  week_of_month,
  day_of_year,
  day,
  weekday,              // 1: Monday
  local_weekday,        // 1: the first one of the dialect's weeks
  half_day,             // 0: AM
  hour,                 // 0 to 23
  clock_hour,           // 1 to 24
  half_day_hour,        // 0 to 11
  clock_half_day_hour,  // 1 to 12
  minute,
  second,
  nanosecond,
  count_,
};
inline constexpr std::size_t kPatternFields = static_cast<std::size_t>(PatternField::count_);

struct PatternElement {
  enum class Kind : std::uint8_t {
    literal,
    number,
    two_digits,  // of a year
    fraction,    // of a second
    text,
    zone_id,
    zone_name,
    offset,
    localized_offset,  // GMT+08:00
  };
  enum class Sign : std::uint8_t { normal, not_negative, exceeds_pad };
  enum class Style : std::uint8_t { brief, full, narrow };
  /// How an offset is written: "+HHmm" has minutes where they are not 0.
  enum class Offset : std::uint8_t { hours, hours_minutes, with_colon, seconds, seconds_with_colon };
  Kind kind = Kind::literal;
  PatternField field = PatternField::none;
  Sign sign = Sign::normal;
  Style style = Style::brief;
  Offset offset = Offset::hours;
  int least = 1;  // digits
  int most = 19;
  int follow = 0;    // digits of the numbers of fixed width that follow at once
  std::string text;  // a literal; of an offset: what stands for none
};

/// How weeks are counted: in which one the year begins, and on which day they do.
struct WeekRule {
  int first_day = 1;   // 1: Monday
  int least_days = 4;  // of the year's first week
};
inline constexpr WeekRule kIsoWeeks{1, 4};
inline constexpr WeekRule kUsWeeks{7, 1};

/// Days since 1970-01-01 at which the first week of a year begins.
std::int64_t first_week_of(int year, WeekRule rule);
/// In which week a day is; `of_month` counts from that of the month's first day, 1.
struct WeekDate {
  int year = 0;
  int week = 0;
  int of_month = 0;
};
WeekDate week_date_of(std::int64_t day, WeekRule rule);
/// 1: the first one of a week. Days since 1970-01-01.
int local_weekday_of(std::int64_t day, WeekRule rule);

/// January, AM, BC ... in English; value as PatternField says. Empty: the field has no names.
std::string_view pattern_name(PatternField field, PatternElement::Style style, int value);

/// "Central European Summer Time" or "CEST" by the zone's id and the abbreviation of the system's data; that
/// abbreviation where there is no better one.
std::string zone_display_name(std::string_view zone, std::string_view abbreviation,
                              PatternElement::Style style);
/// The zone that the longest such name at the beginning of a text means; empty: there is none there.
struct NamedZone {
  std::string_view zone;
  std::size_t length = 0;
};
NamedZone zone_by_name(std::string_view text, PatternElement::Style style);

}  // namespace dunlin
