#include "service/analytics/rarity.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "base/rng.h"

namespace dunlin::analytics {
namespace {

/// Of a logarithm with the mean 1 and the deviation 0.3.
double deviation(SeededRng& rng) {
  const double normal =
      std::sqrt(-2 * std::log(1 - rng.unit())) * std::cos(2 * std::numbers::pi * rng.unit());
  return std::max(0.0, std::expm1(1 + 0.3 * normal));
}

TEST(RarityTest, ADecadeIsAsRareAsItSays) {
  SeededRng rng(1);
  Rarity rarity;
  int first = 0;
  int third = 0;
  constexpr int kCount = 100'000;
  for (int i = 1; i <= kCount; ++i) {
    const double decades = rarity.add(deviation(rng), i);
    if (decades >= 1) ++first;
    if (decades >= 3) ++third;
  }
  // Half of what is so far from the mean is above it; a little less for the least deviation.
  EXPECT_GT(first, kCount / 20 * 0.5);
  EXPECT_LE(first, kCount / 20);
  EXPECT_GT(third, 0);
  EXPECT_LE(third, kCount / 2000);
}

TEST(RarityTest, SaysNothingAtFirstAndNeverMoreThanItCanKnow) {
  Rarity rarity;
  for (int i = 1; i <= 50; ++i) EXPECT_EQ(rarity.add(i == 50 ? 1e300 : 1, i), 0) << i;
  Rarity constant;
  for (int i = 1; i <= 1000; ++i) EXPECT_EQ(constant.add(0, i), 0);
  EXPECT_NEAR(constant.add(1e300, 1001), 8.7, 0.01);
}

TEST(RarityTest, GoesOnWhereItWasSaved) {
  SeededRng rng(2);
  Rarity whole;
  for (int i = 1; i <= 500; ++i) whole.add(deviation(rng), i);
  store::ByteWriter out;
  whole.save(out);
  const std::string saved = out.take();
  store::ByteReader in(saved);
  Rarity restored;
  restored.load(in);
  EXPECT_TRUE(in.at_end());
  for (int i = 501; i <= 600; ++i) {
    const double next = deviation(rng);
    ASSERT_EQ(restored.add(next, i), whole.add(next, i));
  }
}

}  // namespace
}  // namespace dunlin::analytics
