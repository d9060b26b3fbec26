// Reading as java.time does: java.time.format.DateTimeFormatter with ResolverStyle.SMART, strict in what it
// takes for a number or a name.
#include "base/core/assert.h"
#include "base/time_pattern.h"
#include "base/time_pattern_internal.h"

namespace dunlin {
namespace {

using Field = PatternField;
using Kind = PatternElement::Kind;
using Offset = PatternElement::Offset;
using Sign = PatternElement::Sign;
using Style = PatternElement::Style;
using std::chrono::seconds;

/// What a text said.
struct Fields {
  std::array<std::optional<std::int64_t>, kPatternFields> values;
  std::optional<seconds> offset;
  std::shared_ptr<const TimeZone> zone;

  std::optional<std::int64_t>& at(Field field) { return values[static_cast<std::size_t>(field)]; }
  const std::optional<std::int64_t>& at(Field field) const { return values[static_cast<std::size_t>(field)]; }
  /// False: it was there with another value.
  bool set(Field field, std::int64_t value) {
    auto& place = at(field);
    if (place && *place != value) return false;
    place = value;
    return true;
  }
};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

class TextReader {
 public:
  explicit TextReader(std::string_view text) : rest_(text) {}

  bool read(const PatternElement& element) {
    switch (element.kind) {
      case Kind::literal:
        return take(element.text);
      case Kind::number:
        return number(element);
      case Kind::two_digits:
        return two_digits(element);
      case Kind::fraction:
        return fraction(element);
      case Kind::text:
        return name(element);
      case Kind::zone_id:
        return zone();
      case Kind::zone_name:
        return zone_name(element.style);
      case Kind::offset:
        return offset(element);
      case Kind::localized_offset:
        return localized_offset(element);
    }
    return false;
  }
  bool at_end() const { return rest_.empty(); }
  const Fields& fields() const { return fields_; }

 private:
  bool take(std::string_view words) {
    if (!rest_.starts_with(words)) return false;
    rest_.remove_prefix(words.size());
    return true;
  }

  /// Digits from `least` to as many as belong to this number and not to those that follow it at once.
  std::optional<std::string_view> digits(const PatternElement& element) {
    const auto least = static_cast<std::size_t>(element.least);
    const auto follow = static_cast<std::size_t>(element.follow);
    const auto most = static_cast<std::size_t>(element.most);
    std::size_t found = 0;
    while (found < rest_.size() && found < most + follow && is_digit(rest_[found])) ++found;
    if (follow > 0) found = std::min(std::max(least, found - std::min(found, follow)), found);
    if (found < least) return std::nullopt;
    const std::string_view made = rest_.substr(0, found);
    rest_.remove_prefix(found);
    return made;
  }
  static std::optional<std::int64_t> value_of(std::string_view text) {
    if (text.size() > 18) return std::nullopt;  // no field has so many
    std::int64_t value = 0;
    for (const char c : text) value = value * 10 + (c - '0');
    return value;
  }

  bool number(const PatternElement& element) {
    const bool minus = rest_.starts_with('-') && element.sign != Sign::not_negative;
    const bool plus = rest_.starts_with('+') && element.sign == Sign::exceeds_pad;
    if (minus || plus) rest_.remove_prefix(1);
    const auto text = digits(element);
    if (!text) return false;
    const bool wide = static_cast<int>(text->size()) > element.least;
    // A plus says that there are more digits than letters, and must say it (SignStyle.EXCEEDS_PAD).
    if (element.sign == Sign::exceeds_pad && !minus && plus != wide) return false;
    const auto value = value_of(*text);
    if (!value || (minus && *value == 0)) return false;
    return fields_.set(element.field, minus ? -*value : *value);
  }
  bool two_digits(const PatternElement& element) {
    const auto text = digits(element);
    return text && fields_.set(element.field, 2000 + *value_of(*text));
  }
  bool fraction(const PatternElement& element) {
    const auto text = digits(element);
    if (!text) return false;
    std::int64_t value = *value_of(*text);
    for (std::size_t i = text->size(); i < 9; ++i) value *= 10;
    return fields_.set(Field::nanosecond, value);
  }

  bool name(const PatternElement& element) {
    if (element.style == Style::narrow && element.field != Field::era) return false;  // J: which month?
    std::string_view best;
    int value = 0;
    for (int i = 0; i <= 12; ++i) {
      const std::string_view one = pattern_name(element.field, element.style, i);
      if (one.size() <= best.size() || !rest_.starts_with(one)) continue;
      best = one;
      value = i;
    }
    return !best.empty() && take(best) && fields_.set(element.field, value);
  }

