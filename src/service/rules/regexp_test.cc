#include "service/rules/regexp.h"

#include <gtest/gtest.h>

#include "service/rules/limits.h"

namespace dunlin::rules {
namespace {

std::shared_ptr<const Regexp> regexp(std::string_view pattern) {
  auto made = Regexp::compile(pattern);
  EXPECT_TRUE(made.has_value()) << pattern << ": " << made.error().message;
  return made.value_or(nullptr);
}
std::string replaced(std::string_view text, std::string_view pattern, std::string_view by) {
  return regexp(pattern)->replace_all(text, by).value_or("nothing");
}
Error refusal(std::string_view pattern) {
  const auto made = Regexp::compile(pattern);
  EXPECT_FALSE(made.has_value()) << pattern;
  return made ? Error{} : made.error();
}

TEST(RegexpTest, FindsAMatchAnywhere) {
  EXPECT_TRUE(regexp("(a|b)")->contains("xxbx"));
  EXPECT_FALSE(regexp("^b")->contains("ab"));
  EXPECT_TRUE(regexp("^.$")->contains("ü"));
  EXPECT_EQ(regexp("[0-9]+")->first("press-17-3"), "17");
  EXPECT_EQ(regexp("[0-9]+")->first("press"), std::nullopt);
  EXPECT_EQ(regexp("x*")->first("press"), "");
}

TEST(RegexpTest, ReplacesAllMatchesAsJavaDoes) {
  EXPECT_EQ(replaced("abcd", "a", "x"), "xbcd");
  EXPECT_EQ(replaced("abcabc", "(b)(c)", "<$2$1$0>"), "a<cbbc>a<cbbc>");
  EXPECT_EQ(replaced("a", "a", "\\$1\\\\"), "$1\\");
  EXPECT_EQ(replaced("abc", "x*", "-"), "-a-b-c-");
  EXPECT_EQ(replaced("aaa", "a*", "X"), "XX");
  EXPECT_EQ(replaced("üö", "", "-"), "-ü-ö-");
  EXPECT_EQ(replaced("abc", "^", "> "), "> abc");
  EXPECT_EQ(replaced("a", "(a)|(b)", "[$2]"), "[]");
  EXPECT_EQ(replaced("a", "(a)", "$12"), "a2");
  EXPECT_EQ(replaced("abcdefghijkl", "(a)(b)(c)(d)(e)(f)(g)(h)(i)(j)(k)(l)", "$12$10$1"), "lja");
}

TEST(RegexpTest, AReplacementWithoutMeaningGivesNothing) {
  for (const std::string_view by : {"$2", "$", "\\", "$x", "${1}"})
    EXPECT_EQ(replaced("a", "(a)", by), "nothing") << by;
}

TEST(RegexpTest, RefusalsSayWhatIsLeftOut) {
  for (const auto& [pattern, what] :
       std::vector<std::pair<std::string, std::string>>{{"a(?=b)", "look-around"},
                                                        {"a(?!b)", "look-around"},
                                                        {"(?<=a)b", "look-around"},
                                                        {"(?<!a)b", "look-around"},
                                                        {"(a)\\1", "back references"},
                                                        {"(?>a+)b", "atomic groups"},
                                                        {"a++", "possessive repetition"}}) {
    const Error error = refusal(pattern);
    EXPECT_EQ(error.code, Errc::unsupported) << pattern << ' ' << error.message;
    EXPECT_TRUE(error.message.contains(what)) << error.message;
  }
  EXPECT_EQ(refusal("a(").code, Errc::invalid_argument);
  EXPECT_TRUE(refusal("(?<name>a)").message.contains("(?P<name>...)"));
}

TEST(RegexpTest, PatternsAreBounded) {
  EXPECT_EQ(refusal(std::string(kMaxRegexpBytes + 1, 'a')).code, Errc::limit_exceeded);
  EXPECT_TRUE(Regexp::compile(std::string(kMaxRegexpBytes, 'a')));
  EXPECT_EQ(refusal("((a{100}){100}){100}").code, Errc::limit_exceeded);
  std::string groups;
  for (std::size_t i = 0; i <= kMaxRegexpGroups; ++i) groups += "(a)";
  EXPECT_EQ(refusal(groups).code, Errc::limit_exceeded);
}

TEST(RegexpTest, ReplacementsAreBounded) {
  const std::string text(1000, 'a');
  EXPECT_EQ(regexp("a")->replace_all(text, std::string(200, 'b')), std::nullopt);  // 200,000 bytes
  // Each search for a `b` looks at all that is left.
  const std::string longer(kMaxResultBytes, 'a');
  EXPECT_EQ(regexp(".*b|a")->replace_all(longer, "a"), std::nullopt);
  EXPECT_EQ(regexp("c")->replace_all(longer, "a"), longer);
}

TEST(RegexpTest, TheCacheKeepsThePatternsUsedLast) {
  RegexpCache cache;
  const auto first = cache.find("a+");
  ASSERT_TRUE(first);
  EXPECT_EQ(cache.find("a+"), first);
  EXPECT_EQ(cache.find("a("), nullptr);
  EXPECT_EQ(cache.size(), 2U);
  for (std::size_t i = 0; i < kMaxCachedRegexps - 1; ++i) {
    cache.find("x" + std::to_string(i));
    EXPECT_EQ(cache.find("a+"), first);
  }
  EXPECT_EQ(cache.size(), kMaxCachedRegexps);
  for (std::size_t i = 0; i < kMaxCachedRegexps; ++i) cache.find("y" + std::to_string(i));
  EXPECT_EQ(cache.size(), kMaxCachedRegexps);
  EXPECT_NE(cache.find("a+"), first);
  EXPECT_TRUE(first->contains("a"));
  EXPECT_EQ(cache.find(std::string(kMaxRegexpBytes + 1, 'a')), nullptr);
}

}  // namespace
}  // namespace dunlin::rules
