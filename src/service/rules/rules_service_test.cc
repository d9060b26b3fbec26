#include "service/rules/rules_service.h"

#include <boost/json.hpp>
#include <cstdlib>
#include <fstream>

#include "base/time_text.h"
#include "model/hops.h"
#include "model/testing/service_test.h"
#include "service/rules/limits.h"

namespace dunlin::rules {
namespace {

constexpr const char* kCold =
    R"({"sql":"SELECT * FROM 'demo/+/machine/+/temperature' WHERE value < 40",)"
    R"("actions":[{"alarm":{"name":"machine-cooled-down","severity":"critical",)"
    R"("message":"Machine temperature fell to ${value} °C","clear_when":"value >= 50"}}]})";
constexpr std::string_view kTopic = "demo/plant1/machine/press-01/temperature";

struct RulesTest : model::testing::ServiceTest {
  void boot() {
    alarms = std::make_unique<alarm::AlarmService>(*executor, bus, keyed, *metrics);
    alarms->declare(table);
    alarms->start([](Result<void> started) { ASSERT_TRUE(started); });
    settle();
    rules = std::make_unique<RulesService>(
        RulesEnvironment{*executor, bus, keyed, repository, *alarms, *metrics});
    rules->declare(table);
    rules->start([](Result<void> started) { ASSERT_TRUE(started); });
    settle();
  }
  void stop() {
    rules.reset();
    alarms.reset();
    restart_process();
  }
  void restart() {
    stop();
    boot();
  }
  void SetUp() override { boot(); }

  /// Puts a rule; gives the error's message, or nothing.
  std::string put(const std::string& name, std::string_view document) {
    auto request = boost::json::parse(document).as_object();
    request["rule"] = name;
    const auto answer = call("rule.put", std::move(request));
    return answer ? "" : answer.error().message;
  }
  std::string forward(const std::string& name, const std::string& from, const std::string& to,
                      const std::string& select = "*") {
    return put(name,
               boost::json::serialize(boost::json::value{{"sql", "SELECT " + select + " FROM '" + from + "'"},
                                                         {"actions", {{{"republish", {{"topic", to}}}}}}}));
  }
  void send(std::string_view topic, std::string_view payload) {
    arrive(topic, payload);
    settle();
  }
  std::string alarm_states() {
    std::string found;
    const auto answer = call("alarm.list", {});
    for (const auto& alarm : answer->at("alarms").as_array()) {
      found +=
          std::string(alarm.at("thing").as_string()) + ":" + std::string(alarm.at("state").as_string()) + " ";
    }
    return found;
  }