  bool set_zone(std::string_view id) {
    fields_.zone = system_time_zone(id);
    return fields_.zone != nullptr;
  }

  /// [+-]HH:MM, with :ss where they follow.
  std::optional<seconds> signed_offset() {
    if (!rest_.starts_with('+') && !rest_.starts_with('-')) return std::nullopt;
    PatternElement form;
    form.offset = Offset::seconds_with_colon;
    return offset_value(form);
  }
  /// "UTC", "UTC+01:00", "+01:00", "Z", "Europe/Berlin".
  bool zone() {
    if (rest_.starts_with('+') || rest_.starts_with('-')) {
      const auto offset = signed_offset();
      if (offset) fields_.zone = std::make_shared<const TimeZone>(TimeZone::fixed(*offset));
      return offset.has_value();
    }
    for (const std::string_view prefix : {"UTC", "GMT", "UT"}) {
      if (rest_.starts_with("GMT0") || !take(prefix)) continue;
      const auto before = rest_;
      const auto offset = signed_offset();
      if (!offset) rest_ = before;
      fields_.zone = std::make_shared<const TimeZone>(TimeZone::fixed(offset.value_or(seconds{0})));
      return true;
    }
    return zone_of_region() || (take("Z") && set_zone("UTC"));
  }
  /// The longest name of a zone that the text begins with.
  bool zone_of_region() {
    const auto is_name = [](char c) {
      return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '/' || c == '_' ||
             c == '-' || c == '+';
    };
    std::size_t length = 0;
    while (length < rest_.size() && length < kMaxZoneNameBytes && is_name(rest_[length])) ++length;
    // What may follow a name at once is seldom: a few attempts do.
    constexpr int kAttempts = 4;
    for (int i = 0; i < kAttempts && length > 2; ++i) {
      const std::string_view name = rest_.substr(0, length);
      if (set_zone(name)) return take(name);
      const std::size_t shorter = name.find_last_of("+-/_");
      if (shorter == std::string_view::npos) break;
      length = shorter;
    }
    return false;
  }
  bool zone_name(Style style) {
    const NamedZone named = zone_by_name(rest_, style);
    const auto before = rest_;
    // An id may be longer than a name that it begins with: EST5EDT.
    if (zone() && before.size() - rest_.size() >= named.length) return true;
    rest_ = before;
    if (named.length == 0 || !set_zone(named.zone)) return false;
    rest_.remove_prefix(named.length);
    return true;
  }

  /// Two digits from 0 to 59.
  std::optional<int> pair() {
    if (rest_.size() < 2 || !is_digit(rest_[0]) || !is_digit(rest_[1])) return std::nullopt;
    const int value = (rest_[0] - '0') * 10 + (rest_[1] - '0');
    if (value > 59) return std::nullopt;
    rest_.remove_prefix(2);
    return value;
  }
  /// `separator` and a pair; nothing is taken where they are not there.
  std::optional<int> further_pair(std::string_view separator) {
    const auto before = rest_;
    if (take(separator))
      if (const auto value = pair()) return value;
    rest_ = before;
    return std::nullopt;
  }
  std::optional<seconds> offset_value(const PatternElement& element) {
    if (rest_.empty()) return std::nullopt;
    const int sign = rest_.front() == '-' ? -1 : 1;
    if (rest_.front() != '+' && rest_.front() != '-') return std::nullopt;
    rest_.remove_prefix(1);
    const bool colon = element.offset == Offset::with_colon || element.offset == Offset::seconds_with_colon;
    const bool to_seconds = element.offset == Offset::seconds || element.offset == Offset::seconds_with_colon;
    const auto hours = pair();
    const auto minutes = further_pair(colon ? ":" : "");
    if (!hours || (!minutes && element.offset != Offset::hours)) return std::nullopt;
    const auto rest = to_seconds ? further_pair(colon ? ":" : "") : std::nullopt;
    const seconds made{*hours * 3600 + minutes.value_or(0) * 60 + rest.value_or(0)};
    if (made > std::chrono::hours{18}) return std::nullopt;
    return sign * made;
  }
  bool set_offset(std::optional<seconds> offset) {
    if (!offset || (fields_.offset && fields_.offset != offset)) return false;
    fields_.offset = offset;
    return true;
  }
  bool offset(const PatternElement& element) {
    return take(element.text) ? set_offset(seconds{0}) : set_offset(offset_value(element));
  }
  bool localized_offset(const PatternElement& element) {
    if (!take("GMT")) return false;
    if (rest_.empty() || (rest_.front() != '+' && rest_.front() != '-')) return set_offset(seconds{0});
    if (element.style == Style::full) return set_offset(signed_offset());
    const int sign = rest_.front() == '-' ? -1 : 1;
    rest_.remove_prefix(1);
    std::int64_t hours = 0;
    std::size_t count = 0;
    while (count < 2 && count < rest_.size() && is_digit(rest_[count]))
      hours = hours * 10 + (rest_[count++] - '0');
    if (count == 0) return false;
    rest_.remove_prefix(count);
    const auto minutes = further_pair(":");
    const auto rest = minutes ? further_pair(":") : std::nullopt;
    const seconds made{hours * 3600 + minutes.value_or(0) * 60 + rest.value_or(0)};
    if (made > std::chrono::hours{18}) return false;
    return set_offset(sign * made);
  }

