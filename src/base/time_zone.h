#pragma once
// Time zones by their names in the system's data, as TZif files (RFC 9636) have them: how far local time is
// from UTC at a time, and where local days begin.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/core/bytes.h"
#include "base/fs.h"
#include "base/result.h"

namespace dunlin {

/// Where the system keeps them.
inline constexpr std::string_view kZoneFolder = "/usr/share/zoneinfo";
inline constexpr std::size_t kMaxZoneBytes = 256 * 1024;
inline constexpr std::size_t kMaxZoneNameBytes = 64;
inline constexpr std::size_t kMaxZoneTransitions = 10'000;

/// Never changes. Any thread.
class TimeZone {
 public:
  /// The bytes of a TZif file of version 2 or later. Errors: corrupt, unsupported (version 1: it ends in
  /// 2038).
  static Result<TimeZone> decode(ByteView bytes);
  /// "Europe/Berlin" from a folder of such files. Blocks. Errors: invalid_argument (a name that is none),
  /// not_found, corrupt, io.
  static Result<TimeZone> load(Fs& fs, std::string_view name, std::string_view folder = kZoneFolder);

  /// One that is always so far from UTC, by the name "UTC" or "+05:30". Less than 26 hours.
  static TimeZone fixed(std::chrono::seconds offset);

  /// Local time less UTC, in whole seconds.
  std::chrono::seconds offset_at(WallTime time) const;
  std::chrono::seconds offset_at(std::chrono::sys_seconds time) const;
  /// The moment at which clocks show this. Where they show it twice, the first one; where they leave it out,
  /// as far behind the change as it is behind what was left out.
  std::chrono::sys_seconds moment_of(std::chrono::local_seconds local) const;
  /// "CET", "-03"; empty where the file says nothing.
  std::string_view abbreviation_at(std::chrono::sys_seconds time) const;
  /// By which it was loaded; empty if it was decoded.
  const std::string& name() const { return name_; }
  /// Days since 1970-01-01 of the local date.
  std::int64_t day_of(WallTime time) const;
  /// The first moment of which it is true that the local date is this day or a later one: days follow each
  /// other without a gap, and have 23 or 25 hours where clocks are changed.
  WallTime begin_of_day(std::int64_t day) const;

 private:
  struct Transition {
    std::int64_t at = 0;  // seconds since 1970
    std::int32_t offset = 0;
    std::uint8_t letters = 0;  // where its abbreviation begins
  };
  /// When in a year clocks are changed: POSIX.1 TZ, section 8.3 there.
  struct Change {
    enum class Kind : std::uint8_t { month_week_day, day_of_year, day_without_leap } kind{};
    int month = 1;
    int week = 1;
    int day = 0;
    std::int32_t time = 7200;  // local seconds of the day
  };
  struct Rule {
    std::int32_t standard = 0;
    std::int32_t summer = 0;
    Change to_summer{};
    Change to_standard{};
    std::string standard_name;
    std::string summer_name;
    enum class Kind : std::uint8_t { fixed, changing } kind = Kind::fixed;
  };
  class RuleReader;
  friend class TimeZoneReader;

  std::int32_t offset_of(std::int64_t second) const;
  static bool is_summer(const Rule& rule, std::int64_t second);
  static std::int64_t moment_of(const Change& change, std::int64_t year);

  std::string name_;
  std::string letters_;                  // abbreviations, each with a NUL behind it
  std::int32_t first_offset_ = 0;        // before all transitions
  std::uint8_t first_letters_ = 0;       // likewise
  std::vector<Transition> transitions_;  // ascending
  std::optional<Rule> rule_;             // behind them; without one the last offset stays
};

/// The system's, read once each, and "Z", "+05:30", "UTC+05:30", "GMT-3:00"; null: there is none of that
/// name. Blocks the first time. Any thread.
std::shared_ptr<const TimeZone> system_time_zone(std::string_view name);

}  // namespace dunlin