  std::unique_ptr<alarm::AlarmService> alarms;
  std::unique_ptr<RulesService> rules;
};

TEST_F(RulesTest, RepublishesWhatTheStatementSelects) {
  ASSERT_EQ(put("r", R"({"sql":"SELECT value * 2 AS twice, topic(4) AS from FROM 'demo/#' WHERE value > 1",
                         "actions":[{"republish":{"topic":"out/${topic(4)}","qos":2,"retain":true}}]})"),
            "");
  send(kTopic, R"({"value":1})");
  send(kTopic, R"({"value":1.25})");
  ASSERT_EQ(bus.published.size(), 1u);
  const hub::Message& made = bus.published[0];
  EXPECT_EQ(made.topic.text(), "out/press-01");
  EXPECT_EQ(made.payload.text(), R"({"twice":2.5,"from":"press-01"})");
  EXPECT_EQ(made.qos, hub::QoS::exactly_once);
  EXPECT_EQ(made.retain, hub::Message::Retain::yes);
  EXPECT_EQ(made.principal->name, "rules");
  EXPECT_EQ(counted("dunlin_rules_evaluated_total"), 2);
  EXPECT_EQ(counted("dunlin_rules_matched_total"), 1);
}

TEST_F(RulesTest, AStarPassesThePayloadByteForByte) {
  ASSERT_EQ(forward("r", "raw/#", "out"), "");
  send("raw/a", "\xff\xd8 no text");
  send("raw/a", "{\"n\": 1.000000000000000000001}");
  EXPECT_EQ(bus.payloads("out"),
            (std::vector<std::string>{"\xff\xd8 no text", "{\"n\": 1.000000000000000000001}"}));
}

TEST_F(RulesTest, AMessageThatNamesItsRuleIsForThatRuleAlone) {
  const auto republish = [this](const std::string& name, const std::string& sql, const std::string& to) {
    return put(name, R"({"sql":")" + sql + R"(","actions":[{"republish":{"topic":")" + to + R"("}}]})");
  };
  ASSERT_EQ(republish("named", "SELECT topic() AS t, v WHERE v > 1", "out/${topic(1)}"), "");
  ASSERT_EQ(republish("other", "SELECT * FROM 'a/#'", "other"), "");
  send("$aws/rules/named/a/b", R"({"v":2})");
  send("$aws/rules/named/a/b", R"({"v":1})");
  send("$aws/rules/none/a/b", R"({"v":2})");
  send("a/b", R"({"v":2})");
  EXPECT_EQ(bus.payloads("out/a"), (std::vector<std::string>{R"({"t":"a/b","v":2})"}));
  EXPECT_EQ(bus.payloads("other").size(), 1u);
  EXPECT_EQ(counted("dunlin_rules_not_found_total"), 1);
  EXPECT_FALSE(rules->follows(kDefaultTenant, "$aws/rules/named/a"));
}

TEST_F(RulesTest, VariablesReachTheActionsAndStoppedStatementsAreCounted) {
  ASSERT_EQ(put("r", R"({"sql":"SET @d = topic(4), @w = value + 1 SELECT @w AS w FROM 'demo/#' WHERE @w > 1",
                         "actions":[{"republish":{"topic":"out/${@d}/${@w}"}},
                                    {"alarm":{"name":"n","message":"${@w}","clear_when":"@w < 0"}}]})"),
            "");
  send(kTopic, R"({"value":3})");
  EXPECT_EQ(bus.payloads("out/press-01/4"), (std::vector<std::string>{R"({"w":4})"}));
  EXPECT_EQ(alarm_states(), "press-01:active ");
  send(kTopic, R"({"value":-2})");
  EXPECT_EQ(alarm_states(), "press-01:cleared ");
  std::string sql = "SET @v0 = [1, 1]";
  for (int i = 1; i < 40; ++i)
    sql += ", @v" + std::to_string(i) + " = concat(@v" + std::to_string(i - 1) + ", @v" +
           std::to_string(i - 1) + ")";
  ASSERT_EQ(put("grows", R"({"sql":")" + sql +
                             R"( SELECT 1 AS a FROM 'demo/#'","actions":[{"republish":{"topic":"x"}}]})"),
            "");
  send(kTopic, R"({"value":0})");
  EXPECT_TRUE(bus.payloads("x").empty());
  EXPECT_EQ(counted("dunlin_rules_actions_failed_total"), 1);
}

TEST_F(RulesTest, SaysWhichTopicsItFollows) {
  const auto below = [this] { return rules->follows_below("$dunlin/samples/"); };
  ASSERT_EQ(forward("all", "#", "out"), "");
  EXPECT_FALSE(below()) << "# is not of topics that begin with $";
  ASSERT_EQ(forward("some", "$dunlin/samples/+/heat", "out"), "");
  EXPECT_TRUE(below());
  EXPECT_TRUE(rules->follows(kDefaultTenant, "$dunlin/samples/press-01/heat"));
  EXPECT_FALSE(rules->follows(kDefaultTenant, "$dunlin/samples/press-01/cold"));
  EXPECT_FALSE(rules->follows(TenantId{7}, "$dunlin/samples/press-01/heat"));
  ASSERT_EQ(ask("rule.delete", {{"rule", "some"}}), "{}");
  EXPECT_FALSE(below());
  ASSERT_EQ(forward("wide", "$dunlin/#", "out"), "");
  EXPECT_TRUE(below());
  ASSERT_EQ(forward("wide", "$dunlin/alarms/#", "out"), "");
  EXPECT_FALSE(below());
}

TEST_F(RulesTest, ARuleThatFeedsItselfIsStopped) {
  ASSERT_EQ(forward("loop", "loop/#", "loop/again"), "");
  send("loop/a", "1");
  EXPECT_EQ(bus.published.size(), static_cast<std::size_t>(kMaxHops));
  EXPECT_EQ(counted("dunlin_rules_chains_stopped_total"), 1);
  EXPECT_EQ(model::hops_of(bus.published.back()), kMaxHops);
}

