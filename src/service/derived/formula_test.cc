// What expressions of derived channels read, give, and say when they cannot be.
#include "service/derived/formula.h"

#include <gmock/gmock.h>

#include <boost/json.hpp>
#include <cmath>
#include <limits>

#include "service/derived/definition.h"

namespace dunlin::derived {
namespace {

using testing::HasSubstr;

std::string error(std::string_view text, Formula::Over over = Formula::Over::time) {
  const auto made = Formula::parse(text, over);
  return made ? "" : made.error().message;
}

Cell text(std::string value) {
  return {Cell::State::known, 0, std::move(value)};
}

/// Of one row whose cells are in the order in which the expression names them.
std::optional<model::Value> value_of(std::string_view expression, std::vector<Cell> cells) {
  const auto formula = Formula::parse(expression, Formula::Over::time);
  EXPECT_TRUE(formula.has_value()) << formula.error().message;
  const Row row{"press-01", from_unix_nanoseconds(3'600'000'000'000), std::move(cells)};
  return formula->evaluate(std::span(&row, 1)).at(0);
}

TEST(FormulaTest, ComputesWithValues) {
  EXPECT_EQ(value_of("voltage * current", {Cell::of(230), Cell::of(2)}), model::Value(460.0));
  EXPECT_EQ(value_of("\"motor/temperature\" > 80", {Cell::of(81)}), model::Value(true));
  EXPECT_EQ(value_of("CASE WHEN t > 80 THEN 'hot' ELSE 'fine' END", {Cell::of(80)}),
            model::Value(std::string("fine")));
  EXPECT_EQ(value_of("abs(t) + power(t, 2)", {Cell::of(-3)}), model::Value(12.0));
  EXPECT_EQ(value_of("t - previous(t)", {Cell::of(5), Cell::of(3)}), model::Value(2.0));
  EXPECT_EQ(value_of("text(state) = 'on' AND t > 1", {text("on"), Cell::of(2)}), model::Value(true));
  EXPECT_EQ(value_of("t * hour_of_day(time)", {Cell::of(2)}), model::Value(2.0));
  EXPECT_EQ(value_of("concat(device, '!', CAST(t AS text))", {Cell::of(2)}),
            model::Value(std::string("press-01!2")));
  EXPECT_EQ(value_of("t - \"press-02\".t", {Cell::of(7), Cell::of(3)}), model::Value(4.0));
}

TEST(FormulaTest, WhatIsMissingMakesNoResultUnlessItIsSaidWhatCountsInstead) {
  EXPECT_EQ(value_of("a + b", {Cell::of(1), {}}), std::nullopt);
  EXPECT_EQ(value_of("a + coalesce(b, 10)", {Cell::of(1), {}}), model::Value(11.0));
  EXPECT_EQ(value_of("a > 5 OR b > 5", {Cell::of(6), {}}), model::Value(true)) << "whatever b is";
  EXPECT_EQ(value_of("a / b", {Cell::of(1), Cell::of(0)}), std::nullopt) << "no number";
  EXPECT_EQ(value_of("sqrt(a)", {Cell::of(-1)}), std::nullopt);
}

TEST(FormulaTest, KnowsWhatIsRead) {
  const auto formula = Formula::parse(
      "mean(t, '5m') - mean(t, INTERVAL '1 hour') + percentile(p, 0.9, '10s') + t", Formula::Over::time);
  ASSERT_TRUE(formula.has_value()) << formula.error().message;
  EXPECT_EQ(formula->inputs(), (std::vector<Input>{{"", "t"}, {"", "p"}}));
  ASSERT_EQ(formula->columns().size(), 4u);
  EXPECT_EQ(formula->columns()[0], (FormulaColumn{0, Take::mean, std::chrono::minutes{5}, 0}));
  EXPECT_EQ(formula->columns()[2], (FormulaColumn{1, Take::percentile, std::chrono::seconds{10}, 0.9}));
  EXPECT_EQ(formula->type(), "number");
  const auto again = Formula::parse("t + t * t", Formula::Over::time);
  EXPECT_EQ(again->columns().size(), 1u) << "once, however often it is named";
}

TEST(FormulaTest, EvaluatesManyRowsOfManyDevices) {
  const auto formula = Formula::parse("concat(device, CAST(round(t) AS text))", Formula::Over::time);
  ASSERT_TRUE(formula.has_value());
  std::vector<Row> rows;
  for (int i = 0; i < 3; ++i) rows.push_back({"d" + std::to_string(i), {}, {Cell::of(i)}});
  rows[1].cells[0] = {};
  const auto values = formula->evaluate(rows);
  EXPECT_EQ(values[0], model::Value(std::string("d00")));
  EXPECT_EQ(values[1], std::nullopt);
  EXPECT_EQ(values[2], model::Value(std::string("d22")));
  EXPECT_TRUE(formula->evaluate({}).empty());
}

TEST(FormulaTest, SaysWhatIsWrongWhereAndWhatWasMeant) {
  EXPECT_EQ(error("meen(t, '5m')"),
            "line 1, column 1: there is no function \"meen\"; did you mean \"mean\"?");
  EXPECT_EQ(error("t +\n  sqr(t)"), "line 2, column 3: there is no function \"sqr\"; did you mean \"sqrt\"?");
  EXPECT_THAT(error("frobnicate(t)"), HasSubstr("there are "));
  EXPECT_THAT(error("mean(t)"), HasSubstr("line 1, column 1: mean() needs the length of its window"));
  EXPECT_THAT(error("mean(t, 'soon')"), HasSubstr("line 1, column 9: "));
  EXPECT_THAT(error("mean(t, '32d')"), HasSubstr("from 1ms to 31d"));
  EXPECT_THAT(error("mean(t * 2, '5m')"), HasSubstr("takes a channel first"));
  EXPECT_THAT(error("percentile(t, 95, '5m')"), HasSubstr("0 to 1"));
  EXPECT_THAT(error("t + "), HasSubstr("but found the end"));
  EXPECT_THAT(error("t t"), HasSubstr("line 1, column 3: expected an operator or the end"));
  EXPECT_THAT(error("1 + 1"), HasSubstr("no channel of the device itself"));
  EXPECT_THAT(error("\"press-02\".t"), HasSubstr("no channel of the device itself"));
  EXPECT_THAT(error("mean(\"press-02\".t, '5m') + t"), HasSubstr("derive it for \"press-02\" first"));
  EXPECT_THAT(error("t + now()"), HasSubstr("\"time\""));
  EXPECT_THAT(error("CASE WHEN t > 1 THEN time END"), HasSubstr("type time"));
  EXPECT_THAT(error("t AND u"), HasSubstr("boolean"));
  EXPECT_THAT(error(std::string(5000, '1')), HasSubstr("longer than"));
  EXPECT_THAT(error("t", Formula::Over::windows), HasSubstr("write mean(t)"));
  EXPECT_THAT(error("mean(t, '5m')", Formula::Over::windows), HasSubstr("no length stands here"));
  EXPECT_THAT(error("mean(t) / mean(u)", Formula::Over::windows), HasSubstr("one channel"));
  EXPECT_THAT(error("previous(t)", Formula::Over::windows), HasSubstr("of one value"));
  EXPECT_EQ(error("max(t) - min(t)", Formula::Over::windows), "");
}

Result<Definition> define(std::string name, std::string channel, std::string expression,
                          std::string devices = {}) {
  return definition_from_json({{"name", std::move(name)},
                               {"channel", std::move(channel)},
                               {"expression", std::move(expression)},
                               {"devices", std::move(devices)}});
}

TEST(DefinitionTest, NoChannelIsComputedFromItself) {
  const auto a = define("a", "a", "b + 1");
  const auto b = define("b", "b", "c + 1");
  const auto c = define("c", "c", "previous(a)");
  ASSERT_TRUE(a && b && c);
  EXPECT_TRUE(check_cycles(*a, {&*b}).has_value());
  const auto refused = check_cycles(*c, {&*a, &*b});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().message, "the channel would be computed from itself: c <- a <- b <- c");
  const auto itself = define("x", "x", "x + 1");
  EXPECT_EQ(check_cycles(*itself, {}).error().message, "the channel would be computed from itself: x <- x");
  const auto other = define("y", "t", "\"press-02\".t - u", "press-01");
  EXPECT_TRUE(check_cycles(*other, {}).has_value()) << "another device's";
  const auto both = define("y", "t", "\"press-02\".t - u", "press-*");
  EXPECT_FALSE(check_cycles(*both, {}).has_value());
}

TEST(DefinitionTest, RefusesWhatCannotBe) {
  const auto wrong = [](boost::json::object document) {
    const auto made = definition_from_json(document);
    return made ? std::string() : made.error().message;
  };
  const boost::json::object good{{"name", "p"}, {"channel", "power"}, {"expression", "u * i"}};
  const auto with = [&good](std::string_view name, boost::json::value value) {
    boost::json::object made = good;
    made[name] = std::move(value);
    return made;
  };
  EXPECT_EQ(wrong(good), "");
  EXPECT_THAT(wrong(with("name", "a b")), HasSubstr("letters"));
  EXPECT_THAT(wrong(with("channel", "")), HasSubstr("\"channel\""));
  EXPECT_THAT(wrong(with("expression", "u *")), HasSubstr("\"expression\": line 1"));
  EXPECT_THAT(wrong(with("lateness", "2d")), HasSubstr("a day"));
  EXPECT_THAT(wrong(with("lateness", "soon")), HasSubstr("10s"));
  EXPECT_THAT(wrong(with("devices", "a*b")), HasSubstr("at its end only"));
  EXPECT_THAT(wrong(with("window", 5)), HasSubstr("a length"));
  boost::json::object windows = with("window", boost::json::object{{"kind", "round"}});
  windows["expression"] = "mean(u)";
  EXPECT_THAT(wrong(windows), HasSubstr("tumbling"));
  windows["window"] = boost::json::object{{"length", "1h"}, {"lenght", "1h"}};
  EXPECT_THAT(wrong(windows), HasSubstr("lenght"));
  windows["window"] = "0s";
  EXPECT_THAT(wrong(windows), HasSubstr("too short"));
  windows["window"] = R"({"kind":"session","gap":"5m"})";
  EXPECT_EQ(wrong(windows), "") << "as the command line gives it";
  windows["window"] = boost::json::object{{"length", "1d"}, {"zone", "Nowhere/None"}};
  EXPECT_THAT(wrong(windows), HasSubstr("there is no time zone"));
}

}  // namespace
}  // namespace dunlin::derived
