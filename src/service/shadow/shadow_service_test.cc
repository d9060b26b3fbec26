#include "service/shadow/shadow_service.h"

#include <boost/json.hpp>

#include "model/testing/service_test.h"
#include "service/shadow/limits.h"

namespace dunlin::shadow {
namespace {

struct ShadowTest : model::testing::ServiceTest {
  void boot() {
    shadow = std::make_unique<ShadowService>(*executor, bus, keyed, *metrics);
    shadow->declare(table);
    shadow->on_change([this](TenantId, const std::string& thing, const Document& now) {
      changes.push_back(thing + "@" + std::to_string(now.version()));
    });
    shadow->start([](Result<void> started) { ASSERT_TRUE(started); });
    settle();
  }
  void restart() {
    shadow.reset();
    restart_process();
    boot();
  }
  void SetUp() override { boot(); }

  void send(std::string_view word, std::string_view payload, const std::string& thing = "lamp-1") {
    arrive("$dunlin/things/" + thing + "/shadow/" + std::string(word), payload, device(thing));
    settle();
  }
  /// The payloads that were published on the tail since the last call.
  std::vector<std::string> told(const std::string& tail, const std::string& thing = "lamp-1") {
    const std::string topic = "$dunlin/things/" + thing + "/shadow/" + tail;
    auto found = bus.payloads(topic);
    std::erase_if(bus.published, [&](const hub::Message& message) { return message.topic.text() == topic; });
    return found;
  }
  boost::json::value told_once(const std::string& tail, const std::string& thing = "lamp-1") {
    const auto found = told(tail, thing);
    EXPECT_EQ(found.size(), 1u) << tail;
    return found.empty() ? boost::json::value() : boost::json::parse(found[0]);
  }
  std::string wanted(const std::string& state) {
    return ask("shadow.update", {{"thing", "lamp-1"}, {"state", boost::json::parse(state)}});
  }

  std::unique_ptr<ShadowService> shadow;
  std::vector<std::string> changes;
};

TEST_F(ShadowTest, ADeviceThatWasOffLearnsWhatIsWantedAndReportsIt) {
  send("update", R"({"state":{"reported":{"light":"off","level":10}}})");
  EXPECT_TRUE(told("update/delta").empty());
  EXPECT_EQ(told("update/accepted").size(), 1u);
  // The device is off; an application wants something.
  const auto answer = call("shadow.update",
                           {{"thing", "lamp-1"}, {"state", {{"desired", {{"light", "on"}, {"level", 10}}}}}});
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->at("version").to_number<int>(), 2);
  told("update/delta");
  pass(std::chrono::hours{1});
  restart();
  // It comes back and asks.
  send("get", "");
  const auto shown = told_once("get/accepted");
  EXPECT_EQ(boost::json::serialize(shown.at("state").at("delta")), R"({"light":"on"})");
  EXPECT_EQ(shown.at("version").to_number<int>(), 2);
  // It acts and reports.
  send("update", R"({"state":{"reported":{"light":"on"}},"clientToken":"t-1"})");
  const auto accepted = told_once("update/accepted");
  EXPECT_EQ(accepted.at("clientToken").as_string(), "t-1");
  EXPECT_EQ(accepted.at("version").to_number<int>(), 3);
  EXPECT_FALSE(accepted.at("state").as_object().contains("delta"));
  EXPECT_TRUE(told("update/delta").empty());
  EXPECT_FALSE(call("shadow.get", {{"thing", "lamp-1"}})->at("state").as_object().contains("delta"));
  EXPECT_EQ(changes, (std::vector<std::string>{"lamp-1@1", "lamp-1@2", "lamp-1@3"}));
}

TEST_F(ShadowTest, ADeviceThatListensGetsTheDifferenceWithItsTimes) {
  wanted(R"({"desired":{"a":{"b":1}},"reported":{"x":2}})");
  const auto delta = told_once("update/delta");
  const std::int64_t seconds = unix_milliseconds(clock.wall_now()) / 1000;
  EXPECT_EQ(delta, (boost::json::value{{"state", {{"a", {{"b", 1}}}}},
                                       {"metadata", {{"a", {{"b", {{"timestamp", seconds}}}}}}},
                                       {"version", 1},
                                       {"timestamp", seconds}}));
  EXPECT_TRUE(told("update/accepted").empty());  // nobody asked on topics
}

TEST_F(ShadowTest, RefusalsCarryACodeAMessageAndTheToken) {
  const auto refused = [this](std::string_view word, std::string_view payload) {
    send(word, payload);
    const auto body = told_once(std::string(word) + "/rejected");
    if (!body.is_object()) return std::string("nothing");
    const auto* token = body.as_object().if_contains("clientToken");
    EXPECT_FALSE(body.at("message").as_string().empty());
    return std::to_string(body.at("code").to_number<int>()) +
           (token == nullptr ? "" : " " + std::string(token->as_string()));
  };
  EXPECT_EQ(refused("get", R"({"clientToken":"g"})"), "404 g");
  EXPECT_EQ(refused("delete", ""), "404");
  EXPECT_EQ(refused("update", "not json"), "400");
  EXPECT_EQ(refused("update", R"({"clientToken":"u"})"), "400 u");
  EXPECT_EQ(refused("update", R"({"state":{"desired":{}},"version":5,"clientToken":"v"})"), "409 v");
  EXPECT_EQ(
      refused("update", R"({"state":{"desired":{"a":")" + std::string(kMaxDocumentBytes, 'x') + "\"}}}"),
      "413");
  EXPECT_EQ(refused("update", R"({"state":{"desired":{}},"clientToken":")" + std::string(65, 't') + "\"}"),
            "400");
  EXPECT_EQ(counted("dunlin_shadow_refused_total"), 5);
  EXPECT_EQ(counted("dunlin_shadow_updates_total"), 0);
}

