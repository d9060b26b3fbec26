#include "service/rules/rule_index.h"

#include <gtest/gtest.h>

#include <array>

#include "base/rng.h"
#include "hub/topic.h"

namespace dunlin::rules {
namespace {

using Sees = RuleIndex::Sees;

struct RuleIndexTest : ::testing::Test {
  void add(const std::string& sql, Sees sees = Sees::matches) {
    auto statement = Statement::parse(sql, language);
    ASSERT_TRUE(statement) << statement.error().message;
    statements.push_back(std::make_unique<Statement>(*std::move(statement)));
    index.add(*statements.back(), sees);
  }
  /// The numbers of the rules that may hold, and how many follow the topic.
  std::string find(const std::string& topic, const std::string& payload) {
    Context context;
    context.payload = as_bytes(payload);
    context.topic = topic;
    machine.begin(context);
    const auto found = index.find(machine);
    std::string text;
    for (const std::uint32_t number : found.rules) text += std::to_string(number) + " ";
    return text + "of " + std::to_string(found.followers);
  }

  Environment language;
  std::vector<std::unique_ptr<Statement>> statements;
  RuleIndex index;
  SeededRng rng{1};
  Machine machine{rng};
};

TEST_F(RuleIndexTest, FindsByTopic) {
  add("SELECT * FROM 'a/+'");
  add("SELECT * FROM 'a/b'");
  add("SELECT * FROM '#'");
  add("SELECT * FROM 'a/#'");
  EXPECT_EQ(find("a/b", "{}"), "0 1 2 3 of 4");
  EXPECT_EQ(find("a", "{}"), "2 3 of 2");
  EXPECT_EQ(find("$dunlin/x", "{}"), "of 0");
  EXPECT_EQ(find("a/b", "{}"), "0 1 2 3 of 4") << "from the cache";
}

TEST_F(RuleIndexTest, FindsByWhatIsComparedWithConstants) {
  add("SELECT * FROM 't' WHERE v > 10");
  add("SELECT * FROM 't' WHERE v >= 10 AND other = missing");
  add("SELECT * FROM 't' WHERE 10 > v");
  add("SELECT * FROM 't' WHERE v <= 10");
  add("SELECT * FROM 't' WHERE v = 10");
  add("SELECT * FROM 't' WHERE v = '10'");
  add("SELECT * FROM 't' WHERE v = true");
  add("SELECT * FROM 't' WHERE v > 5 AND s = 'on'");
  add("SELECT * FROM 't' WHERE v <> 10");
  EXPECT_EQ(find("t", R"({"v":10})"), "1 3 4 8 of 9");
  EXPECT_EQ(find("t", R"({"v":10.5})"), "0 1 8 of 9");
  EXPECT_EQ(find("t", R"({"v":9})"), "2 3 8 of 9");
  EXPECT_EQ(find("t", R"({"v":"10"})"), "1 3 5 8 of 9");
  EXPECT_EQ(find("t", R"({"v":true})"), "6 8 of 9");
  EXPECT_EQ(find("t", R"({"s":"on"})"), "7 8 of 9");
  EXPECT_EQ(find("t", "no json"), "8 of 9");
}

TEST_F(RuleIndexTest, WhoClearsAlarmsSeesEverything) {
  add("SELECT * FROM 't' WHERE v > 10", Sees::everything);
  EXPECT_EQ(find("t", R"({"v":1})"), "0 of 1");
}

TEST_F(RuleIndexTest, NeverLosesARuleWhoseWhereHolds) {
  const std::array<std::string, 5> operators{"=", "<", "<=", ">", ">="};
  const std::array<std::string, 8> constants{"1",   "-1.5", "2e3", "'x'",
                                             "'1'", "true", "0",   "12345678901234567890"};
  const std::array<std::string, 11> payloads{
      "1", "-1.5", "2000", "\"x\"", "\"1\"", "true", "1.0", "null", "[1]", "1e30", "12345678901234567890"};
  for (const auto& operation : operators) {
    for (const auto& constant : constants) {
      add("SELECT * FROM 't' WHERE v " + operation + " " + constant);
      add("SELECT * FROM 't' WHERE w = 1 AND " + constant + " " + operation + " v");
    }
  }
  int fired = 0;
  for (const auto& value : payloads) {
    const std::string payload = R"({"w":1,"v":)" + value + "}";
    const std::string found = " " + find("t", payload);
    for (std::size_t i = 0; i < statements.size(); ++i) {
      if (!statements[i]->matches(machine)) continue;
      ++fired;
      EXPECT_NE(found.find(" " + std::to_string(i) + " "), std::string::npos) << i << " on " << payload;
    }
  }
  EXPECT_GT(fired, 100);
}

TEST_F(RuleIndexTest, ManyTopicsAreNotKept) {
  add("SELECT * FROM '#' WHERE v > 1");
  for (std::size_t i = 0; i < kMaxCachedTopics * 2; ++i)
    ASSERT_EQ(find("t/" + std::to_string(i), R"({"v":2})"), "0 of 1");
  EXPECT_EQ(find(std::string(kMaxCachedTopicBytes + 1, 'x'), R"({"v":0})"), "of 1");
}

TEST(PathTableTest, PathsGoWithTheirLastUser) {
  Environment language;
  {
    const auto one = Statement::parse("SELECT a.b.c, a.d FROM 't' WHERE a.b.c > 1", language);
    EXPECT_EQ(language.paths->in_use(), 5u);  // the payload, a, a.b, a.b.c, a.d
    const auto two = Statement::parse("SELECT a.b.c FROM 't'", language);
    EXPECT_EQ(language.paths->in_use(), 5u);
  }
  EXPECT_EQ(language.paths->in_use(), 1u);
  const auto again = Statement::parse("SELECT x FROM 't'", language);
  EXPECT_EQ(language.paths->in_use(), 2u);
}

}  // namespace
}  // namespace dunlin::rules
