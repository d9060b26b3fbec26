#include "service/analytics/forecaster.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "base/rng.h"
#include "service/analytics/limits.h"
#include "service/analytics/season_length.h"

namespace dunlin::analytics {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

constexpr WallTime kStart{std::chrono::seconds{1'700'006'400}};

double daily(int hour) {
  return 20 + 5 * std::sin(2 * std::numbers::pi * hour / 24);
}

TEST(SeasonLengthTest, FindsWhatRepeats) {
  SeededRng rng(1);
  for (const std::size_t season : {2UL, 7UL, 24UL, 48UL, 168UL, 300UL}) {
    std::vector<double> pattern;
    for (std::size_t i = 0; i < season; ++i) pattern.push_back(10 * rng.unit());
    std::vector<double> values;
    for (std::size_t i = 0; i < 1024; ++i)
      values.push_back(pattern[i % season] + rng.unit() + 0.01 * static_cast<double>(i));
    EXPECT_EQ(find_season(values), season);
  }
}

TEST(SeasonLengthTest, FindsNothingWhereNothingRepeats) {
  SeededRng rng(2);
  int found = 0;
  for (int round = 0; round < 50; ++round) {
    std::vector<double> values;
    for (int i = 0; i < 300; ++i) values.push_back(rng.unit());
    if (find_season(values) != 1) ++found;
  }
  EXPECT_LE(found, 2);
  EXPECT_EQ(find_season(std::vector<double>(100, 5.0)), 1U);
  EXPECT_EQ(find_season({}), 1U);
  EXPECT_EQ(find_season(std::vector<double>{1, 2, 1, 2, 1, 2}), 1U) << "too few";
}

TEST(ForecasterTest, FollowsALine) {
  Forecaster forecaster;
  for (int i = 0; i < 200; ++i) forecaster.add(kStart + minutes{5} * i, 10 + 0.5 * i);
  EXPECT_EQ(forecaster.step(), minutes{5});
  EXPECT_EQ(forecaster.season(), 1U);
  const auto next = forecaster.next(20);
  ASSERT_EQ(next.size(), 20U);
  for (int i = 0; i < 20; ++i) {
    const Forecast& forecast = next[static_cast<std::size_t>(i)];
    EXPECT_EQ(forecast.time, kStart + minutes{5} * (200 + i));
    EXPECT_NEAR(forecast.value, 10 + 0.5 * (200 + i), 0.2);
    EXPECT_LE(forecast.band.low, forecast.value);
    EXPECT_GE(forecast.band.high, forecast.value);
  }
}

TEST(ForecasterTest, SaysWhenALimitIsReached) {
  SeededRng rng(3);
  Forecaster forecaster;
  for (int i = 0; i < 200; ++i) forecaster.add(kStart + minutes{5} * i, 10 + 0.5 * i + 0.2 * rng.unit());
  const LimitForecast up = forecaster.reach(130, 100);  // at step 240
  ASSERT_TRUE(up.expected && up.earliest);
  EXPECT_NEAR(static_cast<double>((*up.expected - kStart) / minutes{5}), 240, 2);
  EXPECT_LE(*up.earliest, *up.expected);
  EXPECT_GE(*up.earliest, kStart + minutes{5} * 200);
  EXPECT_FALSE(forecaster.reach(200, 100).expected) << "not within a hundred steps";
  EXPECT_FALSE(forecaster.reach(50, 100).expected) << "it goes the other way";
}

TEST(ForecasterTest, FindsTheDayAndGoesOnWithIt) {
  SeededRng rng(4);
  Forecaster forecaster;
  for (int hour = 0; hour < 24 * 30; ++hour) {
    // Some values are missing, some come twice, all a little late.
    if (hour % 13 == 5) continue;
    const WallTime time = kStart + hours{hour} + minutes{static_cast<int>(rng.below(3))};
    forecaster.add(time, daily(hour) + rng.unit() - 0.5);
    if (hour > 100) forecaster.add(time + minutes{1}, 1000);
  }
  EXPECT_EQ(forecaster.season(), 24U);
  const auto next = forecaster.next(48);
  ASSERT_EQ(next.size(), 48U);
  int inside = 0;
  for (int i = 0; i < 48; ++i) {
    const Forecast& forecast = next[static_cast<std::size_t>(i)];
    const double truth = daily(24 * 30 + i);
    EXPECT_NEAR(forecast.value, truth, 0.6) << i;
    if (forecast.band.low <= truth && truth <= forecast.band.high) ++inside;
  }
  EXPECT_GE(inside, 46);
}

TEST(ForecasterTest, ForetellsNothingOfWhatItHardlyKnows) {
  Forecaster forecaster;
  EXPECT_TRUE(forecaster.next(10).empty());
  EXPECT_FALSE(forecaster.reach(1, 10).earliest);
  for (int i = 0; i < 16; ++i) forecaster.add(kStart + minutes{i}, i);
  EXPECT_TRUE(forecaster.next(10).empty());
  for (int i = 16; i < 40; ++i) forecaster.add(kStart + minutes{i}, i);
  EXPECT_EQ(forecaster.next(10).size(), 10U);
  EXPECT_EQ(forecaster.next(1'000'000).size(), kMaxForecastSteps);
}

TEST(ForecasterTest, IsNotUpsetByWhatIsNoValue) {
  Forecaster with;
  Forecaster without;
  for (int i = 0; i < 500; ++i) {
    const WallTime time = kStart + hours{i};
    with.add(time, std::numeric_limits<double>::quiet_NaN());
    with.add(time - hours{50}, 7);  // late
    with.add(time, daily(i));
    with.add(time + minutes{1}, std::numeric_limits<double>::infinity());
    without.add(time, daily(i));
    if (i == 20) with = *Forecaster::load(without.save());  // the late value was the first one
  }
  EXPECT_EQ(with.save(), without.save());
}

TEST(ForecasterTest, StaysANumberWhateverComes) {
  SeededRng rng(5);
  const std::vector<double> extremes{0, 1e308, -1e308, 5e-324, 1, -1e150};
  for (int round = 0; round < 40; ++round) {
    Forecaster forecaster;
    for (int i = 0; i < 700; ++i) {
      const std::uint64_t spread = round % 2 == 0 ? 4'000'000'000'000'000'000 : 100'000'000'000;
      const WallTime time{Duration{static_cast<std::int64_t>(i) * 1'000'000'000 +
                                   static_cast<std::int64_t>(rng.below(spread)) - 1'000'000'000'000}};
      forecaster.add(time, extremes[rng.below(extremes.size())]);
    }
    for (const Forecast& forecast : forecaster.next(300)) {
      ASSERT_TRUE(std::isfinite(forecast.value)) << round;
      ASSERT_TRUE(forecast.band.low <= forecast.value && forecast.value <= forecast.band.high) << round;
    }
    ASSERT_TRUE(Forecaster::load(forecaster.save())) << round;
  }
}

TEST(ForecasterTest, GoesOnAfterARestartAsIfNothingWas) {
  SeededRng rng(6);
  Forecaster whole;
  Forecaster restarted;
  for (int i = 0; i < 1500; ++i) {
    if (i % 97 == 0) restarted = *Forecaster::load(restarted.save());
    const double value = daily(i) + rng.unit();
    whole.add(kStart + hours{i}, value);
    restarted.add(kStart + hours{i}, value);
  }
  EXPECT_EQ(whole.save(), restarted.save());
  EXPECT_EQ(whole.next(30).back().value, restarted.next(30).back().value);
}

TEST(ForecasterTest, RefusesSavedStatesThatAreDamaged) {
  for (const int values : {5, 100, 1200}) {
    Forecaster forecaster;
    for (int i = 0; i < values; ++i) forecaster.add(kStart + hours{i}, daily(i));
    const std::string saved = forecaster.save();
    ASSERT_TRUE(Forecaster::load(saved));
    for (std::size_t size = 0; size < saved.size(); size += 1 + size / 50)
      ASSERT_FALSE(Forecaster::load(saved.substr(0, size))) << size;
    EXPECT_FALSE(Forecaster::load(saved + 'x'));
    std::string other = saved;
    other[0] = 2;
    EXPECT_FALSE(Forecaster::load(other)) << "of another version";
  }
}

}  // namespace
}  // namespace dunlin::analytics
