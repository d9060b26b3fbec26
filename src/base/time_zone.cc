#include "base/time_zone.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <mutex>
#include <tuple>

#include "base/core/assert.h"

namespace dunlin {
namespace {

constexpr std::int64_t kDay = 86'400;
/// Offsets that a file may have: RFC 9636 section 3.2 wants less than 26 hours.
constexpr std::int32_t kMostOffset = 26 * 3600;
/// How far clocks may be changed within so long: where a date was left out or repeated it was a day. More
/// would make days that begin before the ones before them.
constexpr std::int64_t kMostChange = kDay;
constexpr std::int64_t kChangesWithin = 3 * kDay;
/// Of a rule, whose two changes may be of one day.
constexpr std::int32_t kMostSummer = 12 * 3600;
/// The least and the largest second that a WallTime can say.
constexpr std::int64_t kFirstSecond = -9'223'372'036;
constexpr std::int64_t kLastSecond = 9'223'372'036;

std::int64_t second_of(WallTime time) {
  return std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count();
}

WallTime time_of(std::int64_t second) {
  return WallTime{std::chrono::seconds{std::clamp(second, kFirstSecond, kLastSecond)}};
}

std::int64_t days_of(std::int64_t year, unsigned month, unsigned day) {
  const std::chrono::year_month_day date{std::chrono::year{static_cast<int>(year)}, std::chrono::month{month},
                                         std::chrono::day{day}};
  return std::chrono::sys_days{date}.time_since_epoch().count();
}

std::int64_t year_of(std::int64_t second) {
  const auto days = std::chrono::floor<std::chrono::days>(std::chrono::seconds{second});
  return static_cast<int>(std::chrono::year_month_day{std::chrono::sys_days{days}}.year());
}

std::unexpected<Error> corrupt(std::string_view what) {
  return fail(Errc::corrupt, "a file of a time zone is damaged: " + std::string(what));
}

}  // namespace

/// POSIX.1 TZ: "CET-1CEST,M3.5.0,M10.5.0/3".
class TimeZone::RuleReader {
 public:
  explicit RuleReader(std::string_view text) : rest_(text) {}

  std::optional<Rule> read() {
    Rule rule;
    rule.standard_name = name();
    rule.standard = rule.summer = -offset();
    if (rest_.empty()) return done(rule);
    rule.kind = Rule::Kind::changing;
    rule.summer_name = name();
    rule.summer = rest_.starts_with(',') ? rule.standard + 3600 : -offset();
    expect(',');
    rule.to_summer = change();
    expect(',');
    rule.to_standard = change();
    if (!rest_.empty()) ok_ = false;
    return done(rule);
  }

 private:
  std::optional<Rule> done(const Rule& rule) const {
    const bool sane = std::abs(rule.standard) < kMostOffset && std::abs(rule.summer) < kMostOffset &&
                      std::abs(rule.summer - rule.standard) <= kMostSummer;
    return ok_ && sane ? std::optional(rule) : std::nullopt;
  }
  void expect(char c) {
    if (rest_.starts_with(c)) {
      rest_.remove_prefix(1);
    } else {
      ok_ = false;
    }
  }
  /// Letters, or anything in angle brackets.
  std::string name() {
    const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
    std::size_t size = 0;
    if (rest_.starts_with('<')) {
      size = std::min(rest_.find('>'), rest_.size() - 1) + 1;
    } else {
      while (size < rest_.size() && is_letter(rest_[size])) ++size;
    }
    if (size < 3) ok_ = false;
    std::string made(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return made.starts_with('<') ? made.substr(1, made.size() - 2) : made;
  }
  int number(int most) {
    int value = 0;
    std::size_t digits = 0;
    while (digits < rest_.size() && digits < 4 && rest_[digits] >= '0' && rest_[digits] <= '9')
      value = value * 10 + (rest_[digits++] - '0');
    if (digits == 0 || value > most) ok_ = false;
    rest_.remove_prefix(digits);
    return value;
  }
  /// [+-]hh[:mm[:ss]] in seconds; hours to 167 (RFC 9636 section 3.3.2).
  std::int32_t offset() {
    const int sign = rest_.starts_with('-') ? -1 : 1;
    if (rest_.starts_with('-') || rest_.starts_with('+')) rest_.remove_prefix(1);
    std::int32_t seconds = number(167) * 3600;
    for (const int unit : {60, 1}) {
      if (!rest_.starts_with(':')) break;
      rest_.remove_prefix(1);
      seconds += number(59) * unit;
    }
    return sign * seconds;
  }
  Change change() {
    Change made;
    if (rest_.starts_with('M')) {
      rest_.remove_prefix(1);
      made.kind = Change::Kind::month_week_day;
      made.month = number(12);
      expect('.');
      made.week = number(5);
      expect('.');
      made.day = number(6);
      if (made.month < 1 || made.week < 1) ok_ = false;
    } else if (rest_.starts_with('J')) {
      rest_.remove_prefix(1);
      made.kind = Change::Kind::day_without_leap;
      made.day = number(365);
      if (made.day < 1) ok_ = false;
    } else {
      made.kind = Change::Kind::day_of_year;
      made.day = number(365);
    }
    if (rest_.starts_with('/')) {
      rest_.remove_prefix(1);
      made.time = offset();
    }
    return made;
  }

  std::string_view rest_;
  bool ok_ = true;
};

/// RFC 9636 section 3: two blocks, of which the second one has 64 bits, and a line behind them.
class TimeZoneReader {
 public:
  explicit TimeZoneReader(ByteView bytes) : rest_(as_text(bytes)) {}