TEST_F(ShadowTest, NamesThatAreNoTopicLevelAreRefused) {
  for (const char* name : {"+", "a/b", "#", "", "a b"}) {
    EXPECT_EQ(ask("shadow.update", {{"thing", name}, {"state", {{"desired", {{"a", 1}}}}}}),
              "invalid_argument")
        << name;
  }
  EXPECT_TRUE(bus.published.empty());
  EXPECT_TRUE(keyed.rows(store::Table::shadow).empty());
}

TEST_F(ShadowTest, VersionsNeverGoBack) {
  wanted(R"({"desired":{"a":1}})");
  wanted(R"({"desired":{"a":2}})");
  send("delete", R"({"clientToken":"d"})");
  const auto deleted = told_once("delete/accepted");
  EXPECT_EQ(deleted.at("state").at("desired").at("a").to_number<int>(), 2);
  EXPECT_EQ(deleted.at("clientToken").as_string(), "d");
  EXPECT_EQ(ask("shadow.get", {{"thing", "lamp-1"}}), "not_found");
  EXPECT_EQ(ask("shadow.delete", {{"thing", "lamp-1"}}), "not_found");
  restart();
  EXPECT_EQ(ask("shadow.get", {{"thing", "lamp-1"}}), "not_found");
  EXPECT_EQ(call("shadow.update", {{"thing", "lamp-1"}, {"state", {{"desired", {{"a", 1}}}}}})
                ->at("version")
                .to_number<int>(),
            4);
  EXPECT_EQ(ask("shadow.update", {{"thing", "lamp-1"}, {"state", {{"desired", {{"a", 1}}}}}, {"version", 2}}),
            "conflict");
}

