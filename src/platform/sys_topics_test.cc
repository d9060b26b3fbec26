#include "platform/sys_topics.h"

#include <gtest/gtest.h>

#include "base/virtual_executor.h"
#include "hub/hub.h"
#include "hub/hub_fixture.h"
#include "platform/doors.h"

namespace dunlin::platform {
namespace {

using hub::testing::RecordingLink;

class SysTopicsTest : public hub::testing::HubTest {
 protected:
  void begin(Duration interval) {
    boot(2);
    topics = std::make_unique<SysTopics>(
        SysTopics::Parts{*world->executors[0], hub(), world->metrics, "1.2.3", interval});
    world->executors[0]->post([this] { topics->start(); });
    run();
  }
  void TearDown() override { world.reset(); }
  std::map<std::string, std::string> values(const std::string& client, const std::string& filter) {
    RecordingLink& link = links.emplace_back();
    open(link, options(client));
    subscribe(link, filter);
    run();
    std::map<std::string, std::string> all;
    for (const auto& got : link.got) all[got.topic] = got.payload;
    return all;
  }
  std::unique_ptr<SysTopics> topics;
  std::deque<RecordingLink> links;
};

TEST_F(SysTopicsTest, PublishesFiguresRetained) {
  metrics::Cell* received = nullptr;
  begin(std::chrono::seconds{10});
  received = &world->metrics.counter("dunlin_mqtt_messages_received_total", "");
  received->add(600);
  auto all = values("a", "$SYS/#");
  EXPECT_EQ(all["$SYS/broker/version"], "dunlin version 1.2.3");
  EXPECT_EQ(all["$SYS/broker/clients/connected"], "0");
  EXPECT_EQ(all.count("$SYS/broker/heap/current"), 1U);
  EXPECT_GT(all.size(), 45U);
  run(std::chrono::seconds{10});
  all = values("b", "$SYS/broker/#");
  EXPECT_EQ(all["$SYS/broker/uptime"], "10 seconds");
  EXPECT_EQ(all["$SYS/broker/clients/connected"], "1");
  EXPECT_EQ(all["$SYS/broker/clients/maximum"], "1");
  EXPECT_EQ(all["$SYS/broker/publish/messages/received"], "600");
  // 3600 a minute for 10 s: 3600 (1 - e^(-1/6)).
  EXPECT_NEAR(std::stod(all["$SYS/broker/load/publish/received/1min"]), 552.66, 1.5);
}

TEST_F(SysTopicsTest, IsNotMatchedByWildcardsAndNotStored) {
  begin(std::chrono::seconds{10});
  EXPECT_TRUE(values("a", "#").empty());
  EXPECT_TRUE(values("b", "+/broker/version").empty());
  RecordingLink publisher;
  open(publisher, options("p"));
  publisher.session->publish(
      hub::testing::message("kept", "x", hub::QoS::at_most_once, hub::Message::Retain::yes), 0, {});
  run(std::chrono::seconds{10});
  for (const auto& [key, value] : keyed_disk[store::Table::retained])
    EXPECT_EQ(key.find("$SYS"), std::string::npos);
  EXPECT_EQ(keyed_disk[store::Table::retained].size(), 1U);
  for (const auto& journal : journals) EXPECT_TRUE(journal.records.empty());
}

TEST_F(SysTopicsTest, AnIntervalOfZeroTurnsItOff) {
  begin(Duration::zero());
  run(std::chrono::minutes{1});
  EXPECT_TRUE(values("a", "$SYS/#").empty());
}

TEST_F(SysTopicsTest, OnlyWhatHasChangedIsSentAgain) {
  begin(std::chrono::seconds{10});
  values("a", "$SYS/#");
  RecordingLink& link = links.back();
  link.got.clear();
  run(std::chrono::seconds{10});
  std::set<std::string> seen;
  for (const auto& got : link.got) seen.insert(got.topic);
  EXPECT_TRUE(seen.contains("$SYS/broker/uptime"));
  EXPECT_FALSE(seen.contains("$SYS/broker/version"));
  EXPECT_FALSE(seen.contains("$SYS/broker/clients/expired"));
}

TEST(SysAccess, NobodyPublishesThereWhateverThePoliciesSay) {
  security::PolicyEngine engine;
  engine.put(
      "all",
      std::make_shared<const security::Policy>(
          security::Policy::parse(
              R"({"statements":[{"effect":"allow","actions":["mqtt:*"],"resources":["topic/#","topic/$SYS/#"]}]})")
              .value()));
  Principal principal;
  principal.policies = {"all"};
  const hub::Authorizer may = make_mqtt_authorizer(engine);
  EXPECT_TRUE(may(principal, hub::Action::subscribe, "$SYS/#"));
  EXPECT_TRUE(may(principal, hub::Action::publish, "SYS/x"));
  EXPECT_FALSE(may(principal, hub::Action::publish, "$SYS/broker/version"));
  EXPECT_FALSE(may(principal, hub::Action::publish, "$SYS/x"));
  principal.policies = {};
  EXPECT_FALSE(may(principal, hub::Action::subscribe, "$SYS/#"));
}

}  // namespace
}  // namespace dunlin::platform