  Result<TimeZone> read() {
    DUNLIN_TRY(const Header first, header());
    if (first.version < '2') return fail(Errc::unsupported, "a file of a time zone is of version 1");
    if (!skip(first.bytes_of(4))) return corrupt("its first block is cut off");
    DUNLIN_TRY(const Header second, header());
    if (rest_.size() < second.bytes_of(8)) return corrupt("its second block is cut off");
    if (second.transitions > kMaxZoneTransitions || second.types == 0 || second.types > 256)
      return corrupt("its counts");
    return block(second);
  }

 private:
  struct Header {
    char version = 0;
    std::size_t ut = 0, standard = 0, leaps = 0, transitions = 0, types = 0, letters = 0;
    std::size_t bytes_of(std::size_t time) const {
      return transitions * (time + 1) + types * 6 + letters + leaps * (time + 4) + standard + ut;
    }
  };

  bool skip(std::size_t bytes) {
    if (bytes > rest_.size()) return false;
    rest_.remove_prefix(bytes);
    return true;
  }
  std::uint64_t take(std::size_t bytes) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < bytes; ++i) value = value << 8U | static_cast<unsigned char>(rest_[i]);
    rest_.remove_prefix(bytes);
    return value;
  }
  Result<Header> header() {
    constexpr std::size_t kHeaderBytes = 44;
    if (rest_.size() < kHeaderBytes || !rest_.starts_with("TZif")) return corrupt("it is no TZif file");
    Header made;
    made.version = rest_[4];
    rest_.remove_prefix(20);
    for (std::size_t* count :
         {&made.ut, &made.standard, &made.leaps, &made.transitions, &made.types, &made.letters})
      *count = take(4);
    return made;
  }

  Result<TimeZone> block(const Header& header) {
    TimeZone zone;
    zone.transitions_.resize(header.transitions);
    for (auto& transition : zone.transitions_) transition.at = static_cast<std::int64_t>(take(8));
    std::vector<std::size_t> types(header.transitions);
    for (std::size_t& type : types) type = take(1);
    std::vector<std::pair<std::int32_t, std::uint8_t>> offsets(header.types);
    for (auto& [offset, letters] : offsets) {
      offset = static_cast<std::int32_t>(take(4));
      take(1);
      letters = static_cast<std::uint8_t>(take(1));
      if (offset <= -kMostOffset || offset >= kMostOffset) return corrupt("an offset from UTC");
      if (letters >= header.letters) return corrupt("the place of an abbreviation");
    }
    // More than a byte can reach is of no use. The NUL is there where the file left it out.
    zone.letters_ = std::string(rest_.substr(0, std::min<std::size_t>(header.letters, 512))) + '\0';
    skip(header.letters + header.leaps * 12 + header.standard + header.ut);
    for (std::size_t i = 0; i < types.size(); ++i) {
      if (types[i] >= offsets.size()) return corrupt("a type of local time");
      if (i > 0 && zone.transitions_[i].at <= zone.transitions_[i - 1].at)
        return corrupt("its order of times");
      std::tie(zone.transitions_[i].offset, zone.transitions_[i].letters) = offsets[types[i]];
    }
    std::tie(zone.first_offset_, zone.first_letters_) = offsets[0];
    if (!changes_are_small(zone)) return corrupt("a change of more than a day");
    return rule(std::move(zone));
  }

  static bool changes_are_small(const TimeZone& zone) {
    const auto& all = zone.transitions_;
    const auto change = [&](std::size_t i) {
      return std::abs(std::int64_t{all[i].offset} - (i == 0 ? zone.first_offset_ : all[i - 1].offset));
    };
    std::int64_t sum = 0;
    for (std::size_t i = 0, first = 0; i < all.size(); ++i) {
      sum += change(i);
      while (first < i && all[first].at / 2 < all[i].at / 2 - kChangesWithin / 2) sum -= change(first++);
      if (sum > kMostChange) return false;
    }
    return true;
  }

