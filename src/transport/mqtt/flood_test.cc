// Connections that never send a CONNECT, and an honest client that goes on.

#include <gtest/gtest.h>

#include "transport/mqtt/server_fixture.h"

namespace dunlin::transport {
namespace {

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

}  // namespace
}  // namespace dunlin::transport
