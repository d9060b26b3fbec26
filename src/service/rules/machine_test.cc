// What the machine promises beside the language: a budget, memory that goes, payloads that are read once.

#include "service/rules/machine.h"

#include <gtest/gtest.h>

#include <array>
#include <boost/json.hpp>

#include "base/rng.h"
#include "service/rules/conversion.h"
#include "service/rules/template.h"

namespace dunlin::rules {
namespace {

struct MachineTest : ::testing::Test {
  void begin(std::string given) {
    payload = std::move(given);
    Context context;
    context.payload = as_bytes(payload);
    context.topic = "a/b";
    context.client_id = "press-01";
    machine.begin(context);
  }
  /// What a statement gives, "stopped", or the error.
  std::string run(const std::string& sql) {
    const auto statement = Statement::parse(sql);
    if (!statement) return statement.error().message;
    if (!statement->matches(machine) && !machine.stopped()) return "no match";
    std::string text;
    const auto made = append_output(statement->select(machine), text);
    if (machine.stopped()) return "stopped";
    return made ? text : made.error().message;
  }

  std::string payload;
  SeededRng rng{1};
  Machine machine{rng};
};

std::string repeated(std::string_view part, std::size_t times) {
  std::string text;
  for (std::size_t i = 0; i < times; ++i) text += part;
  return text;
}

/// @v0 = begin, @v1 = made of @v0 ..
std::string chain(const std::string& begin, const std::string& of_last, int length, const std::string& rest) {
  std::string sql = "SET @v0 = " + begin;
  for (int i = 1; i <= length; ++i) {
    std::string made = of_last;
    for (std::size_t at = made.find('@'); at != std::string::npos; at = made.find('@', at + 1))
      made.insert(at + 1, "v" + std::to_string(i - 1));
    sql += ", @v" + std::to_string(i) + " = " + made;
  }
  return sql + " " + rest;
}

TEST_F(MachineTest, WhatGrowsWithoutBoundIsStopped) {
  begin("{}");
  // Lists that double: as memory, as text, when they are compared and when they are looked through.
  EXPECT_EQ(run(chain("[1, 1]", "concat(@, @)", 40, "SELECT VALUE length(@v40) FROM '#'")), "stopped");
  EXPECT_EQ(run(chain("[1, 1]", "[@, @]", 60, "SELECT VALUE @v60 FROM '#'")),
            "what SELECT gives is longer than 1 MiB");
  EXPECT_EQ(run(chain("[1, 1]", "[@, @]", 60, "SELECT VALUE @v60 = @v60 FROM '#'")), "stopped");
  EXPECT_EQ(run(chain("[1, 1]", "[@, @]", 60, "SELECT VALUE isUndefined(@v60 + '') FROM '#'")), "true");
  EXPECT_EQ(run("SET @a = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] SELECT VALUE (SELECT VALUE (SELECT VALUE (SELECT "
                "VALUE (SELECT "
                "VALUE (SELECT VALUE 1 FROM @a) FROM @a) FROM @a) FROM @a) FROM @a) FROM '#'"),
            "stopped");
  EXPECT_EQ(run(chain("'xy'", "@ + @", 60, "SELECT VALUE isUndefined(@v60) FROM '#'")), "true");
  // What was stopped leaves nothing behind.
  EXPECT_EQ(run("SELECT VALUE 1 + 1 FROM '#'"), "2");
}

TEST_F(MachineTest, PadsAndReplacementsAreBounded) {
  begin("{}");
  EXPECT_EQ(
      run("SELECT VALUE length(" + repeated("lpad(", 60) + "''" + repeated(", 1000)", 60) + ") FROM '#'"),
      "60000");
  EXPECT_EQ(
      run(chain("'aaaaaaaa'", "replace(@, 'a', 'aaaaaaaa')", 12, "SELECT VALUE isUndefined(@v12) FROM '#'")),
      "true");
  EXPECT_EQ(run(chain("'x'", "encode(@, 'base64')", 60, "SELECT VALUE isUndefined(@v60) FROM '#'")), "true");
}

TEST_F(MachineTest, LargePayloadsAreWithinTheBudget) {
  begin("[" + repeated("1,", 60'000) + "1]");
  EXPECT_EQ(run("SELECT VALUE get((SELECT VALUE * FROM *), 60000) FROM '#'"), "1");
  EXPECT_EQ(run("SELECT VALUE (SELECT VALUE * + 1 FROM * WHERE * > 0) FROM '#'"), "stopped");
  EXPECT_EQ(run("SELECT VALUE get(*, 60000) FROM '#'"), "1");
  std::string members = "{";
  for (int i = 0; i < 15'000; ++i) members += "\"k" + std::to_string(i) + "\":1,";
  begin(members + "\"last\":{\"a\":7}}");
  EXPECT_EQ(run("SELECT VALUE last.a FROM '#'"), "7");
  EXPECT_EQ(run("SELECT VALUE * = * FROM '#'"), "stopped");
}

TEST_F(MachineTest, AStatementThatIsStoppedDoesNotMatch) {
  begin("{}");
  const std::string endless =
      "(SELECT VALUE (SELECT VALUE (SELECT VALUE (SELECT VALUE (SELECT VALUE 1 FROM @a) FROM @a) FROM @a) "
      "FROM @a) FROM "
      "@a)";
  const auto statement = Statement::parse(
      "SET @a = [1,2,3,4,5,6,7,8,9,0,1,2,3] SELECT 1 AS a FROM '#' WHERE " + endless + " <> 1");
  EXPECT_FALSE(statement->matches(machine));
  EXPECT_TRUE(machine.stopped());
}

TEST_F(MachineTest, TemplatesSeeTheVariablesOfTheStatement) {
  begin(R"({"v":4})");
  const auto statement = Statement::parse("SET @x = v * 2, @o = {'k': 'n'} SELECT v FROM '#' WHERE @x = 8");
  const auto text = Template::parse("out/${@x}/${@o.k}", statement->variables());
  ASSERT_TRUE(text);
  EXPECT_TRUE(statement->matches(machine));
  EXPECT_EQ(text->render(machine), "out/8/n");
  EXPECT_EQ(Template::parse("${@y}", statement->variables()).error().message,
            "there is no SET for the variable \"y\" at line 1, column 4; did you mean \"x\"?");
  const auto condition = Condition::parse("@x > 7 AND v = 4", statement->variables());
  EXPECT_TRUE(condition->holds(machine));
}

TEST_F(MachineTest, PropertiesOfTheMessage) {
  hub::Properties properties;
  properties.content_type = "text/plain";
  properties.correlation_data = "\x01\x02";
  properties.payload_format = 1;
  properties.user = {{"k", "1"}, {"other", "x"}, {"k", "2"}};
  Context context;
  context.topic = "a";
  context.principal = "ab12";
  context.trace_id = 0x1234'5678'9abc'def0;
  context.properties = &properties;
  machine.begin(context);
  EXPECT_EQ(run("SELECT VALUE [get_mqtt_property('content_type'), get_mqtt_property('correlation_data'), "
                "get_mqtt_property('format_indicator'), get_mqtt_property('response_topic'), "
                "get_mqtt_property('x')] FROM '#'"),
            R"(["text/plain","AQI=","UTF8_DATA"])");
  EXPECT_EQ(run("SELECT VALUE [get_user_properties(), get_user_properties('k'), get_user_properties('none')] "
                "FROM '#'"),
            R"([{"k":["1","2"],"other":["x"]},["1","2"]])");
  EXPECT_EQ(run("SELECT VALUE [principal(), traceid(), clientid()] FROM '#'"),
            R"(["ab12","00000000-0000-0000-1234-56789abcdef0","n/a"])");
}

/// Boost.JSON's opinion of a text, with the depth that payloads may have.
bool is_json(const std::string& text) {
  boost::json::parse_options options;
  options.max_depth = kMaxPayloadDepth;
  boost::system::error_code error;
  boost::json::parse(text, error, {}, options);
  return !error;
}

TEST(JsonReaderTest, TakesWhatIsJsonAndNothingElse) {
  const std::array<std::string, 48> texts{"",
                                          " ",
                                          "null",
                                          "true",
                                          "false",
                                          "0",
                                          "-0",
                                          "1.5",
                                          "1e5",
                                          "1E+5",
                                          "1e-5",
                                          "-1.5e+3",
                                          "01",
                                          "+1",
                                          ".5",
                                          "5.",
                                          "1e",
                                          "1e+",
                                          "nul",
                                          "truee",
                                          "\"a\"",
                                          "\"a",
                                          "\"\\u00e9\"",
                                          "\"\\ud83d\\ude00\"",
                                          "\"\\ud83d\"",
                                          "\"\xff\"",
                                          "\"a\nb\"",
                                          "[]",
                                          "[1]",
                                          "[1,]",
                                          "[,1]",
                                          "[1 2]",
                                          "{}",
                                          "{\"a\":1}",
                                          "{\"a\"}",
                                          "{\"a\":}",
                                          "{a:1}",
                                          "{\"a\":1,}",
                                          "{} {}",
                                          "[] 1",
                                          "1 2",
                                          "1,2",
                                          "1]",
                                          "[1]]",
                                          " {\"a\" : [ 1 , { } ] } ",
                                          "[1e+5e+5]",
                                          "[--1]",
                                          "\t5\n"};
  JsonReader reader;
  Arena arena(kMaxParsedBytes);
  for (const std::string& text : texts) {
    arena.reset();
    EXPECT_EQ(!reader.read(text, arena).is_undefined(), is_json(text)) << text;
  }
  for (const std::size_t depth : {kMaxPayloadDepth - 1, kMaxPayloadDepth, kMaxPayloadDepth + 1}) {
    arena.reset();
    const std::string text = repeated("[", depth) + repeated("]", depth);
    EXPECT_EQ(!reader.read(text, arena).is_undefined(), is_json(text)) << depth;
  }
}

TEST(JsonReaderTest, ReadsAndWritesTheSame) {
  JsonReader reader;
  Arena arena(kMaxParsedBytes);
  const auto again = [&](const std::string& text) {
    arena.reset();
    std::string written;
    append_json(reader.read_copy(text, arena), written, kMaxOutputBytes);
    return written;
  };
  EXPECT_EQ(again(R"({"a":[1,2.50,1e3,null,true],"b":{"c":"\"\\\u0001\n\u00e9€"},"a2":-0.05})"),
            R"({"a":[1,2.5,1000,null,true],"b":{"c":"\"\\\u0001\né€"},"a2":-0.05})");
  EXPECT_EQ(again(R"({"a":1,"b":2,"a":3})"), R"({"a":3,"b":2})");
  std::string many = "{";
  for (int i = 0; i < 40; ++i) many += "\"k" + std::to_string(i % 20) + "\":" + std::to_string(i) + ",";
  many.back() = '}';
  std::string last = "{";
  for (int i = 20; i < 40; ++i) last += "\"k" + std::to_string(i % 20) + "\":" + std::to_string(i) + ",";
  last.back() = '}';
  EXPECT_EQ(again(many), last);
}

TEST(ArenaTest, GivesUpToItsLimitAndAllOfItAgain) {
  Arena arena(100'000);
  for (int round = 0; round < 3; ++round) {
    std::size_t given = 0;
    while (!arena.items<char>(1000).empty()) given += 1000;
    EXPECT_GE(given, 50'000u);
    EXPECT_LE(given, 100'000u);
    EXPECT_TRUE(arena.items<Value>(1'000'000'000).empty());
    arena.reset();
  }
}

}  // namespace
}  // namespace dunlin::rules
