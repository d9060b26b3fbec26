#include "base/time_pattern.h"

#include <algorithm>

#include "base/time_pattern_internal.h"

namespace dunlin {
namespace {

using Dialect = TimePattern::Dialect;
using Field = PatternField;
using Kind = PatternElement::Kind;
using Offset = PatternElement::Offset;
using Sign = PatternElement::Sign;
using Style = PatternElement::Style;

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

std::unexpected<Error> refuse(char letter, std::size_t count, std::string_view why) {
  return fail(Errc::invalid_argument, "time pattern: " + std::string(count, letter) + " " + std::string(why));
}

PatternElement number(Field field, int least, int most, Sign sign) {
  PatternElement made;
  made.kind = Kind::number;
  made.field = field;
  made.least = least;
  made.most = most;
  made.sign = sign;
  return made;
}

PatternElement text(Field field, Style style) {
  PatternElement made;
  made.kind = Kind::text;
  made.field = field;
  made.style = style;
  return made;
}

PatternElement two_digits(Field field) {
  PatternElement made = number(field, 2, 2, Sign::not_negative);
  made.kind = Kind::two_digits;
  return made;
}

PatternElement fraction(int digits) {
  PatternElement made = number(Field::nanosecond, digits, digits, Sign::not_negative);
  made.kind = Kind::fraction;
  return made;
}

PatternElement zone(Kind kind, Style style) {
  PatternElement made;
  made.kind = kind;
  made.style = style;
  return made;
}

PatternElement offset(Offset form, std::string_view none) {
  PatternElement made;
  made.kind = Kind::offset;
  made.offset = form;
  made.text = none;
  return made;
}

/// The letters whose count is only the least number of digits.
Field joda_number(char letter) {
  switch (letter) {
    case 'C':
      return Field::century_of_era;
    case 'w':
      return Field::week_of_year;
    case 'e':
      return Field::local_weekday;
    case 'D':
      return Field::day_of_year;
    case 'd':
      return Field::day;
    case 'K':
      return Field::half_day_hour;
    case 'h':
      return Field::clock_half_day_hour;
    case 'H':
      return Field::hour;
    case 'k':
      return Field::clock_hour;
    case 'm':
      return Field::minute;
    case 's':
      return Field::second;
    default:
      return Field::none;
  }
}

/// org.joda.time.format.DateTimeFormat.
Result<PatternElement> joda_element(char letter, std::size_t count) {
  const int digits = static_cast<int>(count);
  const auto year = [&](Field field) {
    return count == 2 ? two_digits(field == Field::year_of_era ? Field::year : field)
                      : number(field, digits, 19, Sign::normal);
  };
  switch (letter) {
    case 'G':
      return text(Field::era, Style::brief);
    case 'y':
      return year(Field::year);
    case 'Y':
      return year(Field::year_of_era);
    case 'x':
      return year(Field::week_year);
    case 'M':
      if (count >= 3) return text(Field::month, count >= 4 ? Style::full : Style::brief);
      return number(Field::month, digits, 19, Sign::normal);
    case 'E':
      return text(Field::weekday, count >= 4 ? Style::full : Style::brief);
    case 'a':
      return text(Field::half_day, Style::brief);
    case 'S':
      if (count > 9) return refuse(letter, count, "is more than nine digits of a second");
      return fraction(digits);
    case 'z':
      return zone(Kind::zone_name, count >= 4 ? Style::full : Style::brief);
    case 'Z':
      if (count >= 3) return zone(Kind::zone_id, Style::brief);
      return offset(count == 2 ? Offset::with_colon : Offset::hours_minutes, count == 2 ? "+00:00" : "+0000");
    default:
      break;
  }
  if (const Field field = joda_number(letter); field != Field::none)
    return number(field, digits, 19, Sign::normal);
  return refuse(letter, count, "means nothing: letters that stand for themselves belong between '...'");
}

Result<PatternElement> java_offset(char letter, std::size_t count) {
  if (letter == 'Z') {
    if (count == 4) return zone(Kind::localized_offset, Style::full);
    return count == 5 ? offset(Offset::seconds_with_colon, "Z") : offset(Offset::hours_minutes, "+0000");
  }
  constexpr std::array kForms{Offset::hours, Offset::hours_minutes, Offset::with_colon, Offset::seconds,
                              Offset::seconds_with_colon};
  constexpr std::array<std::string_view, 5> kNone{"+00", "+0000", "+00:00", "+0000", "+00:00"};
  return offset(kForms[count - 1], letter == 'X' ? "Z" : kNone[count - 1]);
}

/// Names from three letters on; numbers before.
PatternElement java_text(Field field, std::size_t count) {
  if (count == 1) return number(field, 1, 19, Sign::normal);
  if (count == 2) return number(field, 2, 2, Sign::not_negative);
  return text(field, count == 3 ? Style::brief : count == 4 ? Style::full : Style::narrow);
}

Result<PatternElement> java_year(char letter, std::size_t count) {
  const Field field = letter == 'u' ? Field::year : letter == 'y' ? Field::year_of_era : Field::week_year;
  if (count == 2) return two_digits(field);
  return number(field, static_cast<int>(count), 19, count < 4 ? Sign::normal : Sign::exceeds_pad);
}

/// The letters of one or two digits, and how many of them there may be.
struct Small {
  Field field = Field::none;
  std::size_t most = 2;
};
Small java_small(char letter) {
  switch (letter) {
    case 'd':
      return {Field::day};
    case 'h':
      return {Field::clock_half_day_hour};
    case 'H':
      return {Field::hour};
    case 'k':
      return {Field::clock_hour};
    case 'K':
      return {Field::half_day_hour};
    case 'm':
      return {Field::minute};
    case 's':
      return {Field::second};
    default:
      return {};
  }
}

Result<PatternElement> java_weekday(char letter, std::size_t count) {
  const int digits = static_cast<int>(count);
  if (letter == 'c' && count == 2) return refuse(letter, count, "means nothing");
  if (letter != 'E' && count <= 2)
    return number(Field::local_weekday, digits, digits == 1 ? 1 : 2, Sign::not_negative);
  return text(Field::weekday, count <= 3 ? Style::brief : count == 4 ? Style::full : Style::narrow);
}

/// How many of a letter java.time takes; 0: it is none of these.
std::size_t java_most(char letter) {
  switch (letter) {
    case 'u':
    case 'y':
    case 'Y':
    case 'n':
      return kMaxPatternLetters;
    case 'S':
      return 9;
    case 'G':
    case 'M':
    case 'L':
    case 'Q':
    case 'q':
    case 'E':
    case 'e':
    case 'c':
    case 'X':
    case 'x':
    case 'Z':
      return 5;
    case 'z':
    case 'O':
      return 4;
    case 'D':
      return 3;
    case 'd':
    case 'h':
    case 'H':
    case 'k':
    case 'K':
    case 'm':
    case 's':
    case 'w':
    case 'V':
      return 2;
    case 'W':
    case 'a':
      return 1;
    default:
      return 0;
  }
}

/// java.time.format.DateTimeFormatterBuilder.appendPattern.
Result<PatternElement> java_element(char letter, std::size_t count) {
  const int digits = static_cast<int>(count);
  if (java_most(letter) == 0) {
    if (std::string_view("ABFNgpv").contains(letter))
      return fail(Errc::unsupported, std::string("time pattern: the letter ") + letter + " is not supported");
    return refuse(letter, count, "means nothing: letters that stand for themselves belong between '...'");
  }
  if (count > java_most(letter)) return refuse(letter, count, "is too many of one letter");
  if (const Small small = java_small(letter); small.field != Field::none)
    return count == 1 ? number(small.field, 1, 19, Sign::normal)
                      : number(small.field, 2, 2, Sign::not_negative);
  switch (letter) {
    case 'u':
    case 'y':
    case 'Y':
      return java_year(letter, count);
    case 'M':
    case 'L':
      return java_text(Field::month, count);
    case 'Q':
    case 'q':
      return java_text(Field::quarter, count);
    case 'E':
    case 'e':
    case 'c':
      return java_weekday(letter, count);
    case 'G':
      return text(Field::era, count <= 3 ? Style::brief : count == 4 ? Style::full : Style::narrow);
    case 'a':
      return text(Field::half_day, Style::brief);
    case 'w':
      return number(Field::week_of_year, digits, 2, Sign::not_negative);
    case 'W':
      return number(Field::week_of_month, 1, 1, Sign::not_negative);
    case 'D':
      return count == 1 ? number(Field::day_of_year, 1, 19, Sign::normal)
                        : number(Field::day_of_year, digits, 3, Sign::not_negative);
    case 'S':
      return fraction(digits);
    case 'n':
      return number(Field::nanosecond, digits, 19, Sign::not_negative);
    case 'V':
      if (count != 2) return refuse(letter, count, "must be VV");
      return zone(Kind::zone_id, Style::brief);
    case 'z':
      return zone(Kind::zone_name, count == 4 ? Style::full : Style::brief);
    case 'O':
      if (count != 1 && count != 4) return refuse(letter, count, "must be O or OOOO");
      return zone(Kind::localized_offset, count == 4 ? Style::full : Style::brief);
    default:
      return java_offset(letter, count);
  }
}

/// Pieces of a pattern, one after the other.
class PatternReader {
 public:
  PatternReader(std::string_view pattern, Dialect dialect) : rest_(pattern), dialect_(dialect) {}

