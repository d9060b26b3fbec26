// Draining: what clients are told, how it is spread, and that it ends.

#include "transport/mqtt/server.h"
#include "transport/mqtt/server_fixture.h"

namespace dunlin::transport {
namespace {

using mqtt::ProtocolVersion;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::RawClient;

class ServerDrain : public testing::ServerTest {
 protected:
  void SetUp() override { start(2); }
  std::size_t open() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(clients, [](const auto& one) { return !one->closed; }));
  }
};

TEST_F(ServerDrain, TellsClientsWhereToGo) {
  RawClient& v5 = connected("a");
  RawClient& v3 = connected("b", ProtocolVersion::v3_1_1);
  server->drain({.reference = "other.example:8883"});
  settle();
  EXPECT_THAT(v5.take(),
              ElementsAre("DISCONNECT use_another_server to=other.example:8883", "closed peer_closed"));
  EXPECT_THAT(v3.take(), ElementsAre("closed peer_closed"));
  EXPECT_THAT(connect(packet("c")).take(),
              ElementsAre("CONNACK use_another_server to=other.example:8883", "closed peer_closed"));
  EXPECT_THAT(connect(packet("d", ProtocolVersion::v3_1_1)).take(),
              ElementsAre("CONNACK server_unavailable", "closed peer_closed"));
  EXPECT_EQ(world->metrics.value("dunlin_mqtt_redirected_total"), 4);
  EXPECT_GT(world->metrics.value("dunlin_mqtt_draining"), 0);
  ASSERT_NE(server->draining(), nullptr);
  EXPECT_EQ(server->draining()->reference, "other.example:8883");
}

TEST_F(ServerDrain, ForGoodAndWithoutAnAddress) {
  RawClient& client = connected("a");
  server->drain({.lasts = DrainOptions::Lasts::for_good});
  settle();
  EXPECT_THAT(client.take(), ElementsAre("DISCONNECT server_moved", "closed peer_closed"));
}

TEST_F(ServerDrain, IsSpreadOverTheTime) {
  for (int i = 0; i < 100; ++i) connected("c" + std::to_string(i));
  server->drain({.reference = "x", .spread = std::chrono::seconds{10}});
  run(std::chrono::seconds{5});
  EXPECT_NEAR(static_cast<double>(open()), 50.0, 8.0);
  run(std::chrono::milliseconds{4700});
  EXPECT_GT(open(), 0U);
  run(std::chrono::milliseconds{500});
  EXPECT_EQ(open(), 0U);
}

TEST_F(ServerDrain, ResumeKeepsWhoIsStillThereAndTakesNewOnes) {
  for (int i = 0; i < 40; ++i) connected("c" + std::to_string(i));
  server->drain({.reference = "x", .spread = std::chrono::seconds{10}});
  run(std::chrono::seconds{5});
  server->resume();
  run(std::chrono::seconds{20});
  EXPECT_GT(open(), 10U);
  EXPECT_EQ(server->draining(), nullptr);
  EXPECT_EQ(world->metrics.value("dunlin_mqtt_draining"), 0);
  connected("new");
}

TEST_F(ServerDrain, WhoAuthenticatesMeanwhileIsToldToo) {
  RawClient& client = dial();
  server->drain({.reference = "x"});
  client.send(packet("late"));
  settle();
  EXPECT_THAT(client.take(), ElementsAre("CONNACK use_another_server to=x", "closed peer_closed"));
  EXPECT_EQ(world->metrics.value("dunlin_hub_sessions"), 0);
}

TEST_F(ServerDrain, WillsAreSentAsAfterAnyEndButTheClientsOwn) {
  server->drain({.reference = "x", .spread = std::chrono::seconds{1}});
  server->resume();
  RawClient& watcher = connected("w");
  watcher.subscribe("will/#");
  mqtt::Connect testament = packet("c");
  testament.properties.session_expiry_interval = 100;
  testament.will = mqtt::Will{};
  testament.will->topic = "will/c";
  testament.will->properties.will_delay_interval = 5;
  RawClient& client = connect(testament);
  client.take();
  watcher.take();
  server->drain({.reference = "x", .spread = std::chrono::milliseconds{1}});
  run(std::chrono::seconds{1});
  EXPECT_TRUE(client.closed);
  server->resume();
  settle();
  RawClient& late = connected("late");
  late.subscribe("will/#");
  run(std::chrono::seconds{3});
  EXPECT_THAT(late.take(), ElementsAre("SUBACK 1 0")) << "its delay runs";
  run(std::chrono::seconds{2});
  EXPECT_THAT(late.take(), ElementsAre("PUBLISH will/c= q0"));
}

}  // namespace
}  // namespace dunlin::transport
