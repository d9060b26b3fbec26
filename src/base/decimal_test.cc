#include "base/decimal.h"

#include <gtest/gtest.h>

#include <fstream>
#include <limits>

namespace dunlin {
namespace {

Decimal number(std::string_view text) {
  const auto read = Decimal::parse(text);
  EXPECT_TRUE(read.has_value()) << text;
  return read.value_or(Decimal{});
}
std::string text_of(const std::optional<Decimal>& value) {
  return value ? value->to_text() : "-";
}

/// What an operation of the vectors gives.
std::string outcome(const std::string& name, const std::string& a, const std::string& b) {
  if (name == "parse") return text_of(Decimal::parse(a));
  if (name == "from_double") return text_of(Decimal::from(std::stod(a)));
  const Decimal left = number(a);
  if (name == "floor") return left.floor().to_text();
  if (name == "ceil") return left.ceil().to_text();
  if (name == "round") return left.round_half_away().to_text();
  if (name == "truncate") return left.truncate(std::stoi(b)).to_text();
  const Decimal right = number(b);
  if (name == "add") return text_of(left.add(right));
  if (name == "subtract") return text_of(left.subtract(right));
  if (name == "multiply") return text_of(left.multiply(right));
  if (name == "divide") return text_of(left.divide(right));
  if (name == "remainder") return text_of(left.remainder(right));
  if (name == "compare") return left < right ? "-1" : left == right ? "0" : "1";
  return "no such operation: " + name;
}

TEST(DecimalTest, AgreesWithPythonsDecimal) {
  std::ifstream file(DUNLIN_SOURCE_DIR "/src/base/vectors/decimal.txt");
  std::string name;
  std::string a;
  std::string b;
  std::string expected;
  std::size_t checked = 0;
  while (file >> name >> a >> b >> expected) {
    ++checked;
    if (name == "double") {
      const double wanted = expected == "inf"    ? std::numeric_limits<double>::infinity()
                            : expected == "-inf" ? -std::numeric_limits<double>::infinity()
                                                 : std::strtod(expected.c_str(), nullptr);
      EXPECT_EQ(number(a).to_double(), wanted) << a;
    } else {
      EXPECT_EQ(outcome(name, a, b), expected) << name << ' ' << a << ' ' << b;
    }
  }
  EXPECT_GT(checked, 1500U);
}

TEST(DecimalTest, ReadsTheGrammarOfJsonOnly) {
  for (const std::string_view good : {"0", "-0", "0.0", "-0.5", "10", "1e5", "1E+5", "1.25e-3",
                                      "0e999999999999999999999", "1e-99999999999999"})
    EXPECT_TRUE(Decimal::parse(good)) << good;
  for (const std::string_view bad :
       {"",   "-",  "+1",  ".5",  "5.",  "01",       "-01",   "1e",  "1e+",   "e5",
        " 1", "1 ", "0x1", "1,5", "NaN", "Infinity", "1.2.3", "--1", "1e5.0", "٣"})
    EXPECT_FALSE(Decimal::parse(bad)) << bad;
  EXPECT_FALSE(Decimal::parse("1e1000"));
  EXPECT_FALSE(Decimal::parse("-1e99999999999999999999"));
  EXPECT_EQ(number("1e-1000"), Decimal{});
}

TEST(DecimalTest, LongTextsAreReadInTheirRange) {
  const std::string zeros(200'000, '0');
  EXPECT_EQ(number("0." + zeros + "15e200001").to_text(), "1.5");
  EXPECT_EQ(number("12" + zeros + "e-200000").to_text(), "12");
  // A half and a little more, which is 200,000 digits behind it.
  const std::string half = "1" + std::string(33, '0') + "5" + zeros;
  EXPECT_EQ(number(half + "e-200034").to_text(), "1");
  EXPECT_EQ(number(half + "1e-200035").to_text(), "1.000000000000000000000000000000001");
}

TEST(DecimalTest, ZerosAtTheEndAreNotKept) {
  EXPECT_EQ(number("10.0").to_text(), "10");
  EXPECT_TRUE(number("10.0").is_whole());
  EXPECT_EQ(number("1.50"), number("1.5"));
  EXPECT_EQ(number("1.50"), number("0.15e1"));
  EXPECT_EQ(number("2.00").truncate(5).to_text(), "2");
  EXPECT_EQ(number("2.888").truncate(2).to_text(), "2.88");
  EXPECT_EQ(number("-0.0"), Decimal{});
  EXPECT_FALSE(number("-0").is_negative());
}

TEST(DecimalTest, SmallNumbersAndLargeOnesAreWrittenWithAnExponent) {
  EXPECT_EQ(number("1e33").to_text(), "1" + std::string(33, '0'));
  EXPECT_EQ(number("1e34").to_text(), "1E34");
  EXPECT_EQ(number("-0.000001").to_text(), "-0.000001");
  EXPECT_EQ(number("0.00000012").to_text(), "1.2E-7");
}

TEST(DecimalTest, WholeNumbersOf64BitsGoBothWays) {
  for (const std::int64_t value :
       {std::int64_t{0}, std::int64_t{-1}, std::int64_t{1'000'000}, std::numeric_limits<std::int64_t>::max(),
        std::numeric_limits<std::int64_t>::min()})
    EXPECT_EQ(Decimal::from(value).to_int64(), value);
  EXPECT_EQ(number("9223372036854775808").to_int64(), std::nullopt);
  EXPECT_EQ(number("-9223372036854775809").to_int64(), std::nullopt);
  EXPECT_EQ(number("1.5").to_int64(), std::nullopt);
  EXPECT_EQ(number("1e999").to_int64(), std::nullopt);
}

TEST(DecimalTest, DoublesAreTakenByTheirShortestText) {
  EXPECT_EQ(text_of(Decimal::from(0.1)), "0.1");
  EXPECT_EQ(text_of(Decimal::from(-23.0)), "-23");
  EXPECT_EQ(text_of(Decimal::from(std::numeric_limits<double>::quiet_NaN())), "-");
  EXPECT_EQ(text_of(Decimal::from(std::numeric_limits<double>::infinity())), "-");
  EXPECT_EQ(number("1e400").to_double(), std::numeric_limits<double>::infinity());
  EXPECT_EQ(number("1e-400").to_double(), 0.0);
}

TEST(DecimalTest, NothingComesOfWhatHasNoValue) {
  EXPECT_FALSE(number("1").divide(number("0")));
  EXPECT_FALSE(number("1").remainder(number("0.0")));
  EXPECT_FALSE(number("9e999").add(number("9e999")));
  EXPECT_FALSE(number("1e500").multiply(number("-1e500")));
  EXPECT_EQ(number("1e-500").multiply(number("1e-500")), Decimal{});
}

}  // namespace
}  // namespace dunlin