  Result<TimeZone> rule(TimeZone zone) const {
    const std::size_t end = rest_.find('\n', 1);
    if (!rest_.starts_with('\n') || end == std::string_view::npos) return corrupt("its last line");
    const std::string_view text = rest_.substr(1, end - 1);
    if (text.empty()) return zone;
    zone.rule_ = TimeZone::RuleReader(text).read();
    if (!zone.rule_) return corrupt("its rule for later times");
    const auto& all = zone.transitions_;
    if (!all.empty() && std::abs(zone.rule_->standard - all.back().offset) > kMostSummer)
      return corrupt("the change to its rule");
    return zone;
  }

  std::string_view rest_;
};

Result<TimeZone> TimeZone::decode(ByteView bytes) {
  if (bytes.size() > kMaxZoneBytes) return corrupt("it is too large");
  return TimeZoneReader(bytes).read();
}

Result<TimeZone> TimeZone::load(Fs& fs, std::string_view name, std::string_view folder) {
  const bool is_name = !name.empty() && name.size() <= kMaxZoneNameBytes && !name.starts_with('/') &&
                       name.find("..") == std::string_view::npos &&
                       std::ranges::all_of(name, [](unsigned char c) {
                         return std::isalnum(c) != 0 || c == '/' || c == '_' || c == '-' || c == '+';
                       });
  if (!is_name) return fail(Errc::invalid_argument, "a time zone is a name such as Europe/Berlin or UTC");
  DUNLIN_TRY(const auto bytes, read_file(fs, std::string(folder) + "/" + std::string(name)));
  DUNLIN_TRY(TimeZone zone, decode(as_bytes(bytes)));
  zone.name_ = name;
  return zone;
}

TimeZone TimeZone::fixed(std::chrono::seconds offset) {
  const std::chrono::hh_mm_ss parts(std::chrono::abs(offset));
  DUNLIN_ASSERT(parts.hours() < std::chrono::hours{26});
  const auto two = [](auto part) { return (part.count() < 10 ? "0" : "") + std::to_string(part.count()); };
  TimeZone zone;
  zone.first_offset_ = static_cast<std::int32_t>(offset.count());
  zone.name_ = offset.count() < 0 ? "-" : "+";
  zone.name_ += two(parts.hours()) + ":" + two(parts.minutes());
  if (parts.seconds().count() != 0) zone.name_ += ":" + two(parts.seconds());
  if (offset.count() == 0) zone.name_ = "UTC";
  zone.letters_ = zone.name_ + '\0';
  return zone;
}

std::int64_t TimeZone::moment_of(const Change& change, std::int64_t year) {
  std::int64_t day = 0;
  if (change.kind == Change::Kind::month_week_day) {
    const auto month = static_cast<unsigned>(change.month);
    const std::int64_t first = days_of(year, month, 1);
    // 1970-01-01 was a Thursday, 4 counted from Sunday.
    const std::int64_t weekday = (((first + 4) % 7) + 7) % 7;
    day = first + (change.day - weekday + 7) % 7 + 7 * (change.week - 1);
    const std::int64_t next = month == 12 ? days_of(year + 1, 1, 1) : days_of(year, month + 1, 1);
    while (day >= next) day -= 7;
  } else if (change.kind == Change::Kind::day_of_year) {
    day = days_of(year, 1, 1) + change.day;
  } else {
    const bool leap = std::chrono::year{static_cast<int>(year)}.is_leap();
    day = days_of(year, 1, 1) + change.day - 1 + (leap && change.day >= 60 ? 1 : 0);
  }
  return day * kDay + change.time;
}

bool TimeZone::is_summer(const Rule& rule, std::int64_t second) {
  if (rule.kind == Rule::Kind::fixed) return false;
  const std::int64_t year = year_of(second + rule.standard);
  const std::int64_t summer = moment_of(rule.to_summer, year) - rule.standard;
  const std::int64_t standard = moment_of(rule.to_standard, year) - rule.summer;
  return summer < standard ? second >= summer && second < standard : second >= summer || second < standard;
}

std::int32_t TimeZone::offset_of(std::int64_t second) const {
  const auto behind = std::ranges::upper_bound(transitions_, second, {}, &Transition::at);
  if (behind == transitions_.end() && rule_)
    return is_summer(*rule_, second) ? rule_->summer : rule_->standard;
  return behind == transitions_.begin() ? first_offset_ : std::prev(behind)->offset;
}

std::chrono::seconds TimeZone::offset_at(WallTime time) const {
  return std::chrono::seconds{offset_of(second_of(time))};
}

std::chrono::seconds TimeZone::offset_at(std::chrono::sys_seconds time) const {
  return std::chrono::seconds{offset_of(time.time_since_epoch().count())};
}

