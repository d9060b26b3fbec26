// What a client may receive, asked when it subscribes and, where that does not settle it, at each delivery.

#include "transport/mqtt/server.h"
#include "transport/mqtt/server_fixture.h"

namespace dunlin::transport {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::RawClient;

class ServerReceive : public testing::ServerTest {
 protected:
  void SetUp() override { start(2); }
  void forbid(const std::string& text) {
    not_received.insert(text);
    ++policies;
  }
  RawClient& subscribed(mqtt::Connect wish, const std::string& filter) {
    RawClient& client = connect(wish);
    client.subscribe(filter, 1, 1);
    settle();
    client.take();
    return client;
  }
  void send(const std::string& topic, const std::string& payload) {
    publisher().publish(topic, payload, 1, ++number);
    settle();
  }
  RawClient& publisher() {
    if (from == nullptr) from = &connected("p");
    return *from;
  }
  std::int64_t withheld() {
    return world->metrics.value("dunlin_mqtt_dropped_total", {{"reason", "may_not_receive"}});
  }
  RawClient* from = nullptr;
  std::uint16_t number = 0;
};

TEST_F(ServerReceive, NothingIsAskedOfWhoMayReceiveAllThatItSubscribesTo) {
  RawClient& client = subscribed(packet("s"), "a/#");
  send("a/1", "x");
  const std::size_t before = receive_questions;
  for (int i = 0; i < 50; ++i) send("a/" + std::to_string(i), "x");
  EXPECT_EQ(receive_questions, before);
  EXPECT_EQ(client.take().size(), 51U);
}

TEST_F(ServerReceive, WhatMayNotBeReceivedIsLeftOutAndHoldsNothingUp) {
  not_received = {"a/#", "a/secret"};
  mqtt::Connect narrow = packet("s");
  narrow.properties.receive_maximum = 1;
  RawClient& client = subscribed(narrow, "a/#");
  for (int i = 0; i < 3; ++i) send("a/secret", "no");
  send("a/open", "yes");
  const auto lines = client.take();
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_THAT(lines[0], ::testing::HasSubstr("a/open=yes"));
  EXPECT_EQ(withheld(), 3);
  client.ack(mqtt::PacketType::puback, 4);
  const std::size_t before = receive_questions;
  send("a/secret", "no");
  EXPECT_EQ(receive_questions, before) << "one answer counts until the policies change";
}

TEST_F(ServerReceive, QueuedMessagesAreJudgedWhenTheyAreDelivered) {
  mqtt::Connect lasting = packet("s");
  lasting.clean_start = false;
  lasting.properties.session_expiry_interval = 3600;
  subscribed(lasting, "a/#").connection.reset();
  settle();
  send("a/secret", "queued before");
  send("a/open", "queued too");
  forbid("a/secret");
  forbid("a/#");
  RawClient& again = connect(lasting);
  run(std::chrono::milliseconds{500});
  const auto lines = again.take();
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0], "CONNACK success present");
  EXPECT_THAT(lines[1], ::testing::HasSubstr("a/open=queued too"));
}

TEST_F(ServerReceive, AChangeReachesALiveSubscriberAtOnceAndComesBack) {
  RawClient& client = subscribed(packet("s"), "a/#");
  publisher();
  forbid("a/1");
  forbid("a/#");
  send("a/1", "no");
  EXPECT_THAT(client.take(), IsEmpty());
  run(std::chrono::milliseconds{500});
  EXPECT_THAT(client.take(), IsEmpty()) << "the subscription itself is not lost";
  not_received.clear();
  ++policies;
  send("a/1", "yes");
  EXPECT_EQ(client.take().size(), 1U);
  run(std::chrono::milliseconds{500});
  const std::size_t before = receive_questions;
  send("a/2", "x");
  EXPECT_EQ(receive_questions, before) << "it may receive everything again";
}

TEST_F(ServerReceive, RetainedMessagesAndSharedSubscriptionsAreJudgedToo) {
  not_received = {"a/#", "a/secret"};
  publisher().publish("a/secret", "kept", 1, ++number, true);
  settle();
  RawClient& client = connect(packet("s"));
  client.take();
  client.subscribe("a/#", 1, 1);
  settle();
  EXPECT_THAT(client.take(), ElementsAre("SUBACK 1 1"));
  RawClient& member = connect(packet("m"));
  member.take();
  member.subscribe("$share/g/a/#", 1, 1);
  member.subscribe("$share/g/b/#", 1, 2);
  settle();
  EXPECT_THAT(member.take(), ElementsAre("SUBACK 1 135", "SUBACK 2 1"));
  forbid("b/#");
  run(std::chrono::milliseconds{500});
  EXPECT_THAT(member.take(), ElementsAre("DISCONNECT not_authorized", "closed peer_closed"));
}