  std::string_view rest_;
  Fields fields_;
};

/// ResolverStyle.SMART: what the fields mean together.
class Resolver {
 public:
  explicit Resolver(Fields fields) : fields_(std::move(fields)) {}

  std::optional<std::chrono::local_time<std::chrono::milliseconds>> resolve() {
    if (!in_range()) return std::nullopt;
    const auto day = date();
    if (!day || !agrees(*day)) return std::nullopt;
    const auto clock = time_of_day();
    if (!clock) return std::nullopt;
    return std::chrono::local_days{std::chrono::days{*day}} +
           std::chrono::floor<std::chrono::milliseconds>(*clock);
  }

 private:
  bool is_between(Field field, std::int64_t least, std::int64_t most) const {
    const auto& value = fields_.at(field);
    return !value || (*value >= least && *value <= most);
  }
  bool in_range() const {
    return is_between(Field::year, -kMaxPatternYear, kMaxPatternYear) &&
           is_between(Field::year_of_era, 1, kMaxPatternYear) &&
           is_between(Field::week_year, -kMaxPatternYear, kMaxPatternYear) &&
           is_between(Field::quarter, 1, 4) && is_between(Field::month, 1, 12) &&
           is_between(Field::day, 1, 31) && is_between(Field::day_of_year, 1, 366) &&
           is_between(Field::weekday, 1, 7) && is_between(Field::local_weekday, 1, 7) &&
           is_between(Field::week_of_year, 1, 53) && is_between(Field::week_of_month, 0, 6) &&
           is_between(Field::hour, 0, 24) && is_between(Field::clock_hour, 0, 24) &&
           is_between(Field::half_day_hour, 0, 11) && is_between(Field::clock_half_day_hour, 0, 12) &&
           is_between(Field::minute, 0, 59) && is_between(Field::second, 0, 59) &&
           is_between(Field::nanosecond, 0, 999'999'999);
  }

  std::optional<int> year() {
    if (const auto& of_era = fields_.at(Field::year_of_era)) {
      const std::int64_t made = fields_.at(Field::era).value_or(1) == 1 ? *of_era : 1 - *of_era;
      if (!fields_.set(Field::year, made)) return std::nullopt;
    }
    const auto& value = fields_.at(Field::year);
    return value ? std::optional(static_cast<int>(*value)) : std::nullopt;
  }
  /// Days since 1970-01-01.
  std::optional<std::int64_t> date() {
    using namespace std::chrono;
    const bool with_year = fields_.at(Field::year) || fields_.at(Field::year_of_era);
    const auto& week_year = fields_.at(Field::week_year);
    if (!with_year) return week_year ? date_of_week(static_cast<int>(*week_year)) : std::nullopt;
    const auto number = year();
    if (!number) return std::nullopt;
    const std::chrono::year of{*number};
    const auto& month = fields_.at(Field::month);
    const auto& day = fields_.at(Field::day);
    const auto& day_of_year = fields_.at(Field::day_of_year);
    if (month && day) {
      const std::chrono::month in{static_cast<unsigned>(*month)};
      const year_month_day_last last{of / in / std::chrono::last};
      // The 31st of a month of 30 days is the 30th.
      const auto shown = std::min(std::chrono::day{static_cast<unsigned>(*day)}, last.day());
      if (shown != std::chrono::day{static_cast<unsigned>(*day)})
        fields_.at(Field::day) = static_cast<unsigned>(shown);
      return sys_days{of / in / shown}.time_since_epoch().count();
    }
    if (!day_of_year || (*day_of_year == 366 && !of.is_leap())) return std::nullopt;
    return sys_days{of / January / 1}.time_since_epoch().count() + *day_of_year - 1;
  }
  std::optional<std::int64_t> date_of_week(int week_year) {
    auto& week = fields_.at(Field::week_of_year);
    const auto& weekday = fields_.at(Field::weekday);
    const auto& local = fields_.at(Field::local_weekday);
    if (!week || (!weekday && !local)) return std::nullopt;
    const std::int64_t first = first_week_of(week_year, kUsWeeks);
    // The 53rd of a year of 52 weeks is the 52nd.
    week = std::min(*week, (first_week_of(week_year + 1, kUsWeeks) - first) / 7);
    // Sunday is the first day of these weeks.
    return first + (*week - 1) * 7 + (local ? *local - 1 : *weekday % 7);
  }
  /// Whatever else the text says of the date.
  bool agrees(std::int64_t day) const {
    const std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days{day}}};
    const int shown_year = static_cast<int>(date.year());
    const auto is = [this](Field field, std::int64_t value) {
      const auto& said = fields_.at(field);
      return !said || *said == value;
    };
    const auto month = static_cast<unsigned>(date.month());
    const WeekDate week = week_date_of(day, kUsWeeks);
    const std::int64_t of_year =
        day - std::chrono::sys_days{date.year() / std::chrono::January / 1}.time_since_epoch().count();
    return shown_year >= -kMaxPatternYear && shown_year <= kMaxPatternYear && is(Field::month, month) &&
           is(Field::day, static_cast<unsigned>(date.day())) && is(Field::day_of_year, of_year + 1) &&
           is(Field::quarter, (month + 2) / 3) && is(Field::weekday, local_weekday_of(day, kIsoWeeks)) &&
           is(Field::local_weekday, local_weekday_of(day, kUsWeeks)) && is(Field::week_year, week.year) &&
           is(Field::week_of_year, week.week) && is(Field::week_of_month, week.of_month) &&
           is(Field::era, shown_year > 0 ? 1 : 0);
  }

