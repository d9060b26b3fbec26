// Enhanced authentication, MQTT 5.0 section 4.12, with a method of the test's own.

#include "transport/mqtt/server.h"
#include "transport/mqtt/server_fixture.h"

namespace dunlin::transport {
namespace {

using mqtt::ProtocolVersion;
using mqtt::ReasonCode;
using ::testing::ElementsAre;
using testing::RawClient;
using ::testing::UnorderedElementsAre;

/// The method "COUNT": the client says a name, is asked "more?" and answers "right".
class ServerAuth : public testing::ServerTest {
 protected:
  struct Name final : hub::EnhancedState {
    explicit Name(std::string text) : name(std::move(text)) {}
    std::string name;
  };
  void SetUp() override {
    enhanced_method = [this](hub::EnhancedStep step, hub::EnhancedAnswered done) {
      client_executor.post([step = std::move(step), done = std::move(done)]() mutable {
        if (step.method != "COUNT") return done(fail(Errc::unsupported, "no such method"));
        if (!step.state) {
          auto name = std::make_unique<Name>(step.data);
          return done(hub::EnhancedAnswer{"more?", nullptr, std::move(name)});
        }
        if (step.data == "again") return done(hub::EnhancedAnswer{"more?", nullptr, std::move(step.state)});
        if (step.data != "right") return done(fail(Errc::unauthenticated, "not right"));
        auto principal = std::make_shared<Principal>();
        principal->name = static_cast<Name&>(*step.state).name;
        principal->client_id = step.credentials.client_id;
        done(hub::EnhancedAnswer{"well done", principal, nullptr});
      });
    };
    start(3);
  }
  static void auth(RawClient& client, ReasonCode reason, std::string_view data,
                   std::string_view method = "COUNT") {
    mqtt::Auth packet{reason, {}};
    packet.properties.authentication_method = method;
    packet.properties.authentication_data = as_bytes(data);
    client.send(packet);
  }
  static void answer(RawClient& client, std::string_view data) {
    auth(client, ReasonCode::continue_authentication, data);
  }
  RawClient& begin(std::string_view client_id, std::string_view method = "COUNT") {
    mqtt::Connect wish = packet(client_id);
    wish.properties.authentication_method = method;
    wish.properties.authentication_data = as_bytes(std::string_view("anna"));
    return connect(wish);
  }
  RawClient& proven(std::string_view client_id) {
    RawClient& client = begin(client_id);
    answer(client, "right");
    settle();
    EXPECT_THAT(client.take(), ElementsAre("AUTH continue_authentication COUNT more?",
                                           "CONNACK success method=COUNT data=well done"));
    return client;
  }
};

TEST_F(ServerAuth, AnExchangeOpensTheSession) {
  for (const char* id : {"a", "b", "c", "d"}) {  // on every shard
    RawClient& client = proven(id);
    client.subscribe("x");
    settle();
    client.publish("x", "1");
    settle();
    EXPECT_THAT(client.take(), ElementsAre("SUBACK 1 0", "PUBLISH x=1 q0"));
  }
}

TEST_F(ServerAuth, PacketsBehindTheLastAnswerAreKept) {
  RawClient& client = begin("a");
  answer(client, "right");
  client.publish("x", "1", 1, 1);
  client.send(mqtt::Pingreq{});
  settle();
  EXPECT_THAT(client.take(),
              UnorderedElementsAre("AUTH continue_authentication COUNT more?",
                                   "CONNACK success method=COUNT data=well done", "PUBACK 1", "PINGRESP"));
}

TEST_F(ServerAuth, RefusesAtConnect) {
  EXPECT_THAT(begin("a", "OTHER").take(),
              ElementsAre("CONNACK bad_authentication_method", "closed peer_closed"));
  RawClient& wrong = begin("a");
  wrong.take();
  answer(wrong, "wrong");
  settle();
  EXPECT_THAT(wrong.take(), ElementsAre("CONNACK bad_user_name_or_password", "closed peer_closed"));
  RawClient& early = begin("a");
  early.take();
  early.publish("x", "1");
  settle();
  EXPECT_THAT(early.take(), ElementsAre("CONNACK protocol_error", "closed peer_closed"));
  RawClient& other = begin("a");
  other.take();
  auth(other, ReasonCode::continue_authentication, "right", "OTHER");
  settle();
  EXPECT_THAT(other.take(), ElementsAre("CONNACK protocol_error", "closed peer_closed"));
  RawClient& again = begin("a");
  again.take();
  auth(again, ReasonCode::reauthenticate, "right");
  settle();
  EXPECT_THAT(again.take(), ElementsAre("CONNACK protocol_error", "closed peer_closed"));
  RawClient& leaving = begin("a");
  leaving.take();
  leaving.send(mqtt::Disconnect{});
  settle();
  EXPECT_THAT(leaving.take(), ElementsAre("closed peer_closed"));
}

TEST_F(ServerAuth, TimeAndStepsAreBounded) {
  RawClient& silent = begin("a");
  silent.take();
  run(ServerLimits{}.connect_deadline + std::chrono::seconds{1});
  EXPECT_TRUE(silent.closed);
  RawClient& endless = begin("a");
  for (unsigned i = 0; i < kMaxAuthenticationSteps; ++i) {
    answer(endless, "again");
    settle();
  }
  const auto lines = endless.take();
  ASSERT_GE(lines.size(), 2U);
  EXPECT_EQ(lines[lines.size() - 2], "CONNACK protocol_error");
  EXPECT_EQ(world->metrics.value("dunlin_hub_sessions"), 0);
}

TEST_F(ServerAuth, AuthenticatesAgainDuringTheSession) {
  RawClient& client = proven("a");
  client.subscribe("x");
  settle();
  auth(client, ReasonCode::reauthenticate, "anna");
  client.publish("x", "meanwhile");
  settle();
  answer(client, "right");
  settle();
  EXPECT_THAT(client.take(),
              ElementsAre("SUBACK 1 0", "PUBLISH x=meanwhile q0", "AUTH continue_authentication COUNT more?",
                          "AUTH success COUNT well done"));
  run(ServerLimits{}.connect_deadline + std::chrono::seconds{1});
  EXPECT_FALSE(client.closed) << "the deadline has gone with the success";
  auth(client, ReasonCode::reauthenticate, "anna");
  settle();
  answer(client, "wrong");
  settle();
  EXPECT_THAT(client.take(), ElementsAre("AUTH continue_authentication COUNT more?",
                                         "DISCONNECT not_authorized", "closed peer_closed"));
}

TEST_F(ServerAuth, RefusesAuthenticationInTheWrongState) {
  RawClient& nothing = proven("a");
  answer(nothing, "right");
  settle();
  EXPECT_THAT(nothing.take(), ElementsAre("DISCONNECT protocol_error", "closed peer_closed"));
  RawClient& method = proven("a");
  auth(method, ReasonCode::reauthenticate, "anna", "OTHER");
  settle();
  EXPECT_THAT(method.take(), ElementsAre("DISCONNECT protocol_error", "closed peer_closed"));
  RawClient& twice = proven("a");
  auth(twice, ReasonCode::reauthenticate, "anna");
  auth(twice, ReasonCode::reauthenticate, "anna");
  settle();
  EXPECT_THAT(twice.take(), ElementsAre("DISCONNECT protocol_error", "closed peer_closed"));
  RawClient& slow = proven("a");
  auth(slow, ReasonCode::reauthenticate, "anna");
  run(ServerLimits{}.connect_deadline + std::chrono::seconds{1});
  EXPECT_THAT(slow.take(), ElementsAre("AUTH continue_authentication COUNT more?",
                                       "DISCONNECT not_authorized", "closed peer_closed"));
  RawClient& thief = proven("a");
  auth(thief, ReasonCode::reauthenticate, "bert");
  settle();
  answer(thief, "right");
  settle();
  EXPECT_THAT(thief.take(), ElementsAre("AUTH continue_authentication COUNT more?",
                                        "DISCONNECT not_authorized", "closed peer_closed"));
}

TEST_F(ServerAuth, WhoLeavesInTheMiddleLeavesNothing) {
  begin("a").connection->abort();
  RawClient& open = proven("b");
  auth(open, ReasonCode::reauthenticate, "anna");
  open.connection->abort();
  settle();
  run(ServerLimits{}.connect_deadline + std::chrono::seconds{1});
  EXPECT_EQ(world->metrics.value("dunlin_mqtt_connections"), 0);
}

}  // namespace
}  // namespace dunlin::transport
