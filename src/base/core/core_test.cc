#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>
#include <unordered_set>

#include "base/core/assert.h"
#include "base/core/bytes.h"
#include "base/core/errc.h"
#include "base/core/id.h"
#include "base/core/result.h"

namespace dunlin {
namespace {

core::Result<int> half(int value) {
  if (value % 2 != 0) return core::fail(Errc::invalid_argument, "odd");
  return value / 2;
}

core::Result<void> require_even(int value) {
  if (value % 2 != 0) return core::fail(Errc::conflict, "still odd");
  return {};
}

core::Result<int> quarter(int value) {
  DUNLIN_TRY(const int once, half(value));
  DUNLIN_CHECK(require_even(once));
  DUNLIN_TRY(auto twice, half(once));
  return twice;
}

core::Result<std::unique_ptr<int>> boxed(int value) {
  DUNLIN_TRY(auto number, half(value));
  return std::make_unique<int>(number);
}

core::Result<int> unboxed(int value) {
  DUNLIN_TRY(const std::unique_ptr<int> box, boxed(value));
  return *box;
}

TEST(CoreResultTest, TryTakesTheValueOrReturnsTheError) {
  EXPECT_EQ(quarter(8).value(), 2);
  ASSERT_FALSE(quarter(3));
  EXPECT_EQ(quarter(3).error().code, Errc::invalid_argument);
  EXPECT_EQ(quarter(3).error().context, "odd");
}

TEST(CoreResultTest, CheckReturnsTheErrorOfAVoidResult) {
  ASSERT_FALSE(quarter(6));
  EXPECT_EQ(quarter(6).error().code, Errc::conflict);
}

TEST(CoreResultTest, TryMovesWhatCannotBeCopied) {
  EXPECT_EQ(unboxed(10).value(), 5);
  EXPECT_EQ(unboxed(11).error().code, Errc::invalid_argument);
}

TEST(ErrcTest, EveryCodeHasItsOwnName) {
  std::set<std::string_view> names;
  for (int code = 0; code <= static_cast<int>(Errc::internal); ++code)
    names.insert(errc_name(static_cast<Errc>(code)));
  EXPECT_EQ(names.size(), static_cast<std::size_t>(Errc::internal) + 1);
  EXPECT_EQ(errc_name(Errc::not_found), "not_found");
  EXPECT_EQ(errc_name(static_cast<Errc>(200)), "internal");
}

TEST(IdTest, ZeroIsNoneAndIdsHash) {
  using ThingId = Id<struct ThingTag>;
  EXPECT_FALSE(ThingId{});
  EXPECT_TRUE(ThingId{1});
  EXPECT_LT(ThingId{1}, ThingId{2});
  const std::unordered_set<ThingId> ids{{1}, {2}, {1}};
  EXPECT_EQ(ids.size(), 2U);
}

TEST(BytesTest, ViewsShareTheTextsBytes) {
  const std::string text = "abc";
  EXPECT_EQ(static_cast<const void*>(as_bytes(text).data()), text.data());
  EXPECT_EQ(as_text(as_bytes(text)), "abc");
  EXPECT_TRUE(as_bytes("").empty());
}

TEST(AssertTest, AHoldingConditionCostsNothing) {
  const unsigned long before = bugs_found();
  DUNLIN_ASSERT(1 + 1 == 2);
  EXPECT_TRUE(DUNLIN_EXPECT(before + 1 > before));
  EXPECT_EQ(bugs_found(), before);
}

TEST(AssertDeathTest, AFailedAssertionNamesItsExpressionAndPlaceAndAborts) {
  const int answer = 41;
  EXPECT_DEATH(DUNLIN_ASSERT(answer == 42), "assertion failed.*answer == 42.*core_test.cc:[0-9]+");
}

TEST(AssertDeathTest, AnExpectationIsFatalInTests) {
  const int answer = 41;
  EXPECT_DEATH(static_cast<void>(DUNLIN_EXPECT(answer == 42)), "answer == 42");
}

TEST(AssertTest, ABugIsCountedAndReportedWithinItsBound) {
  const unsigned long before = bugs_found();
  testing::internal::CaptureStderr();
  for (int i = 0; i < 150; ++i) bug_found("x > 0", "here.cc", 7);
  const std::string report = testing::internal::GetCapturedStderr();
  EXPECT_EQ(bugs_found(), before + 150);
  std::size_t lines = 0;
  for (const char c : report) lines += c == '\n' ? 1 : 0;
  EXPECT_EQ(lines, 100 - before);
  EXPECT_NE(report.find("x > 0"), std::string::npos);
  EXPECT_NE(report.find("here.cc:7"), std::string::npos);
}

}  // namespace
}  // namespace dunlin
