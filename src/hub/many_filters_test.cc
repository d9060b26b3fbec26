// Sessions with as many filters as they may have. Each takes milliseconds where the work grows with the
// number of filters, and tens of seconds where it grows with its square.

#include <gtest/gtest.h>

#include <chrono>
#include <set>
#include <string>
#include <vector>

#include "hub/filter.h"

namespace dunlin::hub {
namespace {

using RealClock = std::chrono::steady_clock;

constexpr auto kFarLessThanTheSquareTakes = std::chrono::seconds{5};

TEST(FilterListTest, HoldsAnyNumberAndForgetsInAnyOrder) {
  std::vector<FilterPointer> made;
  for (int i = 0; i < 100; ++i) made.push_back(Filter::make("f/" + std::to_string(i)));
  for (const std::size_t count : {1U, 2U, 32U, 33U, 100U}) {
    FilterList list;
    for (std::size_t i = 0; i < count; ++i) list.add(made[i].get());
    EXPECT_EQ(list.size(), count);
    std::set<const Filter*> seen;
    list.for_each([&seen](const Filter* filter) { seen.insert(filter); });
    EXPECT_EQ(seen.size(), count);
    list.remove(nullptr);
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t next = i * 7 % count;  // 7 divides none of the counts: each has its turn
      list.remove(made[next].get());
      list.remove(made[next].get());  // once more does nothing
      EXPECT_EQ(list.size(), count - i - 1);
    }
    EXPECT_TRUE(list.empty());
    for (std::size_t i = 0; i < count; ++i) list.add(made[i].get());
    EXPECT_EQ(list.take_all().size(), count);
    EXPECT_TRUE(list.empty());
  }
}

TEST(FilterListTest, ForgettingTheOldestFirstIsNotASearchEach) {
  constexpr std::size_t kVeryMany = 300'000;
  std::vector<FilterPointer> made;
  FilterList list;
  for (std::size_t i = 0; i < kVeryMany; ++i) {
    made.push_back(Filter::make("f"));
    list.add(made.back().get());
  }
  const auto begin = RealClock::now();
  for (const FilterPointer& filter : made) list.remove(filter.get());
  EXPECT_LT(RealClock::now() - begin, kFarLessThanTheSquareTakes);
  EXPECT_TRUE(list.empty());
}

}  // namespace
}  // namespace dunlin::hub