TEST_F(RulesTest, AChainThroughAlarmsIsStoppedToo) {
  ASSERT_EQ(
      put("echo",
          R"({"sql":"SELECT * FROM '$dunlin/alarms/#'","actions":[{"alarm":{"name":"echo"}},{"republish":{"topic":"x/y"}}]})"),
      "");
  ASSERT_EQ(put("back", R"({"sql":"SELECT * FROM 'x/y'","actions":[{"alarm":{"name":"back","thing":"t"}}]})"),
            "");
  send("x/y", "1");
  EXPECT_GE(counted("dunlin_rules_chains_stopped_total"), 1);
  EXPECT_LT(bus.published.size(), 100u);
}

TEST_F(RulesTest, AStrangersClaimOfHopsCountsNothing) {
  ASSERT_EQ(forward("r", "a", "b"), "");
  hub::Message message;
  message.topic = Slice::copy_of("a");
  message.qos = hub::QoS::at_least_once;
  message.principal = device("press-01");
  model::set_hops(message, 100);
  bus.deliver(message);
  settle();
  EXPECT_EQ(bus.payloads("b").size(), 1u);
}

TEST_F(RulesTest, RaisesAndClearsAlarms) {
  ASSERT_EQ(put("cold", kCold), "");
  send(kTopic, R"({"value":39.51})");
  send(kTopic, R"({"value":45})");
  EXPECT_EQ(alarm_states(), "press-01:active ");
  EXPECT_EQ(call("alarm.list", {})->at("alarms").at(0).at("message").as_string(),
            "Machine temperature fell to 39.51 °C");
  EXPECT_EQ(call("alarm.list", {})->at("alarms").at(0).at("rule").as_string(), "cold");
  send(kTopic, R"({"value":50})");
  EXPECT_EQ(alarm_states(), "press-01:cleared ");
}

TEST_F(RulesTest, AThingOrTopicThatCannotBeIsCountedAndTheRestGoesOn) {
  ASSERT_EQ(
      put("r",
          R"({"sql":"SELECT * FROM 'a'","actions":[{"alarm":{"name":"n","thing":"${t}"}},{"republish":{"topic":"out/${t}"}},
                         {"republish":{"topic":"fine"}}]})"),
      "");
  for (const char* thing : {"a/b+", "#", "a\\u0000b"}) send("a", std::string("{\"t\":\"") + thing + "\"}");
  EXPECT_EQ(alarm_states(), "");
  EXPECT_EQ(counted("dunlin_rules_actions_failed_total"), 6);
  EXPECT_EQ(bus.payloads("fine").size(), 3u);
}

TEST_F(RulesTest, RulesComeGoAndChangeWhileMessagesFlow) {
  EXPECT_EQ(forward("r", "a", "one"), "");
  send("a", "1");
  EXPECT_EQ(forward("r", "a", "two"), "");
  send("a", "2");
  EXPECT_EQ(
      put("r", R"({"sql":"SELECT * FROM 'a'","enabled":false,"actions":[{"republish":{"topic":"three"}}]})"),
      "");
  send("a", "3");
  EXPECT_EQ(call("rule.get", {{"rule", "r"}})->at("version").to_number<int>(), 3);
  EXPECT_EQ(call("rule.get", {{"rule", "r"}})->at("enabled").as_bool(), false);
  EXPECT_EQ(forward("r", "a", "four"), "");
  EXPECT_EQ(ask("rule.delete", {{"rule", "r"}}), "{}");
  send("a", "5");
  EXPECT_EQ(ask("rule.delete", {{"rule", "r"}}), "not_found");
  EXPECT_EQ(ask("rule.get", {{"rule", "r"}}), "not_found");
  EXPECT_EQ(bus.payloads("one"), (std::vector<std::string>{"1"}));
  EXPECT_EQ(bus.payloads("two"), (std::vector<std::string>{"2"}));
  EXPECT_EQ(bus.payloads("three").size() + bus.payloads("four").size(), 0u);
}

TEST_F(RulesTest, ARuleThatIsNotStoredIsNotInForce) {
  repository.fail_writes = 1;
  EXPECT_EQ(forward("r", "a", "b"), "ordered failure");
  EXPECT_EQ(rules->size(), 0u);
}

