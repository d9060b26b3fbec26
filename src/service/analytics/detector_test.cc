#include "service/analytics/detector.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

#include "base/rng.h"

namespace dunlin::analytics {
namespace {

using std::chrono::minutes;
using testing::DoubleEq;
using testing::Each;

constexpr WallTime kStart{std::chrono::seconds{1'700'006'400}};  // a midnight

double noise(SeededRng& rng) {
  return rng.unit() - 0.5;
}

/// A day of five-minute values: a wave with noise.
double wave(int step, SeededRng& rng) {
  return 20 + 5 * std::sin(2 * std::numbers::pi * step / 288) + noise(rng);
}

std::vector<Verdict> run(const std::vector<double>& values) {
  Detector detector;
  std::vector<Verdict> verdicts;
  for (std::size_t i = 0; i < values.size(); ++i)
    verdicts.push_back(detector.add(kStart + minutes{5} * static_cast<int>(i), values[i]));
  return verdicts;
}

std::vector<double> scores(const std::vector<Verdict>& verdicts) {
  std::vector<double> found;
  for (const Verdict& verdict : verdicts) found.push_back(verdict.score);
  return found;
}

std::vector<double> waves(int count) {
  SeededRng rng(7);
  std::vector<double> values;
  for (int i = 0; i < count; ++i) values.push_back(wave(i, rng));
  return values;
}

TEST(DetectorTest, FindsASpikeAndNothingElse) {
  auto values = waves(288 * 14);
  values[3000] += 15;
  const auto found = scores(run(values));
  for (std::size_t i = 400; i < found.size(); ++i) {
    // What follows may still be called unusual, but wakes up nobody twice.
    EXPECT_EQ(found[i] >= kAlarmScore, i == 3000) << i << ": " << found[i];
  }
}

TEST(DetectorTest, FindsALevelThatShifts) {
  auto values = waves(288 * 14);
  for (std::size_t i = 3000; i < values.size(); ++i) values[i] += 12;
  const auto found = scores(run(values));
  EXPECT_GE(*std::max_element(found.begin() + 3000, found.begin() + 3050), kAlarmScore);
}

TEST(DetectorTest, FindsADayThatIsMissing) {
  auto values = waves(288 * 14);
  SeededRng rng(8);
  for (std::size_t i = 2880; i < 3168; ++i) values[i] = 20 + noise(rng) / 10;
  const auto found = scores(run(values));
  EXPECT_GE(*std::max_element(found.begin() + 2880, found.begin() + 3168), kAlarmScore);
  EXPECT_GT(*std::max_element(found.begin() + 2880, found.begin() + 3168),
            *std::max_element(found.begin() + 1000, found.begin() + 2880));
}

TEST(DetectorTest, FindsWhatNoLongerMoves) {
  auto values = waves(288 * 14);
  for (std::size_t i = 3000; i < 3144; ++i) values[i] = values[3000];
  const auto found = scores(run(values));
  EXPECT_GE(*std::max_element(found.begin() + 3000, found.begin() + 3144), kAlarmScore);
  EXPECT_LT(*std::max_element(found.begin() + 600, found.begin() + 3000), kAlarmScore);
}

TEST(DetectorTest, FindsNoiseThatGrows) {
  SeededRng rng(9);
  std::vector<double> values;
  for (int i = 0; i < 4000; ++i) values.push_back(noise(rng) * (i < 3000 ? 1 : 0.95) + 20);
  const auto before = scores(run(values));
  for (std::size_t i = 3000; i < 3200; ++i) values[i] = values[i] < 20 ? 19.6 : 20.4;
  const auto found = scores(run(values));
  EXPECT_LT(*std::max_element(before.begin() + 3000, before.begin() + 3200), kAlarmScore);
  EXPECT_GE(*std::max_element(found.begin() + 3000, found.begin() + 3200), kAlarmScore)
      << "inside of the range";
}

/// Of a normal distribution (Box and Muller).
double normal(SeededRng& rng) {
  return std::sqrt(-2 * std::log(1 - rng.unit())) * std::cos(2 * std::numbers::pi * rng.unit());
}

TEST(DetectorTest, RaisesFewAlarmsOverNoise) {
  SeededRng rng(4);
  double walk = 0;
  std::array<std::vector<double>, 4> kinds;
  for (int i = 0; i < 20'000; ++i) {
    walk = 0.95 * walk + normal(rng);
    kinds[0].push_back(normal(rng));
    kinds[1].push_back(walk);
    kinds[2].push_back(std::exp(normal(rng)));
    kinds[3].push_back(wave(i, rng));
  }
  for (const auto& values : kinds) {
    const auto found = scores(run(values));
    const auto alarms =
        std::count_if(found.begin() + 300, found.end(), [](double score) { return score >= kAlarmScore; });
    EXPECT_LE(alarms, 30) << "of kind " << &values - kinds.data();
  }
}

TEST(DetectorTest, TheBandHoldsWhatIsUsual) {
  const auto values = waves(288 * 7);
  const auto verdicts = run(values);
  EXPECT_FALSE(verdicts[0].expected);
  int inside = 0;
  for (std::size_t i = 1; i < values.size(); ++i) {
    ASSERT_TRUE(verdicts[i].expected);
    const auto [low, high] = *verdicts[i].expected;
    ASSERT_LE(low, high);
    if (i > 288 && values[i] >= low && values[i] <= high) ++inside;
    EXPECT_TRUE(i <= 288 || high - low < 5) << "narrower than the wave";
  }
  EXPECT_GE(inside, 0.98 * (288 * 6 - 1));
}

TEST(DetectorTest, WhatNeverMovesIsNoAnomalyUntilItDoes) {
  std::vector<double> values(2000, 3.5);
  values[1500] = 3.6;
  const auto found = scores(run(values));
  EXPECT_THAT(std::vector(found.begin(), found.begin() + 1500), Each(DoubleEq(found[1000])));
  EXPECT_LT(found[1000], 0.01);
  EXPECT_GE(found[1500], kAlarmScore);
}

TEST(DetectorTest, SpeaksTheSameOfScaledValues) {
  auto values = waves(2000);
  values[1500] += 20;
  const auto found = scores(run(values));
  for (double& value : values) value *= 0x1p-40;
  EXPECT_EQ(scores(run(values)), found) << "a power of two changes no digit";
}

TEST(DetectorTest, ValuesThatAreNoNumbersChangeNothing) {
  SeededRng rng(7);
  Detector with;
  Detector without;
  for (int i = 0; i < 1000; ++i) {
    const WallTime time = kStart + minutes{5} * i;
    if (i % 7 == 3) {
      for (const double odd :
           {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(),
            -std::numeric_limits<double>::infinity()})
        EXPECT_EQ(with.add(time, odd).score, 0);
    }
    const double value = wave(i, rng);
    ASSERT_EQ(with.add(time, value).score, without.add(time, value).score) << i;
  }
  EXPECT_EQ(with.save(), without.save());
}

TEST(DetectorTest, StaysANumberWhateverComes) {
  SeededRng rng(3);
  const std::vector<double> extremes{0,     -0.0,  1e308,  -1e308, 5e-324, -5e-324,
                                     1e-30, 1e150, -1e200, 1,      1e9,    1.0000000001};
  for (int round = 0; round < 200; ++round) {
    Detector detector;
    for (int i = 0; i < 300; ++i) {
      const std::size_t choices = 1 + static_cast<std::size_t>(round) % extremes.size();
      const double value = extremes[rng.below(choices)];
      // Far before and after 1970, too.
      const WallTime time{std::chrono::hours{static_cast<int>(rng.below(4'000'000)) - 2'000'000}};
      const Verdict verdict = detector.add(time, value);
      ASSERT_TRUE(verdict.score >= 0 && verdict.score <= 1) << verdict.score << " in round " << round;
      ASSERT_TRUE(i == 0 || (verdict.expected && verdict.expected->low <= verdict.expected->high));
    }
    ASSERT_TRUE(Detector::load(detector.save()));
  }
}

TEST(DetectorTest, GoesOnAfterARestartAsIfNothingWas) {
  const auto values = waves(3000);
  for (const std::size_t cut : {0UL, 1UL, 15UL, 1000UL, 2999UL}) {
    Detector whole;
    Detector restarted;
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (i == cut) restarted = *Detector::load(restarted.save());
      const WallTime time = kStart + minutes{5} * static_cast<int>(i);
      const Verdict expected = whole.add(time, values[i]);
      const Verdict found = restarted.add(time, values[i]);
      ASSERT_EQ(found.score, expected.score);
      ASSERT_EQ(found.expected, expected.expected);
    }
  }
}

TEST(DetectorTest, RefusesSavedStatesThatAreDamaged) {
  Detector detector;
  for (int i = 0; i < 100; ++i) detector.add(kStart + minutes{i}, i);
  const std::string saved = detector.save();
  EXPECT_LE(saved.size(), 4096U);
  for (std::size_t size = 0; size < saved.size(); ++size)
    ASSERT_FALSE(Detector::load(saved.substr(0, size))) << size;
  EXPECT_FALSE(Detector::load(saved + 'x'));
  std::string other = saved;
  other[0] = 3;
  EXPECT_EQ(Detector::load(other).error().code, Errc::corrupt) << "of another version";
  other = saved;
  other.replace(1, 8, 8, '\xff');
  EXPECT_FALSE(Detector::load(other)) << "a count that is no number";
}

// They were sums that mean nothing any more.
TEST(DetectorTest, BeginsAnewWithStatesOfTheFirstVersion) {
  std::string saved(2661, '\0');
  saved[0] = 1;
  const auto detector = Detector::load(saved);
  ASSERT_TRUE(detector);
  EXPECT_EQ(detector->values(), 0);
  EXPECT_EQ(detector->save(), Detector().save());
  EXPECT_FALSE(Detector::load(saved + 'x'));
  EXPECT_FALSE(Detector::load(saved.substr(1)));
}

}  // namespace
}  // namespace dunlin::analytics
