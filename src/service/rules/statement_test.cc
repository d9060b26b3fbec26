#include "service/rules/statement.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <fstream>
#include <sstream>

#include "base/rng.h"
#include "hub/topic.h"
#include "model/text.h"
#include "service/rules/conversion.h"
#include "service/rules/limits.h"
#include "service/rules/template.h"

namespace dunlin::rules {
namespace {

struct Case {
  int line = 0;
  std::string sql;
  std::string text;  // of a template
  std::string topic = "t/x";
  std::string payload = "{}";
};

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

struct Message {
  explicit Message(Case given) : message(std::move(given)) {
    Context context;
    context.payload = as_bytes(message.payload);
    context.topic = message.topic;
    context.received_at = from_unix_milliseconds(1'700'000'000'000);
    machine.begin(context);
    machine.start({}, {});
  }
  Case message;
  SeededRng rng{1};
  Machine machine{rng};
};

/// What comes out, in the words of the case file.
std::string outcome(const Case& given) {
  Message message(given);
  if (!given.text.empty()) {
    const auto parsed = Template::parse(given.text);
    return parsed ? "text: " + parsed->render(message.machine) : "error: " + parsed.error().message;
  }
  const auto statement = Statement::parse(given.sql);
  if (!statement) return "error: " + statement.error().message;
  if (!hub::filter_matches(statement->filter(), given.topic) || !statement->matches(message.machine))
    return "none";
  if (statement->passes_payload()) return "raw";
  const Value output = statement->select(message.machine);
  std::string text;
  return append_json(output, text, kMaxOutputBytes) ? "out: " + text : "too long";
}

void check(const Case& given, const std::string& expected) {
  SCOPED_TRACE("line " + std::to_string(given.line) + ": " + given.sql + given.text);
  const std::string found = outcome(given);
  if (expected.size() > 5 && expected.starts_with("out: ") && found.size() > 5 &&
      found.starts_with("out: ")) {
    EXPECT_TRUE(
        model::same_value(boost::json::parse(found.substr(5)), boost::json::parse(expected.substr(5))))
        << found;
  } else if (expected.starts_with("error: ")) {
    EXPECT_NE(found.find(expected.substr(7)), std::string::npos) << found;
    EXPECT_TRUE(found.starts_with("error: ")) << found;
  } else {
    EXPECT_EQ(found, expected);
  }
}

TEST(StatementTest, FollowsTheCaseFile) {
  std::ifstream file(DUNLIN_SOURCE_DIR "/src/service/rules/testdata/statements.test");
  std::string line;
  Case given;
  int checks = 0;
  for (int number = 1; std::getline(file, line); ++number) {
    if (line.empty() || line[0] == '#') continue;
    const std::size_t colon = line.find(": ");
    const std::string word = line.substr(0, colon);
    const std::string rest = colon == std::string::npos ? "" : line.substr(colon + 2);
    if (word == "sql") {
      given = Case{number, rest, {}};
    } else if (word == "template") {
      given = Case{number, {}, rest};
    } else if (word == "topic") {
      given.topic = rest;
    } else if (word == "payload") {
      given.payload = rest;
    } else {
      check(given, line);
      ++checks;
    }
  }
  EXPECT_GE(checks, 100);
}

bool close_to(const boost::json::value& a, const boost::json::value& b) {
  if (a.is_number() && b.is_number()) return std::abs(a.to_number<double>() - b.to_number<double>()) < 1e-9;
  if (!a.is_object() || !b.is_object()) return model::same_value(a, b);
  if (a.get_object().size() != b.get_object().size()) return false;
  return std::ranges::all_of(a.get_object(), [&](const auto& member) {
    const auto* other = b.get_object().if_contains(member.key());
    return other != nullptr && close_to(member.value(), *other);
  });
}

TEST(StatementTest, FollowsTheSampleCases) {
  const auto document =
      boost::json::parse(read_file(DUNLIN_SOURCE_DIR "/src/service/rules/testdata/rules_sample.json"));
  int checks = 0;
  for (const auto& entry : document.at("cases").as_array()) {
    SCOPED_TRACE(boost::json::serialize(entry));
    const auto& sample = entry.as_object();
    Case given;
    given.topic = sample.at("topic").as_string();
    const auto* raw = sample.if_contains("payload_raw");
    given.payload =
        raw != nullptr ? std::string(raw->as_string()) : boost::json::serialize(sample.at("payload"));
    const auto& expected = sample.at("expect").as_object();
    ++checks;
    if (sample.contains("template")) {
      given.text = sample.at("template").as_string();
      EXPECT_EQ(outcome(given), "text: " + std::string(expected.at("string").as_string()));
      continue;
    }
    given.sql = sample.at("sql").as_string();
    const std::string found = outcome(given);
    if (!expected.at("fired").as_bool()) {
      EXPECT_EQ(found, "none");
      continue;
    }
    ASSERT_TRUE(found.starts_with("out: ")) << found;
    EXPECT_TRUE(close_to(boost::json::parse(found.substr(5)), expected.at("output"))) << found;
  }
  EXPECT_EQ(checks, 20);
}

std::string repeated(std::string_view part, std::size_t times) {
  std::string text;
  for (std::size_t i = 0; i < times; ++i) text += part;
  return text;
}

TEST(StatementTest, NestingAndSizeAreBounded) {
  const auto code = [](const std::string& expression) {
    const auto parsed = Condition::parse(expression);
    return parsed ? std::string("ok") : std::string(errc_name(parsed.error().code));
  };
  EXPECT_EQ(code(repeated("(", 63) + "1" + repeated(")", 63)), "ok");
  EXPECT_EQ(code(repeated("(", 64) + "1" + repeated(")", 64)), "limit_exceeded");
  EXPECT_EQ(code("1" + repeated("+1", kMaxSqlNodes - 1)), "ok");
  EXPECT_EQ(code("1" + repeated("+1", kMaxSqlNodes)), "limit_exceeded");
  EXPECT_EQ(code("a" + repeated(".a", kMaxSqlNodes)), "limit_exceeded");
  EXPECT_EQ(code(repeated("NOT ", kMaxSqlNodes) + "a"), "limit_exceeded");
  EXPECT_EQ(code(repeated("-", kMaxSqlNodes) + "1"), "limit_exceeded");
  EXPECT_EQ(code(repeated("-", 50'000) + "1"), "limit_exceeded");
  EXPECT_EQ(code(repeated("[", 20'000)), "limit_exceeded");
  EXPECT_EQ(code("'" + std::string(kMaxSqlBytes, 'x') + "'"), "limit_exceeded");
  EXPECT_EQ(Template::parse(std::string(kMaxTemplateBytes + 1, 'x')).error().code, Errc::limit_exceeded);
}

TEST(StatementTest, TextsThatGrowTooLongAreUndefined) {
  Case given;
  given.payload = '"' + std::string(kMaxResultBytes / 2 + 1, 'x') + '"';
  given.sql = "SELECT VALUE [isUndefined(* + *), isUndefined(concat(*, *)), isUndefined(*)] FROM 't/x'";
  EXPECT_EQ(outcome(given), "out: [true,true,false]");
  Message message(given);
  EXPECT_LE(Template::parse("${*}${*}${*}${*}")->render(message.machine).size(), kMaxResultBytes * 2);
}

}  // namespace
}  // namespace dunlin::rules