TEST_F(RulesTest, DocumentsThatCannotWorkAreRefusedWithThePlace) {
  const auto with = [this](std::string_view actions) {
    return put("r", R"({"sql":"SELECT * FROM 'a'","actions":)" + std::string(actions) + "}");
  };
  EXPECT_NE(put("r", R"({"sql":"SELECT * FORM 'a'","actions":[{"republish":{"topic":"b"}}]})")
                .find("sql: expected FROM"),
            std::string::npos);
  EXPECT_NE(with("[]").find("at least one"), std::string::npos);
  EXPECT_NE(with(R"([{"email":{}}])").find("no action \"email\""), std::string::npos);
  EXPECT_NE(with(R"([{"republish":{}}])").find("needs a \"topic\""), std::string::npos);
  EXPECT_NE(with(R"([{"republish":{"topic":"a/+"}}])").find("wildcards"), std::string::npos);
  EXPECT_EQ(with(R"([{"republish":{"topic":"a/${1+1}"}}])"), "");
  EXPECT_NE(with(R"([{"republish":{"topic":"a/${1+}"}}])").find("topic: expected an expression"),
            std::string::npos);
  EXPECT_NE(with(R"([{"republish":{"topic":"a","qos":3}}])").find("0, 1 or 2"), std::string::npos);
  EXPECT_NE(with(R"([{"republish":{"topic":"a","qos":"1"}}])").find("\"qos\" must be a whole number"),
            std::string::npos);
  EXPECT_NE(with(R"([{"republish":{"topic":"a","colour":1}}])").find("no member \"colour\""),
            std::string::npos);
  EXPECT_NE(with(R"([{"alarm":{"name":"a/b"}}])").find("without"), std::string::npos);
  EXPECT_NE(with(R"([{"alarm":{"name":"a","severity":"bad"}}])").find("info, warning"), std::string::npos);
  EXPECT_NE(with(R"([{"alarm":{"name":"a","clear_when":5}}])").find("\"clear_when\" must be a text"),
            std::string::npos);
  EXPECT_NE(with(R"([{"alarm":{"name":"a","clear_when":"a >"}}])").find("clear_when: expected"),
            std::string::npos);
  std::string many = "[";
  for (std::size_t i = 0; i <= kMaxActions; ++i) many += R"({"republish":{"topic":"b"}},)";
  many.back() = ']';
  EXPECT_NE(with(many).find("at most 10"), std::string::npos);
  EXPECT_NE(
      put(std::string(129, 'n'), R"({"sql":"SELECT * FROM 'a'","actions":[{"republish":{"topic":"b"}}]})")
          .find("128"),
      std::string::npos);
  EXPECT_EQ(rules->size(), 1u);
}

TEST_F(RulesTest, RulesAndOpenAlarmsSurviveARestartAndTheJournalGoesOn) {
  for (int i = 0; i < 150; ++i)
    ASSERT_EQ(forward("r" + std::to_string(i), "none/" + std::to_string(i), "b"), "");
  ASSERT_EQ(put("cold", kCold), "");
  send(kTopic, R"({"value":39})");
  const std::size_t handed_out = bus.handed_out("rules");
  stop();
  arrive(kTopic, R"({"value":38})");  // while nobody runs the rules
  boot();
  EXPECT_EQ(rules->size(), 151u);
  EXPECT_EQ(bus.handed_out("rules"), handed_out + 2);  // the message, and the alarm's event that it caused
  EXPECT_EQ(call("alarm.list", {})->at("alarms").at(0).at("count").to_number<int>(), 2);
  EXPECT_EQ(call("rule.list", {})->at("rules").as_array().size(), 151u);
}

TEST_F(RulesTest, AnAlarmIsToldOnlyWhenItIsStoredAndAFailedWriteIsRepeated) {
  ASSERT_EQ(put("cold", kCold), "");
  keyed.fail_writes = 2;
  send(kTopic, R"({"value":39})");
  EXPECT_TRUE(bus.published.empty());
  EXPECT_EQ(alarm_states(), "");
  pass(std::chrono::milliseconds{2100});
  EXPECT_EQ(alarm_states(), "press-01:active ");
  EXPECT_EQ(bus.published.size(), 1u);
  EXPECT_EQ(counted("dunlin_rules_write_retries_total"), 2);
  EXPECT_EQ(bus.committed["rules"], 1u);
}

TEST_F(RulesTest, ACrashBeforeTheWriteRaisesTheAlarmOnce) {
  ASSERT_EQ(put("cold", kCold), "");
  keyed.hold_writes = true;
  send(kTopic, R"({"value":39})");
  keyed.drop_held_writes();
  restart();
  EXPECT_EQ(alarm_states(), "press-01:active ");
  restart();
  EXPECT_EQ(call("alarm.list", {})->at("alarms").at(0).at("count").to_number<int>(), 1);
}