class ServerConduct : public testing::ServerTest {
 protected:
  void SetUp() override {
    watch.report = [this](std::vector<hub::ConductReport> reports) {
      for (auto& report : reports) told.push_back(std::move(report));
    };
    conduct = &watch;
    kind = PrincipalKind::device;
    start(2);
  }
  void look() { run(2 * hub::kConductLook); }
  hub::ConductWatch watch;
  std::vector<hub::ConductReport> told;
};

TEST_F(ServerConduct, WhoReachesTheFloorIsToldOfOnceALook) {
  watch.floor.messages = 10;
  RawClient& busy = connected("busy");
  RawClient& calm = connected("calm");
  for (int i = 0; i < 12; ++i) busy.publish("a/b", "12345678");
  for (int i = 0; i < 9; ++i) calm.publish("a/b", "x");
  look();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].thing, "busy");
  EXPECT_EQ(told[0].did.messages, 12U);
  EXPECT_EQ(told[0].did.bytes, 12U * told[0].did.largest);
  look();
  EXPECT_EQ(told.size(), 1U) << "each look begins anew";
  for (int i = 0; i < 10; ++i) calm.publish("a/b", "x");
  look();
  EXPECT_EQ(told.size(), 2U);
}

TEST_F(ServerConduct, RefusalsAndSizesCountAndUsersAreNotWatched) {
  watch.floor.refusals = 3;
  watch.floor.largest = 5000;
  RawClient& curious = connected("curious");
  curious.publish("forbidden/1", "x", 1, 1);
  curious.publish("forbidden/2", "x", 1, 2);
  curious.subscribe("forbidden/3", 0, 3);
  RawClient& big = connected("big");
  big.publish("a", std::string(5000, 'x'));
  kind = PrincipalKind::user;
  RawClient& person = connected("person");
  for (std::uint16_t i = 1; i < 5; ++i) person.publish("forbidden/1", "x", 1, i);
  look();
  std::map<std::string, std::uint32_t> found;
  for (const auto& report : told) found[report.thing] = report.did.refusals;
  EXPECT_EQ(found, (std::map<std::string, std::uint32_t>{{"big", 0}, {"curious", 3}}));
}

TEST_F(ServerConduct, WhoEndsBeforeALookWasNeverToldOf) {
  watch.floor.largest = 5000;
  RawClient& brief = connected("brief");
  brief.publish("a", std::string(5000, 'x'));
  brief.send(mqtt::Disconnect{});
  RawClient& torn = connected("torn");
  torn.publish("forbidden/1", "x", 1, 1);
  run(std::chrono::milliseconds{50});
  torn.connection->close();
  RawClient& pushed = connected("pushed");
  pushed.publish("a", std::string(6000, 'x'));
  run(std::chrono::milliseconds{50});
  connected("pushed");  // takes the session over
  RawClient& silent = connected("silent");
  silent.send(mqtt::Disconnect{});
  look();
  std::map<std::string, hub::Conduct> found;
  for (const auto& report : told) found[report.thing] = report.did;
  ASSERT_EQ(found.size(), 3U);
  EXPECT_GE(found.at("pushed").largest, 6000U);
  EXPECT_GE(found.at("brief").largest, 5000U);
  EXPECT_EQ(found.at("torn").refusals, 1U);
  look();
  EXPECT_EQ(told.size(), 3U) << "each is told of once";
}

TEST_F(ServerConduct, AConnectThatTheStandingForbidsCounts) {
  watch.floor.refusals = 1;
  RawClient& banned = connect(packet("banned"));
  EXPECT_THAT(banned.take(), ::testing::Contains("CONNACK not_authorized"));
  look();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].did.refusals, 1U);
}

TEST_F(ServerConduct, ASessionBeginsWithTheStandingOfThatMoment) {
  standings.set(kDefaultTenant, "late", {Lifecycle::maintenance, Quarantine::no});
  std::vector<std::string> seen;
  hub().on_session_event(*world->executors[0], [&](const hub::SessionEvent& event) {
    seen.push_back(event.principal->name + " " +
                   std::string(lifecycle_name(event.principal->standing.lifecycle)));
  });
  connected("late");
  EXPECT_THAT(seen, ElementsAre("late maintenance"));
}

}  // namespace
}  // namespace dunlin::transport
