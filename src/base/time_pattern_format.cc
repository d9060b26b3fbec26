#include "base/time_pattern.h"
#include "base/time_pattern_internal.h"

namespace dunlin {

int local_weekday_of(std::int64_t day, WeekRule rule) {
  // 1970-01-01 was a Thursday, 4 counted from Monday as 1.
  return static_cast<int>((((day + 4 - rule.first_day) % 7) + 7) % 7) + 1;
}

std::int64_t first_week_of(int year, WeekRule rule) {
  using namespace std::chrono;
  const auto first = sys_days{std::chrono::year{year} / January / 1}.time_since_epoch().count();
  const int before = local_weekday_of(first, rule) - 1;  // days of that week that are in the year before
  return first - before + (7 - before < rule.least_days ? 7 : 0);
}

WeekDate week_date_of(std::int64_t day, WeekRule rule) {
  const std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days{day}}};
  WeekDate made;
  made.year = static_cast<int>(date.year());
  if (day >= first_week_of(made.year + 1, rule)) {
    ++made.year;
  } else if (day < first_week_of(made.year, rule)) {
    --made.year;
  }
  made.week = static_cast<int>((day - first_week_of(made.year, rule)) / 7) + 1;
  const int of_month = static_cast<int>(static_cast<unsigned>(date.day())) - 1;
  made.of_month = (of_month + local_weekday_of(day - of_month, rule) - 1) / 7 + 1;
  return made;
}

namespace {

using Field = PatternField;
using Kind = PatternElement::Kind;
using Offset = PatternElement::Offset;
using Sign = PatternElement::Sign;
using Style = PatternElement::Style;
using std::chrono::seconds;

/// A moment at a place, as the fields of patterns have it.
class LocalTime {
 public:
  LocalTime(PatternTime time, seconds offset, WeekRule weeks)
      : weeks_(weeks),
        day_(std::chrono::floor<std::chrono::days>(time + offset)),
        date_(day_),
        clock_(time + offset - day_) {}

  int year() const { return static_cast<int>(date_.year()); }

  std::int64_t value(Field field) const {
    const int hour = static_cast<int>(clock_.hours().count());
    switch (field) {
      case Field::era:
        return year() > 0 ? 1 : 0;
      case Field::year:
        return year();
      case Field::year_of_era:
        return year() > 0 ? year() : 1 - year();
      case Field::century_of_era:
        return value(Field::year_of_era) / 100;
      case Field::quarter:
        return (static_cast<unsigned>(date_.month()) + 2) / 3;
      case Field::month:
        return static_cast<unsigned>(date_.month());
      case Field::day:
        return static_cast<unsigned>(date_.day());
      case Field::day_of_year:
        return (day_ - std::chrono::sys_days{date_.year() / std::chrono::January / 1}).count() + 1;
      case Field::weekday:
        return local_weekday_of(day_count(), kIsoWeeks);
      case Field::local_weekday:
        return local_weekday_of(day_count(), weeks_);
      case Field::week_year:
        return week().year;
      case Field::week_of_year:
        return week().week;
      case Field::week_of_month:
        return week().of_month;
      case Field::half_day:
        return hour / 12;
      case Field::hour:
        return hour;
      case Field::clock_hour:
        return hour == 0 ? 24 : hour;
      case Field::half_day_hour:
        return hour % 12;
      case Field::clock_half_day_hour:
        return hour % 12 == 0 ? 12 : hour % 12;
      case Field::minute:
        return clock_.minutes().count();
      case Field::second:
        return clock_.seconds().count();
      case Field::nanosecond:
        return clock_.subseconds().count() * 1'000'000;
      case Field::none:
      case Field::count_:
        break;
    }
    return 0;
  }

 private:
  std::int64_t day_count() const { return day_.time_since_epoch().count(); }
  WeekDate week() const { return week_date_of(day_count(), weeks_); }

