#include "service/analytics/watch.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "base/rng.h"

namespace dunlin::analytics {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::HasSubstr;

constexpr WallTime kStart{seconds{1'700'006'400}};

WallTime at(int second) {
  return kStart + seconds{second};
}

/// "+" for an alarm, "-" for its end, "." for neither, one for each value, a second apart.
std::string changes(Watch& watch, const std::vector<double>& values, int first_second = 0) {
  std::string found;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto event = watch.add(at(first_second + static_cast<int>(i)), values[i]);
    found += !event ? '.' : event->change == Change::raised ? '+' : '-';
  }
  return found;
}

TEST(ThresholdWatchTest, BeginsAtTheLimitAndEndsInsideOfIt) {
  Watch watch({ThresholdOptions{.low = 10, .high = 20, .hysteresis = 2}, {}});
  EXPECT_EQ(changes(watch, {15, 20, 20.5, 19, 18.5, 18, 17}), "..+..-.");
  EXPECT_EQ(changes(watch, {9, 11, 12, 15}, 10), "+.-.");
  EXPECT_EQ(changes(watch, {9, 21, 9, 15}, 20), "+..-") << "from one side to the other it is one alarm";
}

TEST(ThresholdWatchTest, WaitsAsLongAsItIsTold) {
  Watch watch({ThresholdOptions{.high = 20}, {.raise_after = seconds{3}, .clear_after = seconds{2}}});
  EXPECT_EQ(changes(watch, {21, 21, 19, 21, 21, 21, 21, 21}), "......+.") << "an interruption begins anew";
  EXPECT_EQ(changes(watch, {19, 21, 19, 19, 19, 19}, 8), "....-.");
}

TEST(ThresholdWatchTest, SaysWhy) {
  Watch watch({ThresholdOptions{.low = 10}, {.raise_after = seconds{2}}});
  EXPECT_FALSE(watch.add(at(0), 11));
  EXPECT_FALSE(watch.add(at(1), 9));
  EXPECT_FALSE(watch.add(at(2), 8));
  const auto event = watch.add(at(3), 7);
  ASSERT_TRUE(event);
  EXPECT_EQ(event->change, Change::raised);
  EXPECT_EQ(event->detector, "threshold");
  EXPECT_EQ(event->time, at(3));
  EXPECT_EQ(event->since, at(1));
  EXPECT_EQ(event->judgement.value, 7);
  EXPECT_EQ(event->judgement.expected->low, 10);
  EXPECT_EQ(event->judgement.expected->high, std::numeric_limits<double>::infinity());
}

TEST(RateWatchTest, JudgesTheStepWithoutAWindow) {
  Watch watch({RateOptions{.falling = -5, .rising = 2}, {}});
  EXPECT_EQ(changes(watch, {0, 2, 4, 7, 8, 4, -2, -3}), "...+-.+-");
}

TEST(RateWatchTest, JudgesTheSlopeOfAWindow) {
  Watch watch({RateOptions{.rising = 0.5, .over = minutes{1}}, {}});
  // Noise that would be too steep from one value to the next, around no slope at all.
  std::vector<double> values;
  for (int i = 0; i < 300; ++i) values.push_back(i % 2);
  EXPECT_EQ(changes(watch, values).find('+'), std::string::npos);
  values.clear();
  for (int i = 0; i < 120; ++i) values.push_back(i);
  const std::string found = changes(watch, values, 300);
  const std::size_t raised = found.find('+');
  EXPECT_GE(raised, 25U) << "half of the window";
  EXPECT_LE(raised, 40U);
}

TEST(FlatWatchTest, FindsASensorThatIsStuck) {
  Watch watch({FlatOptions{.after = seconds{4}, .tolerance = 0.5}, {}});
  EXPECT_EQ(changes(watch, {1, 2, 3, 3.2, 3.5, 3, 3.1, 3.3, 4, 4, 5}), "......+.-..");
}

TEST(MissingWatchTest, FindsSilenceAndItsEnd) {
  Watch watch({MissingOptions{.after = seconds{30}}, {}});
  EXPECT_FALSE(watch.look(at(0))) << "of what never spoke nothing is missed";
  EXPECT_FALSE(watch.add(at(0), 1));
  EXPECT_FALSE(watch.look(at(30)));
  const auto event = watch.look(at(31));
  ASSERT_TRUE(event);
  EXPECT_EQ(event->change, Change::raised);
  EXPECT_EQ(event->judgement.value, 31);
  EXPECT_FALSE(watch.look(at(40)));
  // The value's own time is before the look: the device's clock and ours differ.
  const auto end = watch.add(at(20), 1);
  ASSERT_TRUE(end);
  EXPECT_EQ(end->change, Change::cleared);
}

TEST(MissingWatchTest, LearnsHowOftenValuesCome) {
  Watch watch({MissingOptions{}, {}});
  for (int i = 0; i < 5; ++i) watch.add(at(60 * i), 1);
  EXPECT_FALSE(watch.look(at(86'400))) << "not known yet";
  for (int i = 5; i < 30; ++i) watch.add(at(60 * i), 1);
  EXPECT_FALSE(watch.look(at(60 * 29 + 590)));
  EXPECT_TRUE(watch.look(at(60 * 29 + 610)));
}

TEST(RobustWatchTest, IsNotMovedByWhatItFinds) {
  SeededRng rng(1);
  Watch watch({RobustOptions{.deviations = 8}, {}});
  std::string found;
  for (int i = 0; i < 1000; ++i) {
    const bool outlier = i > 100 && i % 10 == 0;
    const auto event = watch.add(at(i), outlier ? 500 : 20 + rng.unit());
    const bool raised = event && event->change == Change::raised;
    EXPECT_EQ(raised, outlier) << i;
  }
}

TEST(RobustWatchTest, AgreesWithMedianAndDeviationOfTheWholeWindow) {
  SeededRng rng(2);
  for (const std::size_t window : {4UL, 15UL, 128UL}) {
    RobustJudge judge({.deviations = 5, .clear_deviations = 3, .window = window});
    std::vector<double> past;
    for (int i = 0; i < 600; ++i) {
      const double value = std::floor(1000 * rng.unit() * rng.unit());
      const Judgement judgement = judge.judge(at(i), value);
      if (past.size() >= std::min<std::size_t>(16, window)) {
        std::vector<double> sorted(past.end() - static_cast<std::ptrdiff_t>(std::min(window, past.size())),
                                   past.end());
        const auto middle = [&sorted] {
          std::ranges::sort(sorted);
          const std::size_t half = sorted.size() / 2;
          return sorted.size() % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
        };
        const double median = middle();
        for (double& each : sorted) each = std::abs(each - median);
        std::ranges::sort(sorted);
        const double deviation = 1.4826 * sorted[sorted.size() / 2];
        ASSERT_TRUE(judgement.expected);
        ASSERT_TRUE(deviation == 0 || std::abs(judgement.expected->high - median - 5 * deviation) < 1e-6)
            << i;
      }
      past.push_back(value);
    }
  }
}

TEST(SeasonalWatchTest, FindsWhatIsUsualAtAnotherHour) {
  SeededRng rng(3);
  Watch watch({SeasonalOptions{.step = hours{1}, .season = 24}, {}});
  const auto usual = [&rng](int hour) {
    return 10 * std::sin(2 * std::numbers::pi * hour / 24) + rng.unit();
  };
  for (int hour = 0; hour < 24 * 20; ++hour) {
    const auto event = watch.add(kStart + hours{hour}, usual(hour));
    ASSERT_FALSE(event) << hour;
  }
  // Noon at midnight: within the range of every day.
  const auto event = watch.add(kStart + hours{24 * 20}, 10);
  ASSERT_TRUE(event);
  EXPECT_EQ(event->detector, "seasonal");
  EXPECT_LT(event->judgement.expected->high, 6);
  EXPECT_EQ(watch.add(kStart + hours{24 * 20 + 1}, usual(1))->change, Change::cleared);
}

std::vector<WatchOptions> one_of_each() {
  const HoldTimes hold{.raise_after = seconds{2}, .clear_after = seconds{2}};
  return {{ThresholdOptions{.low = -3, .high = 3, .hysteresis = 1}, hold},
          {RateOptions{.falling = -0.2, .rising = 0.2, .over = seconds{20}}, hold},
          {FlatOptions{.after = seconds{10}, .tolerance = 3}, hold},
          {MissingOptions{}, {}},
          {RobustOptions{.deviations = 2, .clear_deviations = 1, .window = 30}, hold},
          {SeasonalOptions{.step = seconds{1}, .season = 12, .deviations = 2, .clear_deviations = 1}, hold}};
}

TEST(WatchTest, GoesOnAfterARestartAsIfNothingWas) {
  for (const WatchOptions& options : one_of_each()) {
    SeededRng rng(4);
    Watch whole(options);
    Watch restarted(options);
    int second = 0;
    int events = 0;
    for (int i = 0; i < 3000; ++i) {
      if (i % 17 == 0) restarted = *Watch::load(options, restarted.save());
      second += rng.below(100) == 0 ? 60 : static_cast<int>(rng.below(3));
      const double value = rng.below(50) == 0 ? 20 * rng.unit() : std::floor(8 * rng.unit()) - 4;
      const bool look = rng.below(5) == 0;
      const auto expected = look ? whole.look(at(second)) : whole.add(at(second), value);
      const auto found = look ? restarted.look(at(second)) : restarted.add(at(second), value);
      ASSERT_EQ(found.has_value(), expected.has_value()) << kind_name(options) << " at " << i;
      if (!found) continue;
      ++events;
      ASSERT_EQ(found->change, expected->change);
      ASSERT_EQ(found->since, expected->since);
      ASSERT_EQ(found->judgement.value, expected->judgement.value);
      ASSERT_EQ(found->judgement.expected, expected->judgement.expected);
    }
    EXPECT_EQ(whole.save(), restarted.save()) << kind_name(options);
    EXPECT_GT(events, 0) << kind_name(options);
  }
}

TEST(WatchTest, RefusesSavedStatesThatAreDamagedOrOfAnother) {
  const auto all = one_of_each();
  for (std::size_t i = 0; i < all.size(); ++i) {
    Watch watch(all[i]);
    for (int k = 0; k < 100; ++k) watch.add(at(k), k % 7);
    const std::string saved = watch.save();
    ASSERT_TRUE(Watch::load(all[i], saved));
    for (std::size_t size = 0; size < saved.size(); ++size)
      ASSERT_FALSE(Watch::load(all[i], saved.substr(0, size)));
    EXPECT_FALSE(Watch::load(all[i], saved + 'x'));
    EXPECT_FALSE(Watch::load(all[(i + 1) % all.size()], saved));
  }
}

TEST(WatchTest, StaysSaneWhateverComes) {
  SeededRng rng(5);
  const std::vector<double> extremes{0, 1e308, -1e308, 5e-324, std::numeric_limits<double>::quiet_NaN(),
                                     1, -1};
  for (const WatchOptions& options : one_of_each()) {
    Watch watch(options);
    for (int i = 0; i < 2000; ++i) {
      const WallTime time{Duration{static_cast<std::int64_t>(rng.next())}};
      const auto event = watch.add(time, extremes[rng.below(extremes.size())]);
      ASSERT_TRUE(!event || !std::isnan(event->judgement.value)) << kind_name(options);
      watch.look(WallTime::max());
    }
    ASSERT_TRUE(Watch::load(options, watch.save())) << kind_name(options);
  }
}

TEST(WatchTest, RefusesOptionsThatMakeNoSense) {
  const auto why = [](WatchOptions options) {
    const auto checked = check(options);
    return checked ? std::string("accepted") : checked.error().message;
  };
  for (const WatchOptions& options : one_of_each()) EXPECT_EQ(why(options), "accepted");
  EXPECT_THAT(why({ThresholdOptions{}, {}}), HasSubstr("is needed"));
  EXPECT_THAT(why({ThresholdOptions{.low = 2, .high = 1}, {}}), HasSubstr("not below"));
  EXPECT_THAT(why({ThresholdOptions{.low = 0, .high = 2, .hysteresis = 1}, {}}), HasSubstr("no room"));
  EXPECT_THAT(why({ThresholdOptions{.low = std::nan("")}, {}}), HasSubstr("finite"));
  EXPECT_THAT(why({ThresholdOptions{.low = 1, .hysteresis = -1}, {}}), HasSubstr("hysteresis"));
  EXPECT_THAT(why({RateOptions{.rising = 1, .over = hours{24 * 400}}, {}}), HasSubstr("a year"));
  EXPECT_THAT(why({FlatOptions{.after = Duration::zero()}, {}}), HasSubstr("too short"));
  EXPECT_THAT(why({RobustOptions{.window = 513}, {}}), HasSubstr("512"));
  EXPECT_THAT(why({RobustOptions{.deviations = 1, .clear_deviations = 2}, {}}), HasSubstr("deviations"));
  EXPECT_THAT(why({SeasonalOptions{.season = 0}, {}}), HasSubstr("2016"));
  EXPECT_THAT(why({ThresholdOptions{.low = 1}, {.raise_after = -seconds{1}}}), HasSubstr("too short"));
}

}  // namespace
}  // namespace dunlin::analytics
