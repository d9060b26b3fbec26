#include "load/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "base/rng.h"

namespace dunlin::load {
namespace {

TEST(Histogram, IsEmptyAtFirst) {
  const Histogram histogram;
  EXPECT_EQ(histogram.count(), 0U);
  EXPECT_EQ(histogram.quantile(0.5), Duration::zero());
  EXPECT_EQ(histogram.largest(), Duration::zero());
  EXPECT_EQ(histogram.mean(), Duration::zero());
}

TEST(Histogram, IsExactForSmallValues) {
  Histogram histogram;
  for (int i = 1; i <= 100; ++i) histogram.record(Duration{i});
  EXPECT_EQ(histogram.quantile(0), Duration{1});
  EXPECT_EQ(histogram.quantile(0.5), Duration{50});
  EXPECT_EQ(histogram.quantile(0.99), Duration{99});
  EXPECT_EQ(histogram.quantile(1), Duration{100});
  EXPECT_EQ(histogram.mean(), Duration{50});
}

TEST(Histogram, KeepsItsErrorBoundOverTheWholeRange) {
  SeededRng rng(7);
  for (int bits = 1; bits <= 43; ++bits) {
    for (int i = 0; i < 50; ++i) {
      Histogram histogram;
      const auto value = static_cast<std::int64_t>(rng.below(std::uint64_t{1} << bits));
      histogram.record(Duration{value});
      histogram.record(Histogram::kLongest);  // so that largest() does not help
      const std::int64_t found = histogram.quantile(0.5).count();
      EXPECT_GE(found, value);
      EXPECT_LE(found - value, value / 128) << value;
    }
  }
}

TEST(Histogram, QuantilesAreThoseOfTheSortedValues) {
  SeededRng rng(11);
  Histogram histogram;
  std::vector<std::int64_t> values;
  for (int i = 0; i < 10'000; ++i) {
    values.push_back(static_cast<std::int64_t>(rng.below(std::uint64_t{1} << (1 + rng.below(36)))));
    histogram.record(Duration{values.back()});
  }
  std::ranges::sort(values);
  for (const double share : {0.01, 0.5, 0.9, 0.99, 0.999}) {
    const auto rank = static_cast<std::size_t>(share * 10'000 + 0.5) - 1;
    const std::int64_t found = histogram.quantile(share).count();
    EXPECT_GE(found, values[rank]);
    EXPECT_LE(found - values[rank], values[rank] / 128) << share;
  }
  EXPECT_EQ(histogram.largest().count(), values.back());
  EXPECT_EQ(histogram.quantile(1).count(), values.back());
}

TEST(Histogram, TakesWhatIsOutOfItsRange) {
  Histogram histogram;
  histogram.record(Duration{-5});
  histogram.record(Histogram::kLongest * 3);
  EXPECT_EQ(histogram.quantile(0.5), Duration::zero());
  EXPECT_EQ(histogram.quantile(1), Histogram::kLongest * 3);
  EXPECT_EQ(histogram.largest(), Histogram::kLongest * 3);
}

}  // namespace
}  // namespace dunlin::load