  Result<std::vector<PatternElement>> read() {
    while (!rest_.empty()) {
      const char c = rest_.front();
      if (c == '\'') {
        DUNLIN_CHECK(quotation());
      } else if (is_letter(c)) {
        DUNLIN_CHECK(letters(c));
      } else if (dialect_ == Dialect::java && std::string_view("[]{}#").contains(c)) {
        return fail(Errc::unsupported, std::string("time pattern: ") + c + " must stand between '...'");
      } else {
        literal({&c, 1});
        rest_.remove_prefix(1);
      }
    }
    return std::move(made_);
  }

 private:
  /// From one quotation mark to the next; two of them are one that stands for itself.
  Result<void> quotation() {
    rest_.remove_prefix(1);
    if (rest_.starts_with('\'')) {
      rest_.remove_prefix(1);
      literal("'");
      return {};
    }
    std::string quoted;
    while (!rest_.empty()) {
      const bool mark = rest_.front() == '\'';
      if (mark && !rest_.substr(1).starts_with('\'')) {
        rest_.remove_prefix(1);
        literal(quoted);
        return {};
      }
      quoted += rest_.front();
      rest_.remove_prefix(mark ? 2 : 1);
    }
    // Joda-Time closes it at the end.
    if (dialect_ == Dialect::java)
      return fail(Errc::invalid_argument, "time pattern: a quotation has no end: '" + quoted);
    literal(quoted);
    return {};
  }

