#include "service/monitor/forecast_watch.h"

#include <gmock/gmock.h>

#include <cmath>

#include "service/monitor/monitored.h"

namespace dunlin::monitor {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using testing::HasSubstr;
using testing::StartsWith;

constexpr WallTime kBegin{std::chrono::sys_days{std::chrono::year{2026} / 1 / 1}};

WallTime at(int minute) {
  return kBegin + minutes{minute};
}

ForecastWatch rising_to(double high, Duration within) {
  return ForecastWatch({.high = high, .within = within});
}

TEST(ForecastWatchTest, RaisesAnAlarmBeforeTheLimitIsReached) {
  ForecastWatch watch = rising_to(80, hours{3});
  std::optional<analytics::WatchEvent> event;
  int minute = 0;
  // A degree in ten minutes from 20: at 80 after 600 minutes.
  for (; minute < 600 && !event; ++minute) event = watch.add(at(minute), 20 + minute / 10.0);
  ASSERT_TRUE(event.has_value());
  EXPECT_EQ(event->change, analytics::Change::raised);
  EXPECT_GT(minute, 400) << "not much before three hours ahead";
  EXPECT_LT(minute, 440);
  ASSERT_TRUE(watch.reach().has_value());
  EXPECT_NEAR((watch.reach()->expected - at(600)) / minutes{1}, 0, 15);
  EXPECT_NEAR(event->judgement.value, 180 * 60, 20 * 60);
  ASSERT_TRUE(event->judgement.expected.has_value());
  EXPECT_EQ(event->judgement.expected->high, 80);
}

TEST(ForecastWatchTest, TheAlarmEndsWhereItDoesNotComeToThat) {
  ForecastWatch watch = rising_to(80, hours{3});
  for (int i = 0; i < 500; ++i) watch.add(at(i), 20 + i / 10.0);
  ASSERT_TRUE(watch.is_raised());
  std::optional<analytics::WatchEvent> end;
  for (int i = 500; i < 1500 && !end; ++i) end = watch.add(at(i), 70.0);
  ASSERT_TRUE(end.has_value());
  EXPECT_EQ(end->change, analytics::Change::cleared);
  EXPECT_FALSE(watch.reach().has_value());
}

TEST(ForecastWatchTest, WhatStaysRaisesNone) {
  ForecastWatch watch({.low = 0, .high = 100, .within = hours{24}});
  for (int i = 0; i < 2000; ++i) {
    EXPECT_FALSE(watch.add(at(i), 50 + 10 * std::sin(i / 50.0)).has_value()) << i;
  }
}

TEST(ForecastWatchTest, PastTheLimitIsAtOnce) {
  ForecastWatch watch({.low = 10, .within = hours{1}});
  const auto event = watch.add(at(0), 5);
  ASSERT_TRUE(event.has_value());
  EXPECT_EQ(event->judgement.value, 0);
  EXPECT_EQ(watch.add(at(0), 50), std::nullopt) << "not later";
}

TEST(ForecastWatchTest, GoesOnFromASavedState) {
  const ForecastOptions options{.high = 80, .within = hours{3}};
  ForecastWatch whole(options);
  ForecastWatch parts(options);
  std::optional<int> raised_whole, raised_parts;
  for (int i = 0; i < 600; ++i) {
    if (whole.add(at(i), 20 + i / 10.0)) raised_whole = raised_whole.value_or(i);
    if (i % 50 == 49) {
      auto loaded = ForecastWatch::load(options, parts.save());
      ASSERT_TRUE(loaded.has_value());
      parts = *std::move(loaded);
    }
    if (parts.add(at(i), 20 + i / 10.0)) raised_parts = raised_parts.value_or(i);
  }
  ASSERT_TRUE(raised_whole && raised_parts);
  EXPECT_NEAR(*raised_whole, *raised_parts, 3) << "looked ahead at other values";
  const std::string state = parts.save();
  for (std::size_t cut = 0; cut < state.size(); cut += 7)
    EXPECT_FALSE(ForecastWatch::load(options, state.substr(0, cut)).has_value());
}

TEST(ForecastWatchTest, SaysWhyAndRefusesWhatMakesNoSense) {
  Monitor monitor;
  monitor.channel = "temperature";
  monitor.kind = ForecastOptions{.high = 80, .within = hours{3}};
  Monitored monitored(monitor);
  std::string told;
  for (int i = 0; i < 600 && told.empty(); ++i) {
    if (const auto event = monitored.add(at(i), 20 + i / 10.0)) told = reason(monitor, *event);
  }
  EXPECT_THAT(told, StartsWith("temperature reaches 80 in "));
  EXPECT_THAT(told, HasSubstr("(forecast, since 2026-01-01T0"));
  const auto again = Monitored::load(monitor, monitored.save());
  ASSERT_TRUE(again.has_value());
  EXPECT_TRUE(again->is_raised());
  const auto wrong = [](const ForecastOptions& options) {
    const auto checked = check(options);
    return checked ? std::string() : checked.error().message;
  };
  EXPECT_THAT(wrong({.within = hours{1}}), HasSubstr("is needed"));
  EXPECT_THAT(wrong({.high = 1}), HasSubstr("within_seconds"));
  EXPECT_THAT(wrong({.low = 2, .high = 1, .within = hours{1}}), HasSubstr("below"));
  EXPECT_THAT(wrong({.high = 1, .within = hours{24 * 400}}), HasSubstr("a year"));
}

}  // namespace
}  // namespace dunlin::monitor
