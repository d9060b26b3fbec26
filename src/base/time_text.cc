#include "base/time_text.h"

#include <fmt/format.h>

#include <optional>

#include "base/limits.h"

namespace dunlin {
namespace {

using std::chrono::floor;

// Reads a text from its front; after a mismatch every later call fails too.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  // Exactly `digits` decimal digits.
  int number(int digits) {
    int value = 0;
    for (int i = 0; i < digits; ++i) value = value * 10 + digit();
    return value;
  }
  int digit() {
    if (rest_.empty() || rest_.front() < '0' || rest_.front() > '9') {
      fail();
      return 0;
    }
    const int value = rest_.front() - '0';
    rest_.remove_prefix(1);
    return value;
  }
  bool at_digit() const { return !rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9'; }
  // Takes one of `choices` and says which; 0 is a mismatch.
  char take(std::string_view choices) {
    if (rest_.empty() || !choices.contains(rest_.front())) {
      fail();
      return 0;
    }
    const char taken = rest_.front();
    rest_.remove_prefix(1);
    return taken;
  }
  bool at(char c) const { return rest_.starts_with(c); }
  bool finished() const { return good_ && rest_.empty(); }

 private:
  void fail() {
    good_ = false;
    rest_ = {};
  }
  std::string_view rest_;
  bool good_ = true;
};

Duration read_fraction(Reader& reader) {
  if (!reader.at('.')) return Duration::zero();
  reader.take(".");
  std::int64_t nanoseconds = 0;
  std::int64_t unit = 100'000'000;
  do {
    nanoseconds += reader.digit() * unit;
    unit /= 10;
  } while (reader.at_digit());
  return Duration{nanoseconds};
}

// How far local time is ahead of UTC; nothing if the hours or minutes are out of range.
std::optional<std::chrono::minutes> read_offset(Reader& reader) {
  const char sign = reader.take("Zz+-");
  if (sign == 'Z' || sign == 'z') return std::chrono::minutes{0};
  const int hours = reader.number(2);
  reader.take(":");
  const int minutes = reader.number(2);
  if (hours > 23 || minutes > 59) return std::nullopt;
  const std::chrono::minutes offset{hours * 60 + minutes};
  return sign == '-' ? -offset : offset;
}

}  // namespace

std::string format_rfc3339(WallTime time) {
  const auto day = floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{floor<std::chrono::milliseconds>(time - day)};
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count(),
                     clock.subseconds().count());
}

std::string format_rfc3339_exact(WallTime time) {
  const auto second = floor<std::chrono::seconds>(time);
  std::string text = format_rfc3339(second);
  text.resize(text.size() - std::string_view(".000Z").size());
  if (const auto rest = (time - second).count(); rest != 0) {
    text += fmt::format(".{:09}", rest);
    while (text.ends_with('0')) text.pop_back();
  }
  return text + 'Z';
}

Result<WallTime> parse_rfc3339(std::string_view text) {
  const auto malformed = [] {
    return dunlin::fail(Errc::malformed, "not an RFC 3339 time such as 2026-11-23T02:03:04.123Z");
  };
  if (text.size() > kMaxTimeTextBytes) return malformed();
  Reader reader(text);
  const int year = reader.number(4);
  reader.take("-");
  const int month = reader.number(2);
  reader.take("-");
  const int day = reader.number(2);
  reader.take("Tt");
  const int hour = reader.number(2);
  reader.take(":");
  const int minute = reader.number(2);
  reader.take(":");
  const int second = reader.number(2);
  const Duration fraction = read_fraction(reader);
  const auto offset = read_offset(reader);
  const std::chrono::year_month_day date{std::chrono::year{year},
                                         std::chrono::month{static_cast<unsigned>(month)},
                                         std::chrono::day{static_cast<unsigned>(day)}};
  if (!reader.finished() || !offset || !date.ok()) return malformed();
  if (hour > 23 || minute > 59 || second > 60) return malformed();
  // The range of 64-bit nanoseconds, less a margin for the offset.
  if (year < 1678 || year > 2261)
    return dunlin::fail(Errc::invalid_argument, "the year is outside 1678..2261");

  const auto minutes =
      std::chrono::sys_days{date} + std::chrono::hours{hour} + std::chrono::minutes{minute} - *offset;
  if (second == 60) {
    const auto next = minutes + std::chrono::minutes{1};
    if (next != floor<std::chrono::days>(next)) return malformed();
    return WallTime{next} + fraction;
  }
  return WallTime{minutes} + std::chrono::seconds{second} + fraction;
}

}  // namespace dunlin