  Result<void> letters(char letter) {
    const std::size_t count = std::min(rest_.find_first_not_of(letter), rest_.size());
    if (count > kMaxPatternLetters) return refuse(letter, count, "is too many of one letter");
    rest_.remove_prefix(count);
    DUNLIN_TRY(PatternElement element,
               dialect_ == Dialect::joda ? joda_element(letter, count) : java_element(letter, count));
    add(std::move(element));
    return {};
  }

  void literal(std::string_view words) {
    if (words.empty()) return;
    if (made_.empty() || made_.back().kind != Kind::literal) made_.emplace_back();
    made_.back().text += words;
    first_of_row_ = kNone;
  }

  static bool is_numeric(const PatternElement& element) {
    return element.kind == Kind::number || element.kind == Kind::two_digits || element.kind == Kind::fraction;
  }

  /// Numbers side by side: the first one leaves the others their digits ("yyyyMMdd").
  void add(PatternElement element) {
    if (!is_numeric(element)) {
      first_of_row_ = kNone;
      made_.push_back(std::move(element));
      return;
    }
    const bool fixed = element.least == element.most && element.sign == Sign::not_negative;
    if (first_of_row_ != kNone && fixed) {
      PatternElement& first = made_[first_of_row_];
      first.follow += element.most;
      made_.push_back(std::move(element));
      return;
    }
    if (first_of_row_ != kNone) made_[first_of_row_].follow = 0;
    first_of_row_ = made_.size();
    made_.push_back(std::move(element));
  }

  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);

  std::string_view rest_;
  Dialect dialect_;
  std::vector<PatternElement> made_;
  std::size_t first_of_row_ = kNone;
};

}  // namespace

TimePattern::TimePattern(std::vector<PatternElement> elements, Dialect dialect)
    : elements_(std::move(elements)), dialect_(dialect) {}
TimePattern::TimePattern(TimePattern&&) noexcept = default;
TimePattern& TimePattern::operator=(TimePattern&&) noexcept = default;
TimePattern::~TimePattern() = default;

Result<TimePattern> TimePattern::parse(std::string_view pattern, Dialect dialect) {
  if (pattern.empty()) return fail(Errc::invalid_argument, "time pattern: it is empty");
  if (pattern.size() > kMaxTimePatternBytes)
    return fail(Errc::limit_exceeded,
                "time pattern: longer than " + std::to_string(kMaxTimePatternBytes) + " bytes");
  DUNLIN_TRY(auto elements, PatternReader(pattern, dialect).read());
  return TimePattern(std::move(elements), dialect);
}

}  // namespace dunlin
