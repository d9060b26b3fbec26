#include "base/quantile_sketch.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "base/rng.h"

namespace dunlin {
namespace {

std::vector<double> random_values(Rng& rng, std::size_t count, int kind) {
  std::vector<double> values;
  while (values.size() < count) {
    const double unit = static_cast<double>(rng.below(1'000'000)) / 1e6;
    values.push_back(kind == 0   ? unit * 100
                     : kind == 1 ? unit - 0.5
                                 : std::exp(unit * 10) * (unit < 0.3 ? -1 : 1));
  }
  return values;
}

TEST(QuantileSketch, FewValuesAreExact) {
  QuantileSketch sketch;
  for (const double value : {5.0, 1.0, 4.0, 2.0}) sketch.add(value);
  EXPECT_EQ(sketch.quantile(0), 1);
  EXPECT_EQ(sketch.quantile(0.5), 3);
  EXPECT_EQ(sketch.quantile(1), 5);
  EXPECT_EQ(sketch.count(), 4U);
}

TEST(QuantileSketch, ManyAreWithinTheError) {
  for (int kind = 0; kind < 3; ++kind) {
    SeededRng rng(17 + static_cast<std::uint64_t>(kind));
    std::vector<double> values = random_values(rng, 20'000, kind);
    QuantileSketch sketch;
    for (const double value : values) sketch.add(value);
    std::ranges::sort(values);
    for (const double q : {0.01, 0.25, 0.5, 0.9, 0.99}) {
      const double exact = values[static_cast<std::size_t>(q * static_cast<double>(values.size() - 1))];
      EXPECT_NEAR(sketch.quantile(q), exact, std::abs(exact) * 0.0051 + 1e-12) << kind << " " << q;
    }
    EXPECT_EQ(sketch.quantile(0), values.front());
    EXPECT_EQ(sketch.quantile(1), values.back());
  }
}

TEST(QuantileSketch, PartsMergeToTheWhole) {
  SeededRng rng(4);
  for (const std::size_t part : {std::size_t{3}, std::size_t{50}, std::size_t{1000}}) {
    QuantileSketch whole;
    QuantileSketch merged;
    for (int i = 0; i < 5; ++i) {
      QuantileSketch one;
      for (const double value : random_values(rng, part, 2)) {
        whole.add(value);
        one.add(value);
      }
      merged.merge(one);
    }
    EXPECT_EQ(merged.count(), whole.count());
    for (const double q : {0.0, 0.1, 0.5, 0.95, 1.0}) EXPECT_DOUBLE_EQ(merged.quantile(q), whole.quantile(q));
  }
}

TEST(QuantileSketch, WildValuesStayInBounds) {
  QuantileSketch sketch;
  for (int i = 0; i < 200; ++i) {
    sketch.add(std::pow(10.0, i - 100));
    sketch.add(-std::pow(10.0, 100 - i));
    sketch.add(0);
  }
  sketch.add(std::numeric_limits<double>::quiet_NaN());
  sketch.add(std::numeric_limits<double>::infinity());
  EXPECT_EQ(sketch.count(), 601U);
  EXPECT_LE(sketch.bytes(), 2 * 8 * 2 * QuantileSketch::kMaxBuckets);
  EXPECT_EQ(sketch.quantile(1), std::numeric_limits<double>::max());
  EXPECT_NEAR(sketch.quantile(0.0001), -1e100, 1e98);
}

}  // namespace
}  // namespace dunlin
