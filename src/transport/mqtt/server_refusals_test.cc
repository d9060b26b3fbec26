// What the server refuses is told once, as what it is and of whom; what the authenticator refuses is not told
// again.
#include "transport/mqtt/server.h"
#include "transport/mqtt/server_fixture.h"

namespace dunlin::transport {
namespace {

using mqtt::ProtocolVersion;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::RawClient;

class ServerRefusals : public testing::ServerTest, public RefusalSink {
 protected:
  void SetUp() override {
    refusals = this;
    start(2, {.max_packet_bytes = 5000, .connect_deadline = std::chrono::seconds{2}});
  }
  void refused(const Refusal& refusal) override {
    const bool proven = refusal.identity == Refusal::Identity::proven;
    told.push_back(std::string(refusal_kind_name(refusal.kind)) + " " + std::string(refusal.address) + " " +
                   std::string(refusal.device) + std::string(refusal.user) + (proven ? " proven" : ""));
    reasons.emplace_back(refusal.reason);
  }
  std::vector<std::string> take_told() { return std::exchange(told, {}); }
  std::vector<std::string> told;
  std::vector<std::string> reasons;
};

TEST_F(ServerRefusals, WhatIsWrongBeforeASession) {
  dial();
  run(std::chrono::seconds{3});
  EXPECT_THAT(take_told(), ElementsAre("connect_timeout device "));
  RawClient& garbage = dial();
  garbage.connection->write(std::string_view("\x10\xff\xff\xff\xff\xff"));
  settle();
  EXPECT_THAT(take_told(), ElementsAre("malformed device "));
  dial().send(mqtt::Pingreq{});
  settle();
  EXPECT_THAT(take_told(), ElementsAre("protocol_error device "));
  connect(packet("banned"));
  EXPECT_THAT(take_told(), ElementsAre("connect_denied device banned"));
}

TEST_F(ServerRefusals, WhatTheAuthenticatorRefusesIsToldByIt) {
  mqtt::Connect wrong = packet("press-01");
  wrong.user_name = "press-01";
  wrong.password = as_bytes("wrong");
  RawClient& client = connect(wrong);
  EXPECT_THAT(client.take(), ElementsAre("CONNACK bad_user_name_or_password", "closed peer_closed"));
  EXPECT_THAT(take_told(), IsEmpty());
}

TEST_F(ServerRefusals, EveryPublishAndFilterThatIsNotAllowed) {
  kind = PrincipalKind::device;
  RawClient& client = connected("press-01");
  for (std::uint16_t i = 1; i <= 3; ++i) client.publish("forbidden/a", "x", 1, i);
  client.publish("forbidden/b", "x");
  client.subscribe("forbidden/#");
  client.publish("allowed", "x", 1, 9);
  settle();
  EXPECT_THAT(take_told(),
              ElementsAre("publish_denied device press-01 proven", "publish_denied device press-01 proven",
                          "publish_denied device press-01 proven", "publish_denied device press-01 proven",
                          "subscribe_denied device press-01 proven"));
  EXPECT_EQ(reasons[0], "may not publish to forbidden/a");
  EXPECT_EQ(reasons[3], "may not publish to forbidden/b");
  EXPECT_EQ(reasons[4], "may not subscribe to forbidden/#");
}

TEST_F(ServerRefusals, WhatIsWrongInASession) {
  kind = PrincipalKind::user;
  RawClient& twice = connected("user-ada");
  twice.send(packet("user-ada"));
  settle();
  EXPECT_THAT(take_told(), ElementsAre("protocol_error device user-ada"));
  kind = PrincipalKind::device;
  RawClient& large = connected("press-01");
  large.publish("allowed", std::string(6000, 'x'));
  settle();
  EXPECT_THAT(take_told(), ElementsAre("packet_too_large device press-01 proven"));
}

TEST_F(ServerRefusals, AnEndThatIsNobodysFaultIsNotTold) {
  kind = PrincipalKind::device;
  mqtt::Connect silent = packet("press-01");
  silent.keep_alive = 1;
  connect(silent);
  RawClient& other = connected("press-02");
  other.send(mqtt::Disconnect{});
  server->drain({});
  connect(packet("press-03"));
  run(std::chrono::seconds{5});
  EXPECT_THAT(take_told(), IsEmpty());
}

}  // namespace
}  // namespace dunlin::transport