  /// Midnight if nothing is said; nothing if what is said is not enough. 24:00 is the next midnight.
  std::optional<std::chrono::nanoseconds> time_of_day() {
    if (const auto& clock = fields_.at(Field::clock_hour); clock && !fields_.set(Field::hour, *clock % 24))
      return std::nullopt;
    if (const auto& clock = fields_.at(Field::clock_half_day_hour);
        clock && !fields_.set(Field::half_day_hour, *clock % 12))
      return std::nullopt;
    const auto& half_day = fields_.at(Field::half_day);
    const bool only_half = half_day && !fields_.at(Field::hour) && !fields_.at(Field::half_day_hour) &&
                           !fields_.at(Field::minute) && !fields_.at(Field::second) &&
                           !fields_.at(Field::nanosecond);
    if (only_half) return std::chrono::hours{6 + 12 * *half_day};  // the middle of it
    if (const auto& in_half = fields_.at(Field::half_day_hour)) {
      const bool there = half_day ? fields_.set(Field::hour, *half_day * 12 + *in_half)
                                  : fields_.at(Field::hour).has_value();
      if (!there || *fields_.at(Field::hour) % 12 != *in_half) return std::nullopt;
    }
    const auto& hour = fields_.at(Field::hour);
    const auto& minute = fields_.at(Field::minute);
    const auto& second = fields_.at(Field::second);
    const auto& fraction = fields_.at(Field::nanosecond);
    const bool is_enough = hour ? (minute || (!second && !fraction)) && (second || !fraction)
                                : !minute && !second && !fraction && !half_day;
    if (!is_enough) return std::nullopt;
    const std::chrono::nanoseconds made =
        std::chrono::hours{hour.value_or(0)} + std::chrono::minutes{minute.value_or(0)} +
        seconds{second.value_or(0)} + std::chrono::nanoseconds{fraction.value_or(0)};
    if (made > std::chrono::hours{24}) return std::nullopt;
    if (half_day && *half_day != made / std::chrono::hours{12} % 2) return std::nullopt;
    return made;
  }

  Fields fields_;
};

}  // namespace

std::optional<PatternTime> TimePattern::read(std::string_view text, const TimeZone& otherwise) const {
  DUNLIN_ASSERT(dialect_ == Dialect::java);
  if (text.size() > kMaxPatternTextBytes) return std::nullopt;
  TextReader reader(text);
  for (const PatternElement& element : elements_)
    if (!reader.read(element)) return std::nullopt;
  if (!reader.at_end()) return std::nullopt;
  const auto local = Resolver(reader.fields()).resolve();
  if (!local) return std::nullopt;
  const auto second = std::chrono::floor<seconds>(*local);
  const TimeZone& zone = reader.fields().zone ? *reader.fields().zone : otherwise;
  const auto moment = reader.fields().offset
                          ? std::chrono::sys_seconds{second.time_since_epoch() - *reader.fields().offset}
                          : zone.moment_of(second);
  return moment + (*local - second);
}

}  // namespace dunlin
