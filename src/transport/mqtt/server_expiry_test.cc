// Connections end when what their client has shown expires.

#include "transport/mqtt/server.h"
#include "transport/mqtt/server_fixture.h"

namespace dunlin::transport {
namespace {

using mqtt::ProtocolVersion;
using std::chrono::hours;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::RawClient;

class ServerExpiry : public testing::ServerTest {
 protected:
  void SetUp() override { start(2); }
  void proofs_last(Duration time) { proof_ends = unix_milliseconds(client_executor.wall_now() + time); }
  std::int64_t ended() { return world->metrics.value("dunlin_mqtt_proofs_expired_total", {}); }
};

TEST_F(ServerExpiry, AConnectionEndsWithItsProofAndIsTold) {
  proofs_last(seconds{10});
  RawClient& v5 = connected("five");
  RawClient& v3 = connected("three", ProtocolVersion::v3_1_1);
  proofs_last(hours{3});
  RawClient& later = connected("later");
  proof_ends = 0;
  RawClient& lasting = connected("lasting");
  run(seconds{9});
  EXPECT_THAT(v5.take(), IsEmpty());
  run(seconds{2});
  EXPECT_THAT(v5.take(), ElementsAre("DISCONNECT maximum_connect_time", "closed peer_closed"));
  EXPECT_THAT(v3.take(), ElementsAre("closed peer_closed"));
  EXPECT_EQ(ended(), 2);
  run(hours{2});
  EXPECT_FALSE(later.closed);
  run(hours{1});
  EXPECT_TRUE(later.closed);
  EXPECT_FALSE(lasting.closed);
  EXPECT_EQ(ended(), 3);
}

TEST_F(ServerExpiry, TheSessionIsThereForWhoComesBackWithANewProof) {
  mqtt::Connect wish = packet("c");
  wish.properties.session_expiry_interval = 3600;
  proofs_last(seconds{5});
  RawClient& first = connect(wish);
  first.subscribe("a/#", 1);
  run(seconds{6});
  EXPECT_TRUE(first.closed);
  proof_ends = 0;
  RawClient& other = connected("other");
  other.publish("a/1", "kept", 1, 7);
  settle();
  wish.clean_start = false;
  RawClient& second = connect(wish);
  const auto lines = second.take();
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_TRUE(lines[0].starts_with("CONNACK success present")) << lines[0];
  EXPECT_TRUE(lines[1].contains("kept")) << lines[1];
}

TEST_F(ServerExpiry, OfAProofThatEndsWhileTheSessionOpensNothingIsLeft) {
  proofs_last(-seconds{1});
  RawClient& client = connect(packet("late"));
  settle();
  EXPECT_TRUE(client.closed);
  EXPECT_EQ(ended(), 1);
}

TEST_F(ServerExpiry, ThousandsThatComeAndGoLeaveNothingBehind) {
  proofs_last(hours{24});
  RawClient& stays = connected("stays");
  for (int i = 0; i < 500; ++i) {
    connected("c").connection->close();
    settle();
  }
  proofs_last(seconds{3});
  RawClient& next = connected("next");
  run(seconds{4});
  EXPECT_TRUE(next.closed);
  EXPECT_FALSE(stays.closed);
  EXPECT_EQ(ended(), 1);
}

}  // namespace
}  // namespace dunlin::transport
