// Clients that publish too fast, and a server that is short of memory, as clients see it.

#include <gmock/gmock.h>

#include "transport/mqtt/server_fixture.h"

namespace dunlin::transport {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;
using testing::RawClient;
using testing::ServerTest;
using ::testing::SizeIs;

constexpr auto kOld = mqtt::ProtocolVersion::v3_1_1;
constexpr auto kNew = mqtt::ProtocolVersion::v5;

class Overload : public ServerTest {
 protected:
  void become(MemoryLevel level) {
    hub().set_memory_level(level);
    settle();
  }
  /// Messages that have come in so far.
  double taken() { return world->metrics.value("dunlin_mqtt_messages_received_total"); }
  void publish_all(RawClient& client, std::uint16_t count, int qos = 1) {
    for (std::uint16_t id = 1; id <= count; ++id)
      client.publish("a/1", std::to_string(id), qos, qos == 0 ? std::uint16_t{0} : id);
  }
};

TEST_F(Overload, WhatAFastPublisherSendsIsReadAtItsRateAndNothingIsLost) {
  for (const auto version : {kOld, kNew}) {
    start(1, {}, {.client_messages = {2, 1}});
    RawClient& from = connected("p", version);
    RawClient& to = connected("s");
    to.subscribe("a/#", 1);
    settle();
    to.take();
    publish_all(from, 10);
    settle();
    EXPECT_LE(taken(), 2);
    run(seconds{2});
    EXPECT_GE(taken(), 4);
    EXPECT_LE(taken(), 6);
    run(seconds{4});
    EXPECT_EQ(taken(), 10);
    EXPECT_THAT(from.take(), SizeIs(10));
    EXPECT_THAT(to.take(), SizeIs(10));
  }
}

TEST_F(Overload, ARestIsNotTakenForSilence) {
  start(1, {}, {.client_bytes = {100, 1}});
  mqtt::Connect connect = packet("p");
  connect.keep_alive = 2;
  RawClient& client = this->connect(connect);
  client.take();
  client.publish("a/1", std::string(800, 'x'), 1, 1);
  client.send(mqtt::Pingreq{});
  run(seconds{5});
  EXPECT_THAT(client.take(), ElementsAre("PUBACK 1")) << "longer than one and a half times its keep alive";
  run(seconds{4});
  EXPECT_THAT(client.take(), ElementsAre("PINGRESP"));
  run(seconds{4});
  EXPECT_TRUE(client.closed) << "now it is silent";
}

TEST_F(Overload, AClientThatGoesWhileItRestsIsForgotten) {
  start(1, {}, {.client_messages = {0.2, 1}});
  RawClient& client = connected("p");
  publish_all(client, 5);
  settle();
  client.connection->abort();
  hub().end_sessions(kDefaultTenant, "p", "gone");
  run(seconds{30});
  EXPECT_EQ(world->metrics.value("dunlin_mqtt_connections"), 0);
}

TEST_F(Overload, RefusedPublishesGetQuotaExceeded) {
  start(1, {}, {.client_messages = {1, 1.5}, .over_rate = hub::OverRate::refuse});
  RawClient& client = connected("p");
  client.publish("a/1", "1", 1, 1);
  client.publish("a/1", "2", 2, 2);
  client.publish("a/1", "3", 1, 3);
  client.publish("a/1", "4", 2, 4);
  client.publish("a/1", "5", 0);
  settle();
  EXPECT_THAT(client.take(),
              ::testing::UnorderedElementsAre("PUBACK 1", "PUBREC 2", "PUBACK 3 quota_exceeded",
                                              "PUBREC 4 quota_exceeded"));
}

TEST_F(Overload, TightMemoryRefusesNewClientsAndTakesThoseThatAreKnown) {
  start(2);
  mqtt::Connect lasting = packet("known");
  lasting.properties.session_expiry_interval = 3600;
  RawClient& known = connect(lasting);
  known.take();
  RawClient& present = connected("present");
  become(MemoryLevel::tight);
  known.connection->abort();
  settle();
  EXPECT_THAT(connect(packet("new")).take(), ElementsAre("CONNACK quota_exceeded", "closed peer_closed"));
  EXPECT_THAT(connect(packet("old", kOld)).take(),
              ElementsAre("CONNACK server_unavailable", "closed peer_closed"));
  lasting.clean_start = false;
  EXPECT_THAT(connect(lasting).take(), ElementsAre("CONNACK success present"));
  present.publish("a/1", "x", 1, 1);
  present.subscribe("a/#", 1, 2);
  settle();
  EXPECT_THAT(present.take(), ::testing::UnorderedElementsAre("PUBACK 1", "SUBACK 2 151"));
  EXPECT_EQ(world->metrics.value("dunlin_memory_refusals_total", {{"what", "connect"}}), 2);
  become(MemoryLevel::normal);
  connected("new");
}

TEST_F(Overload, CriticalMemoryRefusesEveryClientAndPublish) {
  start(1);
  RawClient& present = connected("present");
  RawClient& old = connected("old", kOld);
  const std::size_t asked = authorizations;
  become(MemoryLevel::critical);
  EXPECT_THAT(connect(packet("new")).take(), ElementsAre("CONNACK quota_exceeded", "closed peer_closed"));
  EXPECT_EQ(authorizations, asked) << "before anything is spent on it";
  present.publish("a/1", "x", 1, 1);
  old.publish("a/1", "x", 1, 1);
  old.publish("a/1", "x", 1, 2);
  settle();
  EXPECT_THAT(present.take(), ElementsAre("PUBACK 1 quota_exceeded"));
  EXPECT_THAT(old.take(), ElementsAre("PUBACK 1")) << "it cannot be told: it is slowed";
  run(hub::kMemoryRest);
  EXPECT_THAT(old.take(), ElementsAre("PUBACK 2"));
}

}  // namespace
}  // namespace dunlin::transport
