#include "hub/compact_list.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

namespace dunlin {
namespace {

using Texts = CompactList<std::string>;

TEST(CompactList, HoldsWhatItWasMadeOf) {
  const std::vector<std::string> source{"a", "a text that is too long to live inside of a string"};
  const Texts list = source;
  EXPECT_EQ(list.size(), 2U);
  EXPECT_EQ(list[1], source[1]);
  EXPECT_TRUE(list == source);
  EXPECT_FALSE(list == std::vector<std::string>{"a"});
  const std::map<std::string, std::string> map{{"b", "2"}, {"a", "1"}};
  const CompactList<std::pair<std::string, std::string>> pairs = map;
  EXPECT_EQ(pairs[0].first, "a");
}

TEST(CompactList, CostsAPointerWhenEmpty) {
  EXPECT_EQ(sizeof(Texts), sizeof(void*));
  Texts list = std::vector<std::string>{};
  EXPECT_TRUE(list.empty());
  EXPECT_EQ(list.begin(), list.end());
  list = {"one"};
  EXPECT_FALSE(list.empty());
  list = {};
  EXPECT_EQ(list.size(), 0U);
}

TEST(CompactList, CopiesAreTheirOwn) {
  Texts list{"one", "two"};
  const Texts copy = list;
  list = {"three"};
  EXPECT_TRUE(copy == (std::vector<std::string>{"one", "two"}));
  const Texts moved = std::move(list);
  EXPECT_TRUE(list.empty());  // NOLINT: a moved-from list is empty
  EXPECT_TRUE(moved == std::vector<std::string>{"three"});
}

}  // namespace
}  // namespace dunlin