TEST_F(ShadowTest, ACrashBetweenWriteAndAnswerAppliesNothingTwice) {
  send("update", R"({"state":{"reported":{"a":1}}})");
  send("update", R"({"state":{"reported":{"a":2}}})");
  const auto before = keyed.rows(store::Table::shadow);
  restart();
  EXPECT_EQ(keyed.rows(store::Table::shadow), before);
  keyed.hold_writes = true;
  send("update", R"({"state":{"reported":{"a":3}}})");
  bus.published.clear();
  keyed.drop_held_writes();  // dies before its write
  restart();
  EXPECT_EQ(told_once("update/accepted").at("version").to_number<int>(), 3);
  restart();
  EXPECT_TRUE(told("update/accepted").empty());
  EXPECT_EQ(call("shadow.get", {{"thing", "lamp-1"}})->at("version").to_number<int>(), 3);
}

TEST_F(ShadowTest, NothingIsAnsweredBeforeItIsStored) {
  keyed.hold_writes = true;
  std::string answer = "none";
  shadow->update(kDefaultTenant, "lamp-1", R"({"state":{"desired":{"a":1}}})",
                 [&](Result<Document> done) { answer = std::to_string(done->version()); });
  settle();
  EXPECT_EQ(answer, "none");
  EXPECT_TRUE(bus.published.empty());
  EXPECT_TRUE(changes.empty());
  keyed.release_writes();
  settle();
  EXPECT_EQ(answer, "1");
  EXPECT_EQ(told("update/delta").size(), 1u);
}

TEST_F(ShadowTest, ErrorsOfTheStoreAreWaitedOut) {
  keyed.fail_writes = 1;
  send("update", R"({"state":{"reported":{"a":1}}})");
  keyed.fail_reads = 0;
  EXPECT_TRUE(told("update/accepted").empty());
  pass(std::chrono::milliseconds{1100});
  EXPECT_EQ(told_once("update/accepted").at("version").to_number<int>(), 1);
  keyed.fail_reads = 1;
  send("get", "");
  EXPECT_TRUE(told("get/accepted").empty());
  pass(std::chrono::milliseconds{1100});
  EXPECT_EQ(told("get/accepted").size(), 1u);
  EXPECT_EQ(counted("dunlin_shadow_write_retries_total"), 2);
}

TEST_F(ShadowTest, ADamagedDocumentHoldsNobodyElseUp) {
  wanted(R"({"desired":{"a":1}})");
  keyed.rows(store::Table::shadow).begin()->second = "{broken";
  EXPECT_EQ(ask("shadow.get", {{"thing", "lamp-1"}}), "corrupt");
  send("update", R"({"state":{"reported":{"a":1}}})");
  EXPECT_EQ(told_once("update/rejected").at("code").to_number<int>(), 500);
  send("update", R"({"state":{"reported":{"a":1}}})", "lamp-2");
  EXPECT_EQ(told("update/accepted", "lamp-2").size(), 1u);
}

TEST_F(ShadowTest, RequestsInOneBatchSeeEachOtherInOrder) {
  for (int i = 0; i < 600; ++i)
    arrive("$dunlin/things/lamp-1/shadow/update",
           "{\"state\":{\"reported\":{\"n\":" + std::to_string(i) + "}}}", device("lamp-1"));
  arrive("$dunlin/things/lamp-1/shadow/get", "", device("lamp-1"));
  settle();
  const auto shown = told_once("get/accepted");
  EXPECT_EQ(shown.at("version").to_number<int>(), 600);
  EXPECT_EQ(shown.at("state").at("reported").at("n").to_number<int>(), 599);
  const auto accepted = told("update/accepted");
  ASSERT_EQ(accepted.size(), 600u);
  EXPECT_EQ(boost::json::parse(accepted[0]).at("version").to_number<int>(), 1);
  EXPECT_LE(keyed.writes, 5u);                                   // they share writes
  EXPECT_EQ(bus.committed["shadow"], bus.journal.size() - 601);  // its own answers are in the journal too
}

TEST_F(ShadowTest, NumbersAreWrittenPlainly) {
  wanted(R"({"desired":{"level":21.5}})");
  EXPECT_NE(told("update/delta").at(0).find("21.5"), std::string::npos);
}

}  // namespace
}  // namespace dunlin::shadow
