#include "service/presence/presence.h"

#include <boost/json.hpp>

#include "model/testing/service_test.h"

namespace dunlin::presence {
namespace {

using hub::SessionEvent;

struct PresenceTest : model::testing::ServiceTest {
  void boot() {
    presence = std::make_unique<PresenceService>(*executor, bus, keyed, *metrics);
    presence->declare(table);
    presence->on_change([this](TenantId, const Presence& now) {
      changes.push_back(now.thing + (now.state == Presence::State::online ? " online " : " offline ") +
                        now.reason);
    });
    presence->start([](Result<void> started) { ASSERT_TRUE(started); });
    settle();
  }
  void restart() {
    presence.reset();
    restart_process();
    boot();
  }
  void SetUp() override { boot(); }
  void session(PrincipalRef who, SessionEvent::State state, std::string reason) {
    bus.session({std::move(who), "client", "mqtt", "test", state, std::move(reason), clock.wall_now()});
    settle();
  }
  void online(PrincipalRef who) { session(std::move(who), SessionEvent::State::online, "connected"); }
  void offline(PrincipalRef who, std::string reason = "disconnected") {
    session(std::move(who), SessionEvent::State::offline, std::move(reason));
  }
  void word(const std::string& thing, std::string_view text, const std::string& from = "gw-1") {
    arrive("$dunlin/things/" + thing + "/presence", text, gateway(from));
    settle();
  }
  std::string shown(const std::string& thing) {
    const auto found = presence->find(kDefaultTenant, thing);
    if (!found) return "unknown";
    return (found->state == Presence::State::online ? "online " : "offline ") + found->reason +
           (found->gateway.empty() ? "" : " via " + found->gateway);
  }

  std::unique_ptr<PresenceService> presence;
  std::vector<std::string> changes;
};

TEST_F(PresenceTest, FollowsSessions) {
  online(device("press-01"));
  EXPECT_EQ(shown("press-01"), "online connected");
  EXPECT_EQ(presence->online_count(), 1u);
  pass(std::chrono::seconds{10});
  offline(device("press-01"), "keep_alive");
  EXPECT_EQ(shown("press-01"), "offline keep_alive");
  EXPECT_EQ(presence->online_count(), 0u);
  const auto found = presence->find(kDefaultTenant, "press-01");
  EXPECT_EQ(found->changed_at - found->last_seen, std::chrono::seconds{10});
  EXPECT_EQ(changes, (std::vector<std::string>{"press-01 online connected", "press-01 offline keep_alive"}));
}

TEST_F(PresenceTest, AThingWithTwoSessionsIsOfflineWhenBothHaveEnded) {
  online(device("press-01"));
  online(device("press-01"));
  offline(device("press-01"));
  EXPECT_EQ(shown("press-01"), "online connected");
  offline(device("press-01"));
  EXPECT_EQ(shown("press-01"), "offline disconnected");
  offline(device("press-01"));  // an end without a beginning
  EXPECT_EQ(presence->online_count(), 0u);
}

TEST_F(PresenceTest, PeopleAndServicesAreNoThings) {
  online(hub::testing::test_principal(PrincipalKind::user, "ada"));
  EXPECT_EQ(shown("ada"), "unknown");
}

TEST_F(PresenceTest, AGatewaySpeaksForTheThingsBehindIt) {
  online(gateway("gw-1"));
  word("press-01", R"({"online":true})");
  word("press-02", R"({"online":true,"reason":"polled"})");
  EXPECT_EQ(shown("press-01"), "online connected via gw-1");
  EXPECT_EQ(shown("press-02"), "online polled via gw-1");
  word("press-02", R"({"online":false,"reason":"no_answer"})");
  EXPECT_EQ(shown("press-02"), "offline no_answer via gw-1");
  EXPECT_EQ(presence->online_count(), 2u);
  pass(std::chrono::seconds{1});
  offline(gateway("gw-1"), "connection_lost");
  EXPECT_EQ(shown("press-01"), "offline gateway_offline via gw-1");
  EXPECT_EQ(shown("press-02"), "offline no_answer via gw-1");
  EXPECT_EQ(presence->online_count(), 0u);
}

TEST_F(PresenceTest, AnotherGatewaysLossLeavesAThingAlone) {
  online(gateway("gw-1"));
  online(gateway("gw-2"));
  word("press-01", R"({"online":true})", "gw-2");
  offline(gateway("gw-1"));
  EXPECT_EQ(shown("press-01"), "online connected via gw-2");
}

TEST_F(PresenceTest, AWordThatWaitedBringsNothingOnlineAfterItsGatewayIsLost) {
  online(gateway("gw-1"));
  pass(std::chrono::seconds{1});
  const WallTime said = clock.wall_now();
  pass(std::chrono::seconds{1});
  offline(gateway("gw-1"));
  bus.arrive("$dunlin/things/press-01/presence", R"({"online":true})", gateway("gw-1"), said);
  settle();
  EXPECT_EQ(presence->online_count(), 0u);
}

TEST_F(PresenceTest, OwnSessionsCountMoreThanWords) {
  online(gateway("gw-1"));
  online(device("press-01"));
  word("press-01", R"({"online":false})");
  EXPECT_EQ(shown("press-01"), "online connected");
  arrive("$dunlin/things/press-02/presence", R"({"online":true})", device("press-02"));
  settle();
  EXPECT_EQ(shown("press-02"), "unknown");
}

TEST_F(PresenceTest, RefusesWordsItCannotRead) {
  online(gateway("gw-1"));
  for (const char* text : {"", "true", "{}", R"({"online":1})", "not json"}) word("press-01", text);
  word("press-01", R"({"online":true,"x":")" + std::string(kMaxWordBytes, 'x') + "\"}");
  EXPECT_EQ(shown("press-01"), "unknown");
  word("press-01", R"({"online":true,"reason":")" + std::string(63, 'r') + "\xc3\xa4\"}");
  EXPECT_EQ(shown("press-01"), "online " + std::string(63, 'r') + " via gw-1");
}