TEST_F(RulesTest, AMessageTheHubCannotTakeNowIsRepeatedBeforeThePositionMoves) {
  ASSERT_EQ(forward("r", "a", "b"), "");
  bus.fail_publishes = 2;
  send("a", "1");
  EXPECT_EQ(bus.committed["rules"], 0u);
  pass(std::chrono::milliseconds{2100});
  EXPECT_EQ(bus.payloads("b"), (std::vector<std::string>{"1"}));
  EXPECT_EQ(bus.committed["rules"], 2u);
}

TEST_F(RulesTest, AMessageTheHubRefusesIsGivenUpAndCounted) {
  ASSERT_EQ(forward("r", "a", "b"), "");
  bus.fail_publishes = 1;
  bus.publish_error = Errc::no_space;
  send("a", "1");
  EXPECT_EQ(counted("dunlin_rules_actions_failed_total"), 1);
  EXPECT_EQ(bus.committed["rules"], 1u);
  bus.fail_publishes = 1000;
  bus.publish_error = Errc::unavailable;
  send("a", "2");
  pass(std::chrono::seconds{kMaxPublishTries + 1});
  EXPECT_EQ(counted("dunlin_rules_actions_failed_total"), 2);
  EXPECT_EQ(bus.committed["rules"], 2u);
}

TEST_F(RulesTest, HugeAndDeepPayloadsAreRawBytesToARule) {
  ASSERT_EQ(forward("r", "a", "b", "isUndefined(v) AS u"), "");
  send("a", R"({"v":")" + std::string(kMaxPayloadBytes, 'x') + "\"}");
  send("a",
       R"({"v":)" + std::string(kMaxPayloadDepth + 1, '[') + std::string(kMaxPayloadDepth + 1, ']') + "}");
  send("a", R"({"v":1})");
  EXPECT_EQ(bus.payloads("b"),
            (std::vector<std::string>{R"({"u":true})", R"({"u":true})", R"({"u":false})"}));
}

TEST_F(RulesTest, RulesAreBounded) {
  for (std::size_t i = 0; i < kMaxRules; ++i) ASSERT_EQ(forward("r" + std::to_string(i), "a", "b"), "");
  EXPECT_NE(forward("one-more", "a", "b").find("1000"), std::string::npos);
  EXPECT_EQ(forward("r7", "a", "c"), "");  // replacing one is no more
}

/// "2013-12-02 21:15:00" or with a fraction, UTC.
WallTime time_of(std::string text) {
  text[10] = 'T';
  return *parse_rfc3339(text + "Z");
}

TEST_F(RulesTest, TheToursRuleFindsTheFailuresOfARealMachine) {
  ASSERT_EQ(put("cold", kCold), "");
  std::vector<WallTime> raised;
  alarms->on_change([&raised](const alarm::Alarm& alarm) {
    if (alarm.state() == alarm::State::active && alarm.count == 1) raised.push_back(alarm.raised_at);
  });
  std::ifstream file(DUNLIN_SOURCE_DIR "/data/nab/machine_temperature_system_failure.csv");
  std::string line;
  std::getline(file, line);
  int rows = 0;
  while (std::getline(file, line)) {
    const std::size_t comma = line.find(',');
    bus.arrive(kTopic, "{\"value\":" + line.substr(comma + 1) + "}", device("press-01"),
               time_of(line.substr(0, comma)));
    // One message at a time, as they come: a batch would fold an alarm's repetitions into one change.
    settle();
    ++rows;
  }
  EXPECT_EQ(rows, 22695);
  std::ifstream windows_file(DUNLIN_SOURCE_DIR "/data/nab/windows.json");
  const std::string text((std::istreambuf_iterator<char>(windows_file)), std::istreambuf_iterator<char>());
  const auto document = boost::json::parse(text);
  std::size_t found = 0;
  std::vector<WallTime> outside = raised;
  for (const auto& window : document.at("machine_temperature_system_failure.csv").as_array()) {
    const WallTime begin = time_of(std::string(window.at(0).as_string()));
    const WallTime end = time_of(std::string(window.at(1).as_string()));
    const auto inside = [&](WallTime at) { return at >= begin && at <= end; };
    if (std::ranges::any_of(raised, inside)) ++found;
    std::erase_if(outside, inside);
  }
  RecordProperty("windows", static_cast<int>(found));
  RecordProperty("outside", static_cast<int>(outside.size()));
  EXPECT_GE(found, 2u);
  EXPECT_LE(outside.size(), 2u);
}

}  // namespace
}  // namespace dunlin::rules