std::chrono::sys_seconds TimeZone::moment_of(std::chrono::local_seconds local) const {
  const std::int64_t shown = local.time_since_epoch().count();
  const std::int64_t before = shown - offset_of(shown - kDay);
  const std::int64_t behind = shown - offset_of(shown + kDay);
  const bool skipped = before + offset_of(before) != shown;
  const bool shown_later = behind + offset_of(behind) == shown;
  return std::chrono::sys_seconds{std::chrono::seconds{skipped && shown_later ? behind : before}};
}

std::string_view TimeZone::abbreviation_at(std::chrono::sys_seconds time) const {
  const std::int64_t second = time.time_since_epoch().count();
  const auto behind = std::ranges::upper_bound(transitions_, second, {}, &Transition::at);
  if (behind == transitions_.end() && rule_)
    return is_summer(*rule_, second) ? rule_->summer_name : rule_->standard_name;
  const std::uint8_t letters = behind == transitions_.begin() ? first_letters_ : std::prev(behind)->letters;
  return letters < letters_.size() ? std::string_view(letters_.c_str() + letters) : std::string_view{};
}

WallTime TimeZone::begin_of_day(std::int64_t day) const {
  const std::int64_t midnight = std::clamp(day, kFirstSecond / kDay, kLastSecond / kDay) * kDay;
  // Clocks are changed by less than a day: the moment is at one of the offsets around, or a change itself.
  std::int64_t least = midnight + kMostOffset;
  for (std::int64_t around = midnight - 2 * kDay; around <= midnight + 2 * kDay; around += 3600) {
    const std::int64_t at = midnight - offset_of(around);
    if (at < least && at + offset_of(at) >= midnight) least = at;
  }
  // Where clocks jump over midnight the day begins with the jump: a second before, it was not there.
  std::int64_t before = least - kDay;
  if (before + offset_of(before) >= midnight) return time_of(least);
  std::int64_t behind = least;
  while (behind - before > 1) {
    const std::int64_t middle = before + (behind - before) / 2;
    if (middle + offset_of(middle) >= midnight) {
      behind = middle;
    } else {
      before = middle;
    }
  }
  return time_of(behind);
}

std::int64_t TimeZone::day_of(WallTime time) const {
  const std::int64_t second = second_of(time);
  std::int64_t day =
      std::chrono::floor<std::chrono::days>(std::chrono::seconds{second + offset_of(second)}).count();
  // Where clocks go back over midnight the day that has begun goes on.
  for (int i = 0; i < 2 && begin_of_day(day + 1) <= time && day < kLastSecond / kDay; ++i) ++day;
  for (int i = 0; i < 2 && begin_of_day(day) > time && day > kFirstSecond / kDay; ++i) --day;
  return day;
}

namespace {

/// "Z", "+05:30", "-3", "UTC+05:30", "GMT-3:00": what is always so far from UTC. Less than 19 hours.
std::optional<std::chrono::seconds> fixed_offset(std::string_view name) {
  if (name == "Z") return std::chrono::seconds{0};
  for (const std::string_view prefix : {"UTC", "GMT", "UT"}) {
    if (!name.starts_with(prefix)) continue;
    name.remove_prefix(prefix.size());
    break;
  }
  if (name.size() < 2 || (name[0] != '+' && name[0] != '-')) return std::nullopt;
  const int sign = name[0] == '-' ? -1 : 1;
  name.remove_prefix(1);
  const auto number = [](std::string_view digits) {
    const bool ok = !digits.empty() && digits.size() <= 2 &&
                    std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; });
    return !ok ? -1 : digits.size() == 1 ? digits[0] - '0' : (digits[0] - '0') * 10 + digits[1] - '0';
  };
  const std::size_t colon = name.find(':');
  const int hours = number(name.substr(0, colon));
  const int minutes = colon == std::string_view::npos ? 0 : number(name.substr(colon + 1));
  if (hours < 0 || hours > 18 || minutes < 0 || minutes > 59) return std::nullopt;
  return std::chrono::seconds{sign * (hours * 3600 + minutes * 60)};
}

}  // namespace

std::shared_ptr<const TimeZone> system_time_zone(std::string_view name) {
  if (const auto offset = fixed_offset(name))
    return std::make_shared<const TimeZone>(TimeZone::fixed(*offset));
  static std::mutex mutex;
  static std::map<std::string, std::shared_ptr<const TimeZone>, std::less<>> known;
  const std::lock_guard lock(mutex);
  if (const auto found = known.find(name); found != known.end()) return found->second;
  const std::unique_ptr<Fs> fs = make_system_fs();
  auto zone = TimeZone::load(*fs, name);
  if (!zone) return nullptr;
  return known.emplace(std::string(name), std::make_shared<const TimeZone>(*std::move(zone))).first->second;
}

}  // namespace dunlin