TEST_F(PresenceTest, AThingsNameIsBounded) {
  online(gateway("gw-1"));
  word(std::string(300, 'x'), R"({"online":true})");
  EXPECT_EQ(presence->online_count(), 1u);
  EXPECT_EQ(counted("dunlin_presence_things_refused_total"), 1);
}

TEST_F(PresenceTest, SamplesMoveLastSeenOnly) {
  presence->saw(kDefaultTenant, "press-01", "gw-1", from_unix_milliseconds(5000));
  presence->saw(kDefaultTenant, "press-01", "gw-1", from_unix_milliseconds(4000));
  EXPECT_EQ(shown("press-01"), "offline  via gw-1");
  EXPECT_EQ(unix_milliseconds(presence->find(kDefaultTenant, "press-01")->last_seen), 5000);
  EXPECT_TRUE(changes.empty());
}

TEST_F(PresenceTest, TellsThroughWhichGatewayAThingSpeaks) {
  std::vector<std::string> routes;
  presence->on_route(
      [&](TenantId, const Presence& now) { routes.push_back(now.thing + " via " + now.gateway); });
  presence->saw(kDefaultTenant, "press-01", "gw-1", clock.wall_now());
  presence->saw(kDefaultTenant, "press-01", "gw-1", clock.wall_now());
  word("press-01", R"({"online":true})", "gw-2");
  online(device("press-01"));
  EXPECT_EQ(routes, (std::vector<std::string>{"press-01 via gw-1", "press-01 via gw-2", "press-01 via "}));
}

TEST_F(PresenceTest, AfterARestartEverythingIsOfflineUntilItSpeaks) {
  online(gateway("gw-1"));
  online(device("press-01"));
  word("press-02", R"({"online":true})");
  online(device("press-03"));
  offline(device("press-03"));
  const WallTime seen = presence->find(kDefaultTenant, "press-01")->last_seen;
  pass(kSaveInterval);
  changes.clear();
  pass(std::chrono::seconds{1});
  restart();
  EXPECT_EQ(shown("press-01"), "offline server_restart");
  EXPECT_EQ(shown("press-02"), "offline server_restart via gw-1");
  EXPECT_EQ(shown("press-03"), "offline disconnected");
  EXPECT_EQ(presence->find(kDefaultTenant, "press-01")->last_seen, seen);
  EXPECT_EQ(presence->find(kDefaultTenant, "press-01")->changed_at, clock.wall_now());
  EXPECT_EQ(presence->online_count(), 0u);
  EXPECT_TRUE(changes.empty());  // the journal still holds the gateway's word, and it is stale
  online(device("press-01"));
  EXPECT_EQ(shown("press-01"), "online connected");
}

TEST_F(PresenceTest, AFailedWriteIsRepeated) {
  online(device("press-01"));
  keyed.fail_writes = 1;
  pass(kSaveInterval);
  EXPECT_TRUE(keyed.rows(store::Table::presence).empty());
  pass(kSaveInterval);
  EXPECT_EQ(keyed.rows(store::Table::presence).size(), 1u);
}

TEST_F(PresenceTest, FlushSavesAtOnceAndInParts) {
  for (std::size_t i = 0; i < 2 * kMaxSavedPerBatch + 1; ++i) {
    presence->saw(kDefaultTenant, "d" + std::to_string(i), "", clock.wall_now());
  }
  bool saved = false;
  presence->flush([&](Result<void> done) { saved = done.has_value(); });
  settle();
  EXPECT_TRUE(saved);
  EXPECT_EQ(keyed.rows(store::Table::presence).size(), 2 * kMaxSavedPerBatch + 1);
  EXPECT_EQ(keyed.writes, 3u);
  restart();
  EXPECT_EQ(shown("d7"), "offline ");
}

TEST_F(PresenceTest, ListsByName) {
  for (const char* name : {"c", "a", "b"}) online(device(name));
  const auto first = call("presence.list", {{"limit", 2}});
  ASSERT_TRUE(first);
  EXPECT_EQ(first->at("presence").as_array().size(), 2u);
  EXPECT_EQ(first->at("presence").at(1).at("thing").as_string(), "b");
  const auto rest = call("presence.list", {{"after", "b"}});
  EXPECT_EQ(rest->at("presence").at(0).at("thing").as_string(), "c");
  EXPECT_EQ(call("presence.get", {{"thing", "c"}})->at("online").as_bool(), true);
  EXPECT_EQ(ask("presence.get", {{"thing", "d"}}), "not_found");
}

}  // namespace
}  // namespace dunlin::presence
