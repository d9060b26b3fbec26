// Policies that change under connected clients.

#include "transport/mqtt/server.h"
#include "transport/mqtt/server_fixture.h"

namespace dunlin::transport {
namespace {

using mqtt::ProtocolVersion;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::RawClient;

class ServerPolicies : public testing::ServerTest {
 protected:
  void SetUp() override { start(2); }
  void take_away(const std::string& text) {
    taken_away.insert(text);
    ++policies;
  }
  /// What a change may take until subscriptions follow.
  void wait() { run(std::chrono::milliseconds{500}); }
  RawClient& lasting(const std::string& name) {
    mqtt::Connect wish = packet(name);
    wish.clean_start = false;
    wish.properties.session_expiry_interval = 3600;
    return connect(wish);
  }
  std::int64_t ended() { return world->metrics.value("dunlin_mqtt_rights_withdrawn_total", {}); }
};

TEST_F(ServerPolicies, WhatIsPublishedIsJudgedByTheNewestAtOnce) {
  RawClient& client = connected("c");
  client.publish("a/b", "x", 1, 1);
  settle();
  EXPECT_THAT(client.take(), ElementsAre("PUBACK 1"));
  take_away("a/b");
  client.publish("a/b", "x", 1, 2);
  client.publish("a/c", "x", 1, 3);
  settle();
  EXPECT_THAT(client.take(), ElementsAre("PUBACK 2 not_authorized", "PUBACK 3"));
}

TEST_F(ServerPolicies, WhoLosesASubscriptionIsEndedAndTold) {
  RawClient& v5 = connected("five");
  RawClient& v3 = connected("three", ProtocolVersion::v3_1_1);
  RawClient& other = connected("other");
  for (RawClient* client : {&v5, &v3}) client->subscribe("a/#", 1, 1);
  other.subscribe("b/#", 1, 1);
  settle();
  for (RawClient* client : {&v5, &v3, &other}) client->take();
  take_away("a/#");
  wait();
  EXPECT_THAT(v5.take(), ElementsAre("DISCONNECT not_authorized", "closed peer_closed"));
  EXPECT_THAT(v3.take(), ElementsAre("closed peer_closed"));
  other.publish("b/1", "still here");
  settle();
  EXPECT_THAT(other.take(), ::testing::SizeIs(1));
  EXPECT_EQ(ended(), 2);
}

TEST_F(ServerPolicies, SharedSubscriptionsAndTheClientIdAreJudgedToo) {
  RawClient& shared = connected("s");
  RawClient& named = connected("n");
  shared.subscribe("$share/g/a/#", 1, 1);
  settle();
  shared.take();
  take_away("a/#");
  take_away("n");
  wait();
  EXPECT_THAT(shared.take(), ElementsAre("DISCONNECT not_authorized", "closed peer_closed"));
  EXPECT_THAT(named.take(), ElementsAre("DISCONNECT not_authorized", "closed peer_closed"));
}

TEST_F(ServerPolicies, ALastingSessionGoesOnWithoutTheSubscription) {
  RawClient& first = lasting("l");
  first.subscribe("a/#", 1, 1);
  first.subscribe("b/#", 1, 2);
  settle();
  take_away("a/#");
  wait();
  EXPECT_EQ(ended(), 1);
  RawClient& again = lasting("l");
  settle();
  again.take();
  RawClient& from = connected("p");
  from.publish("a/1", "no", 1, 1);
  from.publish("b/1", "yes", 1, 2);
  settle();
  const std::vector<std::string> lines = again.take();
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_THAT(lines[0], ::testing::HasSubstr("b/1"));
}

TEST_F(ServerPolicies, WhoWasAwayIsJudgedWhenItComesBack) {
  RawClient& first = lasting("l");
  first.subscribe("a/#", 1, 1);
  settle();
  first.connection.reset();
  settle();
  take_away("a/#");
  wait();
  RawClient& again = lasting("l");
  settle();
  const std::vector<std::string> lines = again.take();
  ASSERT_GE(lines.size(), 2U);
  EXPECT_EQ(lines[lines.size() - 2], "DISCONNECT not_authorized");
  EXPECT_EQ(ended(), 1);
}

TEST_F(ServerPolicies, ManyClientsAreJudgedInPortions) {
  constexpr int kClients = 60;
  std::vector<RawClient*> many;
  for (int i = 0; i < kClients; ++i) {
    many.push_back(&connected("c" + std::to_string(i)));
    for (int k = 0; k < 20; ++k) many.back()->subscribe("a/" + std::to_string(k), 0, 1);
  }
  settle();
  take_away("a/19");
  wait();
  EXPECT_EQ(ended(), kClients);
}

TEST_F(ServerPolicies, WhoWaitsForAChangeIsAnsweredWhenAllHaveBeenJudged) {
  constexpr int kClients = 60;
  for (int i = 0; i < kClients; ++i) {
    RawClient& client = connected("c" + std::to_string(i));
    for (int k = 0; k < 20; ++k) client.subscribe("a/" + std::to_string(k), 0, 1);
  }
  settle();
  take_away("a/19");
  Executor& home = *world->executors.front();
  std::int64_t judged = -1;
  server->settle(home, [&] { judged = ended(); });
  EXPECT_EQ(judged, -1) << "not inside the call";
  settle();
  EXPECT_EQ(judged, kClients) << "without waiting for the next look";
  bool answered = false;
  server->settle(home, [&] { answered = true; });
  settle();
  EXPECT_TRUE(answered) << "also where nothing has changed";
}

TEST_F(ServerPolicies, AChangeThatTakesNothingAwayEndsNobody) {
  RawClient& client = connected("c");
  client.subscribe("a/#", 1, 1);
  settle();
  client.take();
  ++policies;
  wait();
  EXPECT_THAT(client.take(), IsEmpty());
  EXPECT_EQ(ended(), 0);
}

}  // namespace
}  // namespace dunlin::transport
