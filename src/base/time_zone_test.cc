#include "base/time_zone.h"

#include <gtest/gtest.h>

#include "base/time_text.h"
#include "base/virtual_fs.h"

namespace dunlin {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

std::string big_endian(std::uint64_t value, std::size_t bytes) {
  std::string made;
  for (std::size_t i = bytes; i > 0; --i) made.push_back(static_cast<char>(value >> (8 * (i - 1))));
  return made;
}

struct Type {
  std::int32_t offset;
};
/// A file of version 2 with an empty first block.
std::string tzif(const std::vector<std::pair<std::int64_t, int>>& transitions, const std::vector<Type>& types,
                 std::string_view rule) {
  const auto header = [](std::size_t times, std::size_t kinds) {
    std::string made = "TZif2" + std::string(15, '\0');
    for (const std::size_t count :
         {std::size_t{0}, std::size_t{0}, std::size_t{0}, times, kinds, std::size_t{4}})
      made += big_endian(count, 4);
    return made;
  };
  std::string made = header(0, 1) + std::string(6, '\0') + std::string("UTC\0", 4);
  made += header(transitions.size(), types.size());
  for (const auto& [at, type] : transitions) made += big_endian(static_cast<std::uint64_t>(at), 8);
  for (const auto& [at, type] : transitions) made.push_back(static_cast<char>(type));
  for (const Type& type : types)
    made += big_endian(static_cast<std::uint32_t>(type.offset), 4) + std::string(2, '\0');
  return made + std::string("UTC\0", 4) + "\n" + std::string(rule) + "\n";
}

TimeZone zone(std::string_view rule, const std::vector<std::pair<std::int64_t, int>>& transitions = {},
              const std::vector<Type>& types = {{0}}) {
  auto made = TimeZone::decode(as_bytes(tzif(transitions, types, rule)));
  EXPECT_TRUE(made.has_value()) << made.error().message;
  return *std::move(made);
}

WallTime at(std::string_view text) {
  return *parse_rfc3339(text);
}
std::int64_t day(std::string_view date) {
  return (at(std::string(date) + "T00:00:00Z").time_since_epoch()) / hours{24};
}
int hours_of(const TimeZone& zone, std::string_view date) {
  return static_cast<int>((zone.begin_of_day(day(date) + 1) - zone.begin_of_day(day(date))) / hours{1});
}

TEST(TimeZoneTest, DaysHave23And25HoursWhereClocksAreChanged) {
  const TimeZone berlin = zone("CET-1CEST,M3.5.0,M10.5.0/3");
  EXPECT_EQ(berlin.offset_at(at("2026-01-15T00:00:00Z")), hours{1});
  EXPECT_EQ(berlin.offset_at(at("2026-03-29T00:59:59Z")), hours{1});
  EXPECT_EQ(berlin.offset_at(at("2026-03-29T01:00:00Z")), hours{2});
  EXPECT_EQ(berlin.offset_at(at("2026-10-25T00:59:59Z")), hours{2});
  EXPECT_EQ(berlin.offset_at(at("2026-10-25T01:00:00Z")), hours{1});
  EXPECT_EQ(berlin.begin_of_day(day("2026-03-29")), at("2026-03-28T23:00:00Z"));
  EXPECT_EQ(berlin.begin_of_day(day("2026-03-30")), at("2026-03-29T22:00:00Z"));
  EXPECT_EQ(hours_of(berlin, "2026-03-29"), 23);
  EXPECT_EQ(hours_of(berlin, "2026-10-25"), 25);
  EXPECT_EQ(hours_of(berlin, "2026-06-01"), 24);
}

TEST(TimeZoneTest, TheSouthHasSummerOverNewYear) {
  const TimeZone sydney = zone("AEST-10AEDT,M10.1.0,M4.1.0/3");
  EXPECT_EQ(sydney.offset_at(at("2026-01-01T00:00:00Z")), hours{11});
  EXPECT_EQ(sydney.offset_at(at("2026-07-01T00:00:00Z")), hours{10});
  EXPECT_EQ(hours_of(sydney, "2026-10-04"), 23);
  EXPECT_EQ(hours_of(sydney, "2026-04-05"), 25);
}

TEST(TimeZoneTest, ClocksThatJumpOverMidnightOrBackOverIt) {
  // Cairo: at midnight to one; Asuncion of before: at midnight back to eleven; St. John's: at 00:01 back.
  const TimeZone jumps = zone("<+00>0<+01>,M4.5.5/0,M10.5.4/24");
  EXPECT_EQ(hours_of(jumps, "2026-04-24"), 23);
  EXPECT_EQ(jumps.begin_of_day(day("2026-04-24")), at("2026-04-24T00:00:00Z"));
  const TimeZone back = zone("NST3:30NDT,M3.2.0/0:01,M11.1.0/0:01");
  const WallTime begin = back.begin_of_day(day("2026-11-01"));
  EXPECT_EQ(begin, at("2026-11-01T02:30:00Z")) << "the first midnight";
  for (int minute = 0; minute < 180; ++minute)
    EXPECT_EQ(back.day_of(begin + std::chrono::minutes{minute}), day("2026-11-01")) << minute;
  EXPECT_EQ(back.day_of(begin - seconds{1}), day("2026-10-31"));
}

TEST(TimeZoneTest, DaysFollowEachOtherWithoutAGap) {
  const TimeZone zones[] = {zone("CET-1CEST,M3.5.0,M10.5.0/3"), zone("NST3:30NDT,M3.2.0/0:01,M11.1.0/0:01"),
                            zone("<+1345>-13:45"), zone("XYZ5ABC,J60/0,300/-1"), zone("UTC0")};
  for (const TimeZone& zone : zones) {
    for (std::int64_t one = day("2026-01-01"); one < day("2029-01-01"); ++one) {
      const WallTime begin = zone.begin_of_day(one);
      ASSERT_EQ(zone.day_of(begin), one);
      ASSERT_EQ(zone.day_of(begin - seconds{1}), one - 1);
      const auto length = zone.begin_of_day(one + 1) - begin;
      ASSERT_GE(length, hours{22});
      ASSERT_LE(length, hours{26});
    }
  }
}

TEST(TimeZoneTest, WhatTheFileSaysOfThePastCounts) {
  const std::int64_t change = at("2000-01-01T00:00:00Z").time_since_epoch() / seconds{1};
  const TimeZone made = zone("", {{change, 1}}, {{3600}, {7200}});
  EXPECT_EQ(made.offset_at(at("1990-01-01T00:00:00Z")), hours{1});
  EXPECT_EQ(made.offset_at(at("1999-12-31T23:59:59Z")), hours{1});
  EXPECT_EQ(made.offset_at(at("2000-01-01T00:00:00Z")), hours{2});
  EXPECT_EQ(made.offset_at(at("2200-01-01T00:00:00Z")), hours{2}) << "no rule: it stays";
}

TEST(TimeZoneTest, TimesAtTheEdgesAreNoTrouble) {
  const TimeZone berlin = zone("CET-1CEST,M3.5.0,M10.5.0/3");
  for (const WallTime time : {WallTime::min(), WallTime::max()}) {
    const std::int64_t found = berlin.day_of(time);
    EXPECT_GT(found, -110'000);
    EXPECT_LT(found, 110'000);
  }
}

TEST(TimeZoneTest, DamagedFilesAreRefused) {
  const std::string good = tzif({{0, 0}, {100, 1}}, {{0}, {3600}}, "UTC0");
  ASSERT_TRUE(TimeZone::decode(as_bytes(good)).has_value());
  for (std::size_t size = 0; size < good.size(); ++size)
    EXPECT_FALSE(TimeZone::decode(as_bytes(good.substr(0, size))).has_value()) << size;
  EXPECT_FALSE(TimeZone::decode(as_bytes(tzif({{100, 0}, {100, 1}}, {{0}, {3600}}, "UTC0"))).has_value());
  EXPECT_FALSE(TimeZone::decode(as_bytes(tzif({{100, 2}}, {{0}, {3600}}, "UTC0"))).has_value());
  EXPECT_FALSE(TimeZone::decode(as_bytes(tzif({}, {{100'000}}, "UTC0"))).has_value());
  for (const char* rule : {"X", "UTC", "CET-1CEST", "CET-1CEST,M13.1.0,M10.5.0", "CET-1CEST,M3.5.0", "UTC0x",
                           "CET-1CEST,M3.5.0,M10.5.0/3,", "<+01", "UTC999"})
    EXPECT_FALSE(TimeZone::decode(as_bytes(tzif({}, {{0}}, rule))).has_value()) << rule;
  std::string old = good;
  old[4] = '\0';
  EXPECT_EQ(TimeZone::decode(as_bytes(old)).error().code, Errc::unsupported);
}

TEST(TimeZoneTest, ChangesOfMoreThanADayMadeDaysThatBeganBeforeTheOnesBeforeThem) {
  const auto taken = [](std::int64_t apart, std::int32_t by) {
    const std::vector<Type> types{{0}, {by}, {0}};
    return TimeZone::decode(as_bytes(tzif({{0, 0}, {1'000'000, 1}, {1'000'000 + apart, 2}}, types, "")))
        .has_value();
  };
  constexpr std::int64_t kWeek = 7 * 86'400;
  EXPECT_TRUE(taken(kWeek, 86'400)) << "as where a date was left out";
  EXPECT_FALSE(taken(kWeek, 90'000));
  EXPECT_TRUE(taken(3600, 43'200));
  EXPECT_FALSE(taken(3600, 50'000)) << "there and back";
  EXPECT_FALSE(TimeZone::decode(as_bytes(tzif({}, {{0}}, "AAA-10BBB3,M3.5.0,M3.5.0/1"))).has_value());
  EXPECT_FALSE(TimeZone::decode(as_bytes(tzif({{0, 0}}, {{-50'000}}, "UTC0"))).has_value());
}

TEST(TimeZoneTest, NamesStayInTheFolder) {
  VirtualFs fs;
  for (const char* name : {"", "/etc/passwd", "../../etc/passwd", "Europe/../../x", "a b", "x\n"})
    EXPECT_EQ(TimeZone::load(fs, name).error().code, Errc::invalid_argument) << name;
  EXPECT_EQ(TimeZone::load(fs, "Europe/Nowhere").error().code, Errc::not_found);
}

TEST(TimeZoneTest, AbbreviationsAreThoseOfTheFileAndOfItsRule) {
  const auto second = [](std::string_view text) { return std::chrono::floor<seconds>(at(text)); };
  const TimeZone berlin = zone("CET-1CEST,M3.5.0,M10.5.0/3", {{1'000'000'000, 0}}, {{0}});
  EXPECT_EQ(berlin.abbreviation_at(second("1990-01-01T00:00:00Z")), "UTC");
  EXPECT_EQ(berlin.abbreviation_at(second("2026-01-15T00:00:00Z")), "CET");
  EXPECT_EQ(berlin.abbreviation_at(second("2026-07-15T00:00:00Z")), "CEST");
  EXPECT_EQ(zone("<-03>3").abbreviation_at(second("2026-07-15T00:00:00Z")), "-03");
}

TEST(TimeZoneTest, ClocksThatAreChangedLeaveOutAndRepeatAnHour) {
  const TimeZone berlin = zone("CET-1CEST,M3.5.0,M10.5.0/3");
  const auto moment = [&](std::string_view shown) {
    const auto local = std::chrono::local_seconds{std::chrono::floor<seconds>(at(shown)).time_since_epoch()};
    return berlin.moment_of(local);
  };
  EXPECT_EQ(moment("2026-01-15T10:00:00Z"), at("2026-01-15T09:00:00Z"));
  EXPECT_EQ(moment("2026-07-15T10:00:00Z"), at("2026-07-15T08:00:00Z"));
  EXPECT_EQ(moment("2026-03-29T02:30:00Z"), at("2026-03-29T01:30:00Z"));  // shown as 03:30
  EXPECT_EQ(moment("2026-10-25T02:30:00Z"), at("2026-10-25T00:30:00Z"));  // for the first time
}

TEST(TimeZoneTest, OffsetsAreZones) {
  for (const auto& [name, offset, shown] :
       std::vector<std::tuple<std::string, int, std::string>>{{"Z", 0, "UTC"},
                                                              {"+05:30", 19'800, "+05:30"},
                                                              {"-3", -10'800, "-03:00"},
                                                              {"UTC+01:00", 3600, "+01:00"},
                                                              {"GMT-3:00", -10'800, "-03:00"}}) {
    const auto made = system_time_zone(name);
    ASSERT_TRUE(made) << name;
    EXPECT_EQ(made->offset_at(at("2026-01-01T00:00:00Z")), seconds{offset}) << name;
    EXPECT_EQ(made->name(), shown);
    EXPECT_EQ(made->abbreviation_at({}), shown);
  }
  for (const std::string_view name :
       {"+19:00", "+1:60", "+", "UTC+", "+05:30:00", "+a", "+123", "", "../UTC"})
    EXPECT_FALSE(system_time_zone(name)) << name;
  EXPECT_EQ(TimeZone::fixed(seconds{-3661}).name(), "-01:01:01");
}

}  // namespace
}  // namespace dunlin
