#include "hub/topic.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace dunlin::hub {
namespace {

TEST(FilterCovers, Examples) {
  for (const auto& [wide, narrow] : std::vector<std::pair<const char*, const char*>>{{"a", "a"},
                                                                                     {"#", "a/b"},
                                                                                     {"#", "#"},
                                                                                     {"+/b", "a/b"},
                                                                                     {"a/#", "a"},
                                                                                     {"a/#", "a/+/c"},
                                                                                     {"a/+", "a/+"}}) {
    EXPECT_TRUE(filter_covers(wide, narrow)) << wide << " " << narrow;
  }
  for (const auto& [wide, narrow] : std::vector<std::pair<const char*, const char*>>{{"a", "b"},
                                                                                     {"a", "a/b"},
                                                                                     {"a/b", "a"},
                                                                                     {"a/b", "a/+"},
                                                                                     {"a/+", "a/#"},
                                                                                     {"a/b", "#"},
                                                                                     {"#", "$SYS/x"},
                                                                                     {"+/x", "$SYS/x"},
                                                                                     {"a/b/c", "a/b"}}) {
    EXPECT_FALSE(filter_covers(wide, narrow)) << wide << " " << narrow;
  }
}

/// Against filter_matches() over every topic of up to three levels of a small alphabet.
TEST(FilterCovers, AgreesWithMatching) {
  const std::vector<std::string> words{"a", "b", "$s"};
  std::vector<std::string> topics;
  std::vector<std::string> filters{"#"};
  const auto grow = [](std::vector<std::string>& list, const std::vector<std::string>& levels, int depth) {
    std::vector<std::string> last{""};
    for (int i = 0; i < depth; ++i) {
      std::vector<std::string> next;
      for (const std::string& head : last) {
        for (const std::string& level : levels) next.push_back(head.empty() ? level : head + "/" + level);
      }
      list.insert(list.end(), next.begin(), next.end());
      last = std::move(next);
    }
    return last;
  };
  grow(topics, words, 4);
  std::vector<std::string> bases;
  grow(bases, {"a", "$s", "+"}, 2);
  for (const std::string& base : bases) {
    filters.push_back(base);
    filters.push_back(base + "/#");
  }
  for (const std::string& wide : filters) {
    for (const std::string& narrow : filters) {
      bool all = true;
      for (const std::string& topic : topics)
        all = all && (!filter_matches(narrow, topic) || filter_matches(wide, topic));
      if (filter_covers(wide, narrow)) {
        EXPECT_TRUE(all) << wide << " " << narrow;
      } else if (narrow != "#") {  // "+/#" matches what "#" does, and is not seen to
        EXPECT_FALSE(all) << wide << " " << narrow;
      }
    }
  }
}

}  // namespace
}  // namespace dunlin::hub
