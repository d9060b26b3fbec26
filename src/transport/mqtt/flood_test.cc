// Connections that never send a CONNECT, and an honest client that goes on.

#include <gtest/gtest.h>

#include "transport/mqtt/server_fixture.h"

namespace dunlin::transport {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::RawClient;
using testing::ServerTest;

class Flood : public ServerTest {
 protected:
  double value(const char* name) { return world->metrics.value(name); }
  bool round_trip(RawClient& client, const std::string& payload) {
    client.take();
    client.publish("flood/t", payload, 1, 7);
    return scheduler.run_until([&] { return client.lines.size() >= 2; }, std::chrono::seconds{1});
  }
};

TEST_F(Flood, TwoThousandSilentConnectionsDoNotKeepAnHonestClientOut) {
  constexpr std::size_t kSilent = 2000;
  ServerLimits limits;
  limits.max_waiting = 300;
  start(2, limits);
  RawClient& honest = connected("honest");
  honest.subscribe("flood/t", 1);
  settle();
  for (std::size_t i = 0; i < kSilent; ++i) {
    dial();
    if (i % 100 == 99) {
      EXPECT_TRUE(round_trip(honest, std::to_string(i))) << i;
    }
  }
  settle();
  EXPECT_LE(value("dunlin_mqtt_waiting_connections"), 2.0 * 300);
  EXPECT_GE(value("dunlin_mqtt_waiting_dropped_total"), static_cast<double>(kSilent) - 2 * 300);
  // The room is full of the silent, and still a newcomer gets in: it sends its CONNECT at once.
  for (int i = 0; i < 10; ++i) connected("newcomer" + std::to_string(i));
  EXPECT_TRUE(round_trip(honest, "after"));
  EXPECT_FALSE(honest.closed);
}

TEST_F(Flood, TheSilentGoAfterTheDeadline) {
  ServerLimits limits;
  limits.connect_deadline = std::chrono::seconds{2};
  start(1, limits);
  RawClient& silent = dial();
  settle();
  EXPECT_EQ(value("dunlin_mqtt_waiting_connections"), 1);
  run(std::chrono::seconds{1});
  EXPECT_FALSE(silent.closed);
  run(std::chrono::seconds{2});
  EXPECT_TRUE(silent.closed);
  EXPECT_EQ(value("dunlin_mqtt_waiting_connections"), 0);
  EXPECT_EQ(value("dunlin_mqtt_waiting_dropped_total"), 0);
}

TEST_F(Flood, WhoHasConnectedDoesNotCountAsWaiting) {
  ServerLimits limits;
  limits.max_waiting = 2;
  start(1, limits);
  std::vector<RawClient*> all;
  for (int i = 0; i < 20; ++i) all.push_back(&connected("client" + std::to_string(i)));
  EXPECT_EQ(value("dunlin_mqtt_waiting_connections"), 0);
  EXPECT_EQ(value("dunlin_mqtt_waiting_dropped_total"), 0);
  RawClient& first = dial();
  RawClient& second = dial();
  RawClient& third = dial();
  settle();
  // The oldest goes.
  EXPECT_TRUE(first.closed);
  EXPECT_FALSE(second.closed);
  EXPECT_FALSE(third.closed);
  for (const RawClient* client : all) EXPECT_FALSE(client->closed);
}

TEST_F(Flood, AnswersThatNobodyReadsDoNotFillTheMemory) {
  start(1);
  RawClient& deaf = connected("deaf");
  RawClient& honest = connected("honest");
  honest.subscribe("flood/t", 1);
  settle();
  deaf.connection->pause_reading();
  std::vector<std::uint8_t> pings;
  for (int i = 0; i < 32'768; ++i) pings.insert(pings.end(), {0xC0, 0});
  constexpr std::size_t kRounds = 200;
  for (std::size_t i = 0; i < kRounds; ++i) {
    deaf.connection->write(ByteView(pings));
    settle();
  }
  EXPECT_EQ(value("dunlin_mqtt_reading_stopped_total"), 1);
  const double answered = value("dunlin_mqtt_control_bytes_sent_total");
  EXPECT_LT(answered, 8.0 * kMaxUnreadAnswers);
  EXPECT_TRUE(round_trip(honest, "meanwhile"));
  // Once it reads, it gets every answer.
  deaf.connection->resume_reading();
  ASSERT_TRUE(
      scheduler.run_until([&] { return deaf.lines.size() == kRounds * 32'768; }, std::chrono::seconds{60}));
}

TEST_F(Flood, AClientThatSendsVeryMuchHasItsTurnAndNotMore) {
  start(1);
  RawClient& loud = connected("loud");
  std::vector<std::uint8_t> pings;
  for (std::size_t i = 0; i < 3 * kTurnWork; ++i) pings.insert(pings.end(), {0xC0, 0});
  loud.connection->write(ByteView(pings));
  ASSERT_TRUE(
      scheduler.run_until([&] { return loud.lines.size() == 3 * kTurnWork; }, std::chrono::seconds{10}));
  EXPECT_GE(value("dunlin_mqtt_turns_shared_total"), 1);
}

TEST_F(Flood, AMessageForVeryManyFiltersUsesUpTheTurn) {
  start(1);
  RawClient& reader = connected("reader");
  for (std::uint16_t k = 0; k < 100; ++k) {
    std::vector<std::string> filters;
    for (int i = 0; i < 100; ++i) {
      std::string filter = "t";
      for (int bit = 0; bit < 14; ++bit) filter += ((k * 100 + i) >> bit & 1) != 0 ? "/+" : "/s";
      filters.push_back(std::move(filter));
    }
    std::vector<mqtt::Subscription> all;
    for (const std::string& filter : filters) all.push_back({.filter = filter});
    reader.send(mqtt::Subscribe{static_cast<std::uint16_t>(k + 1),
                                mqtt::Subscriptions(std::span<const mqtt::Subscription>(all)),
                                {}});
  }
  settle();
  RawClient& writer = connected("writer");
  const double before = value("dunlin_mqtt_turns_shared_total");
  // A thousand topics like this in one read would be ten million comparisons in one turn.
  for (int other = -1; other < 3; ++other) {
    std::string topic = "t";
    for (int bit = 0; bit < 14; ++bit) topic += bit == other ? "/x" : "/s";
    writer.publish(topic, "x");
  }
  settle();
  EXPECT_GE(value("dunlin_mqtt_turns_shared_total"), before + 1);
}

TEST_F(Flood, WhoseLastPacketWasATurnsWorkWaitsForTheOthersWithTheNext) {
  start(1);
  RawClient& client = connected("c");
  client.send(mqtt::Pingreq{});
  settle();
  EXPECT_EQ(value("dunlin_mqtt_turns_shared_total"), 0);
  std::vector<std::string> filters;
  for (int i = 0; i < 600; ++i) filters.push_back("f/" + std::to_string(i));
  std::vector<mqtt::Subscription> all;
  for (const std::string& filter : filters) all.push_back({.filter = filter});
  client.send(mqtt::Subscribe{1, mqtt::Subscriptions(std::span<const mqtt::Subscription>(all)), {}});
  settle();
  client.take();
  const double before = value("dunlin_mqtt_turns_shared_total");
  client.send(mqtt::Pingreq{});
  settle();
  EXPECT_EQ(value("dunlin_mqtt_turns_shared_total"), before + 1);
  EXPECT_EQ(client.lines.size(), 1U);
  client.send(mqtt::Pingreq{});
  settle();
  EXPECT_EQ(value("dunlin_mqtt_turns_shared_total"), before + 1) << "a small one is enough to be light again";
  EXPECT_EQ(client.lines.size(), 2U);
}

TEST_F(Flood, ClientsThatFightForAClientIdAreRefusedSlowly) {
  start(1);
  for (int i = 0; i < hub::kTakeovers.burst + 5; ++i) connect(packet("c"));  // within one second
  RawClient& one_too_many = connect(packet("c"));
  connect(packet("c")).connection->abort();
  run(kBusyClientIdRest - std::chrono::milliseconds{200});
  EXPECT_THAT(one_too_many.take(), IsEmpty());
  run(std::chrono::milliseconds{300});
  EXPECT_THAT(one_too_many.take(), ElementsAre("CONNACK server_busy", "closed peer_closed"));
  run(std::chrono::seconds{2});
  EXPECT_THAT(connect(packet("c")).take(), ElementsAre("CONNACK success"));
}

}  // namespace
}  // namespace dunlin::transport