  WeekRule weeks_;
  std::chrono::sys_days day_;
  std::chrono::year_month_day date_;
  std::chrono::hh_mm_ss<std::chrono::milliseconds> clock_;
};

std::string padded(std::int64_t value, int width) {
  std::string digits = std::to_string(value < 0 ? -value : value);
  if (static_cast<int>(digits.size()) < width)
    digits.insert(0, static_cast<std::size_t>(width) - digits.size(), '0');
  return digits;
}

std::string number_text(const PatternElement& element, std::int64_t value) {
  if (element.kind == Kind::two_digits) return padded(value % 100, 2);
  if (element.kind == Kind::fraction)
    return padded(value, 9).substr(0, static_cast<std::size_t>(element.least));
  std::string digits = padded(value, element.least);
  if (value < 0) return "-" + digits;
  const bool exceeds = element.sign == Sign::exceeds_pad && static_cast<int>(digits.size()) > element.least;
  return exceeds ? "+" + digits : digits;
}

std::string offset_text(const PatternElement& element, seconds offset) {
  const std::chrono::hh_mm_ss parts(std::chrono::abs(offset));
  const std::string colon =
      element.offset == Offset::with_colon || element.offset == Offset::seconds_with_colon ? ":" : "";
  const bool to_seconds = element.offset == Offset::seconds || element.offset == Offset::seconds_with_colon;
  std::string made = padded(parts.hours().count(), 2);
  if (element.offset != Offset::hours || parts.minutes().count() != 0)
    made += colon + padded(parts.minutes().count(), 2);
  if (to_seconds && parts.seconds().count() != 0) made += colon + padded(parts.seconds().count(), 2);
  if (made.find_first_not_of("0:") == std::string::npos) return element.text;
  return (offset.count() < 0 ? "-" : "+") + made;
}

std::string localized_offset_text(const PatternElement& element, seconds offset) {
  if (offset.count() == 0) return "GMT";
  const std::chrono::hh_mm_ss parts(std::chrono::abs(offset));
  const bool full = element.style == Style::full;
  std::string made = std::string("GMT") + (offset.count() < 0 ? "-" : "+");
  made += padded(parts.hours().count(), full ? 2 : 1);
  if (full || parts.minutes().count() != 0 || parts.seconds().count() != 0)
    made += ":" + padded(parts.minutes().count(), 2);
  if (parts.seconds().count() != 0) made += ":" + padded(parts.seconds().count(), 2);
  return made;
}

}  // namespace

std::optional<std::string> TimePattern::format(PatternTime time, const TimeZone& zone) const {
  using std::chrono::days;
  // Before anything is added to it.
  constexpr std::chrono::milliseconds kMost = days{366L * (kMaxPatternYear + 1)};
  if (time.time_since_epoch() < -kMost - days{366L * 1970} || time.time_since_epoch() > kMost)
    return std::nullopt;
  const auto second = std::chrono::floor<seconds>(time);
  const seconds offset = zone.offset_at(second);
  const LocalTime local(time, offset, dialect_ == Dialect::joda ? kIsoWeeks : kUsWeeks);
  if (local.year() < -kMaxPatternYear || local.year() > kMaxPatternYear) return std::nullopt;
  std::string made;
  for (const PatternElement& element : elements_) {
    switch (element.kind) {
      case Kind::literal:
        made += element.text;
        break;
      case Kind::number:
      case Kind::two_digits:
      case Kind::fraction:
        made += number_text(element, local.value(element.field));
        break;
      case Kind::text:
        made += pattern_name(element.field, element.style, static_cast<int>(local.value(element.field)));
        break;
      case Kind::zone_id:
        made += zone.name();
        break;
      case Kind::zone_name:
        made += zone_display_name(zone.name(), zone.abbreviation_at(second), element.style);
        break;
      case Kind::offset:
        made += offset_text(element, offset);
        break;
      case Kind::localized_offset:
        made += localized_offset_text(element, offset);
        break;
    }
  }
  return made;
}

}  // namespace dunlin
