#include "transport/mqtt/server.h"

#include "transport/mqtt/server_fixture.h"

namespace dunlin::transport {
namespace {

using mqtt::PacketType;
using mqtt::ProtocolVersion;
using mqtt::ReasonCode;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::RawClient;
using ::testing::UnorderedElementsAre;

class Server : public testing::ServerTest {
 protected:
  void SetUp() override { start(3); }
  void disconnect(RawClient& client, ReasonCode reason = ReasonCode::normal_disconnection) {
    client.send(mqtt::Disconnect{reason, {}});
    settle();
  }
};

TEST_F(Server, AnnouncesItsLimits) {
  start(2, ServerLimits{.keep_alive_seconds = 60, .session_expiry_seconds = 3600});
  mqtt::Connect wish = packet("");
  wish.keep_alive = 120;
  wish.properties.session_expiry_interval = hub::kNeverExpires;
  RawClient& client = dial();
  client.quiet_connack = false;
  client.send(wish);
  settle();
  EXPECT_THAT(client.take(), ElementsAre("CONNACK success receive=100 aliases=10 keep_alive=60 expiry=3600"));
  EXPECT_TRUE(client.assigned.starts_with("auto-"));
}

TEST_F(Server, AnAbsentClientIdIsChosenByWhoAuthenticates) {
  chosen_client_id = "press-01/4711";
  start(2);
  RawClient& client = dial();
  client.send(packet(""));
  settle();
  EXPECT_EQ(client.assigned, "press-01/4711");
}

TEST_F(Server, DeliversAcrossVersionsAndShards) {
  RawClient& from = connected("p");
  std::vector<RawClient*> subscribers;
  for (int i = 0; i < 6; ++i) {
    const auto version = i % 2 ? ProtocolVersion::v5 : ProtocolVersion::v3_1_1;
    subscribers.push_back(&connected("s" + std::to_string(i), version));
    subscribers.back()->subscribe("a/+", 2);
    settle();
    EXPECT_THAT(subscribers.back()->take(), ElementsAre("SUBACK 1 2"));
  }
  from.publish("a/b", "zero", 0);
  settle();
  from.publish("a/b", "one", 1, 7);
  settle();
  from.publish("a/b", "two", 2, 8);
  settle();
  EXPECT_THAT(from.take(), ElementsAre("PUBACK 7", "PUBREC 8"));
  from.ack(PacketType::pubrel, 8);
  settle();
  EXPECT_THAT(from.take(), ElementsAre("PUBCOMP 8"));
  for (RawClient* client : subscribers) {
    EXPECT_THAT(client->take(),
                ElementsAre("PUBLISH a/b=zero q0", "PUBLISH a/b=one q1 id1", "PUBLISH a/b=two q2 id2"));
    client->ack(PacketType::puback, 1);
    client->ack(PacketType::pubrec, 2);
    settle();
    EXPECT_THAT(client->take(), ElementsAre("PUBREL 2"));
    client->ack(PacketType::pubcomp, 2);
  }
  settle();
  EXPECT_EQ(world->metrics.value("dunlin_mqtt_messages_sent_total"), 18);
  EXPECT_EQ(world->metrics.value("dunlin_mqtt_connections"), 7);
}

TEST_F(Server, LargePayloadsAndPropertiesPass) {
  RawClient& from = connected("p");
  RawClient& to = connected("s");
  const mqtt::Subscription subscription{.filter = "#", .qos = mqtt::QoS::at_least_once};
  to.send(mqtt::Subscribe{
      5, mqtt::Subscriptions(std::span(&subscription, 1)), {.subscription_identifier = 9, .user = {}}});
  settle();
  to.take();
  const mqtt::UserProperty user{"k", "v"};
  mqtt::Publish rich;
  rich.topic = "t";
  const std::string body(100'000, 'x');
  rich.payload = as_bytes(body);
  rich.properties.response_topic = "answer";
  rich.properties.correlation_data = as_bytes("c1");
  rich.properties.message_expiry_interval = 60;
  rich.properties.user = mqtt::UserProperties(std::span(&user, 1));
  from.send(rich);
  settle();
  EXPECT_THAT(to.take(),
              ElementsAre("PUBLISH t=" + body + " q0 sub9 expiry=60 response=answer correlation=c1 k:v"));
}

TEST_F(Server, RefusesAtConnect) {
  mqtt::Connect wrong = packet("c");
  wrong.user_name = "u";
  wrong.password = as_bytes("wrong");
  EXPECT_THAT(connect(wrong).take(), ElementsAre("CONNACK bad_user_name_or_password", "closed peer_closed"));
  wrong.version = ProtocolVersion::v3_1_1;
  EXPECT_THAT(connect(wrong).take(), ElementsAre("CONNACK bad_user_name_or_password", "closed peer_closed"));
  EXPECT_THAT(connect(packet("banned")).take(), ElementsAre("CONNACK not_authorized", "closed peer_closed"));
  mqtt::Connect enhanced = packet("c");
  enhanced.properties.authentication_method = "SCRAM";
  EXPECT_THAT(connect(enhanced).take(),
              ElementsAre("CONNACK bad_authentication_method", "closed peer_closed"));
  mqtt::Connect will = packet("c");
  will.will = mqtt::Will{};
  will.will->topic = "forbidden/x";
  EXPECT_THAT(connect(will).take(), ElementsAre("CONNACK not_authorized", "closed peer_closed"));
  EXPECT_THAT(connect(packet(std::string(hub::kMaxClientIdBytes + 1, 'c'))).take(),
              ElementsAre("CONNACK client_identifier_not_valid", "closed peer_closed"));
  connected("mine");
  mqtt::Connect thief = packet("mine");
  thief.user_name = "mallory";
  EXPECT_THAT(connect(thief).take(), ElementsAre("CONNACK not_authorized", "closed peer_closed"));
  EXPECT_GT(world->metrics.value("dunlin_mqtt_refusals_total", {{"reason", "not_authorized"}}), 0);
}

TEST_F(Server, ClosesWhatDoesNotSpeakMqtt) {
  RawClient& garbage = dial();
  garbage.connection->write(std::string_view("GET / HTTP/1.1\r\n\r\n"));
  settle();
  EXPECT_TRUE(garbage.closed);
  RawClient& early = dial();
  early.publish("a", "b");
  settle();
  EXPECT_THAT(early.take(), ElementsAre("closed peer_closed"));
  RawClient& silent = dial();
  run(ServerLimits{}.connect_deadline + std::chrono::seconds{1});
  EXPECT_TRUE(silent.closed);
  RawClient& twice = connected("c");
  twice.send(packet("c"));
  settle();
  EXPECT_THAT(twice.take(), ElementsAre("DISCONNECT protocol_error", "closed peer_closed"));
  RawClient& method = connected("c");
  mqtt::Auth auth{ReasonCode::reauthenticate, {}};
  auth.properties.authentication_method = "SCRAM";
  method.send(auth);
  settle();
  EXPECT_THAT(method.take(), ElementsAre("DISCONNECT protocol_error", "closed peer_closed"))
      << "no method was agreed in the CONNECT";
}

TEST_F(Server, PipelinedPacketsAfterConnectAreKept) {
  RawClient& watcher = connected("w");
  watcher.subscribe("#");
  settle();
  watcher.take();
  for (int i = 0; i < 5; ++i) {
    RawClient& eager = dial();
    eager.send(packet("eager" + std::to_string(i)));
    eager.publish("a", std::to_string(i));
    eager.send(mqtt::Disconnect{});
    settle();
  }
  EXPECT_THAT(watcher.take(), ElementsAre("PUBLISH a=0 q0", "PUBLISH a=1 q0", "PUBLISH a=2 q0",
                                          "PUBLISH a=3 q0", "PUBLISH a=4 q0"));
}

TEST_F(Server, AuthorizesPublishAndSubscribe) {
  RawClient& v5 = connected("p");
  v5.publish("forbidden/a", "x", 1, 1);
  v5.publish("forbidden/a", "x", 2, 2);
  v5.publish("forbidden/a", "x", 0);
  v5.subscribe("forbidden/#", 1, 3);
  settle();
  EXPECT_THAT(v5.take(), ElementsAre("PUBACK 1 not_authorized", "PUBREC 2 not_authorized", "SUBACK 3 135"));
  RawClient& v3 = connected("q", ProtocolVersion::v3_1_1);
  v3.publish("forbidden/a", "x", 1, 1);
  v3.subscribe("forbidden/#", 1, 3);
  settle();
  EXPECT_THAT(v3.take(), ElementsAre("PUBACK 1", "SUBACK 3 128"));
  EXPECT_EQ(world->metrics.value("dunlin_mqtt_dropped_total", {{"reason", "not_authorized"}}), 4);
  const std::size_t before = authorizations;
  for (int i = 0; i < 10; ++i) v5.publish("a/b", "x");
  settle();
  run(std::chrono::minutes{1});
  v5.publish("a/b", "x");
  settle();
  EXPECT_EQ(authorizations, before + 1) << "the answer is remembered";
}

TEST_F(Server, ASecondConnectOfAnUnknownVersionWasAnsweredWithAReasonThatDisconnectHasNot) {
  RawClient& client = connected("c");
  // Also found by the session fuzzer: no name of a protocol, version 9.
  const std::vector<std::uint8_t> connect{0x10, 0x0a, 0, 4, 'M', 'Q', 'T', 'T', 9, 2, 0, 0};
  client.connection->write(ByteView(connect));
  settle();
  EXPECT_THAT(client.take(), ElementsAre("DISCONNECT protocol_error", "closed peer_closed"));
}

TEST_F(Server, SubscribeReasons) {
  RawClient& client = connected("c");
  client.subscribe("$share/g/forbidden/#", 1, 1);
  client.subscribe("a/#", 2, 2);
  settle();
  EXPECT_THAT(client.take(), ElementsAre("SUBACK 1 135", "SUBACK 2 2"));
  const std::vector<std::string_view> filters{"a/#", "b"};
  client.send(mqtt::Unsubscribe{4, mqtt::TopicFilters(filters), {}});
  settle();
  EXPECT_THAT(client.take(), ElementsAre("UNSUBACK 4 0 17"));
  client.publish("a/b", "x");
  settle();
  EXPECT_THAT(client.take(), IsEmpty());
}

TEST_F(Server, SharedSubscriptions) {
  RawClient& first = connected("a");
  RawClient& second = connected("b", ProtocolVersion::v3_1_1);
  for (RawClient* client : {&first, &second}) client->subscribe("$share/g/a/#", 1, 1);
  settle();
  EXPECT_THAT(first.take(), ElementsAre("SUBACK 1 1"));
  EXPECT_THAT(second.take(), ElementsAre("SUBACK 1 1"));
  RawClient& from = connected("p");
  for (std::uint16_t id = 1; id <= 4; ++id) from.publish("a/b", "x", 1, id);
  settle();
  EXPECT_EQ(first.take().size(), 2U);
  EXPECT_EQ(second.take().size(), 2U);
}

TEST_F(Server, TopicAliases) {
  RawClient& from = connected("p");
  RawClient& to = connected("s");
  to.subscribe("#");
  settle();
  to.take();
  mqtt::Publish publish;
  publish.topic = "long/topic";
  publish.properties.topic_alias = 10;
  from.send(publish);
  publish.topic = "";
  from.send(publish);
  settle();
  EXPECT_THAT(to.take(), ElementsAre("PUBLISH long/topic= q0", "PUBLISH long/topic= q0"));
  publish.properties.topic_alias = 9;
  from.send(publish);
  settle();
  EXPECT_THAT(from.take(), ElementsAre("DISCONNECT topic_alias_invalid", "closed peer_closed"));
  RawClient& past = connected("p");
  publish.topic = "x";
  publish.properties.topic_alias = 11;
  past.send(publish);
  settle();
  EXPECT_THAT(past.take(), ElementsAre("DISCONNECT topic_alias_invalid", "closed peer_closed"));
}

TEST_F(Server, RefusesMoreThanTheReceiveMaximum) {
  start(1, ServerLimits{.receive_maximum = 20});
  RawClient& client = connected("p");
  for (std::uint16_t id = 1; id <= 20; ++id) client.publish("a", "x", 2, id);
  settle();
  EXPECT_EQ(client.take().size(), 20U);
  client.publish("a", "x", 2, 21);
  settle();
  EXPECT_THAT(client.take(), ElementsAre("DISCONNECT receive_maximum_exceeded", "closed peer_closed"));
}

TEST_F(Server, PausesAnOldClientInsteadOfRefusing) {
  start(1, ServerLimits{.v3_inbound_in_flight = 4});
  RawClient& client = connected("p", ProtocolVersion::v3_1_1);
  for (std::uint16_t id = 1; id <= 50; ++id) client.publish("a", "x", 1, id);
  run(std::chrono::seconds{1});
  EXPECT_EQ(client.take().size(), 50U);
}

TEST_F(Server, PacketSizesAreHonouredBothWays) {
  start(1, ServerLimits{.max_packet_bytes = 1000});
  mqtt::Connect small = packet("s");
  small.properties.maximum_packet_size = 40;
  RawClient& to = connect(small);
  to.take();
  to.subscribe("#", 1);
  RawClient& from = connected("p");
  settle();
  to.take();
  from.publish("a", std::string(100, 'x'), 1, 1);
  from.publish("a", "fits", 1, 2);
  settle();
  EXPECT_THAT(to.take(), ElementsAre("PUBLISH a=fits q1 id2"));
  EXPECT_EQ(world->metrics.value("dunlin_mqtt_dropped_total", {{"reason", "packet_too_large"}}), 1);
  from.take();
  from.publish("a", std::string(1000, 'x'), 0);
  settle();
  EXPECT_THAT(from.take(), ElementsAre("DISCONNECT packet_too_large", "closed peer_closed"));
}

TEST_F(Server, KeepAliveAndWill) {
  RawClient& watcher = connected("w");
  watcher.subscribe("will/#");
  mqtt::Connect wish = packet("c");
  wish.keep_alive = 10;
  wish.will = mqtt::Will{
      .topic = "will/c", .payload = as_bytes("gone"), .qos = mqtt::QoS::at_least_once, .properties = {}};
  RawClient& client = connect(wish);
  run(std::chrono::seconds{14});
  client.send(mqtt::Pingreq{});
  settle();
  EXPECT_THAT(client.take(), ElementsAre("CONNACK success", "PINGRESP"));
  watcher.take();
  run(std::chrono::seconds{14});
  EXPECT_FALSE(client.closed);
  run(std::chrono::seconds{2});
  EXPECT_THAT(client.take(), ElementsAre("DISCONNECT keep_alive_timeout", "closed peer_closed"));
  EXPECT_THAT(watcher.take(), ElementsAre("PUBLISH will/c=gone q0"));
  RawClient& polite = connect(wish);
  disconnect(polite);
  EXPECT_THAT(watcher.take(), IsEmpty());
  RawClient& testament = connect(wish);
  disconnect(testament, ReasonCode::disconnect_with_will_message);
  EXPECT_THAT(watcher.take(), ElementsAre("PUBLISH will/c=gone q0"));
  RawClient& cut = connect(wish);
  cut.connection->abort();
  settle();
  EXPECT_THAT(watcher.take(), ElementsAre("PUBLISH will/c=gone q0"));
}

TEST_F(Server, WillDelayEndsWithTheSession) {
  RawClient& watcher = connected("w");
  watcher.subscribe("will");
  settle();
  watcher.take();
  mqtt::Connect wish = packet("c");
  wish.properties.session_expiry_interval = 2;
  wish.will = mqtt::Will{};
  wish.will->topic = "will";
  wish.will->properties.will_delay_interval = 100;
  connect(wish).connection->abort();
  run(std::chrono::milliseconds{1900});
  EXPECT_THAT(watcher.take(), IsEmpty());
  run(std::chrono::milliseconds{300});
  EXPECT_THAT(watcher.take(), ElementsAre("PUBLISH will= q0"));
}

TEST_F(Server, SessionsAreResumedAndTakenOver) {
  mqtt::Connect wish = packet("c");
  wish.clean_start = false;
  wish.properties.session_expiry_interval = 100;
  RawClient& first = connect(wish);
  first.subscribe("a", 1);
  settle();
  EXPECT_THAT(first.take(), ElementsAre("CONNACK success", "SUBACK 1 1"));
  RawClient& publisher = connected("p");
  publisher.publish("a", "1", 1, 1);
  settle();
  EXPECT_THAT(first.take(), ElementsAre("PUBLISH a=1 q1 id1"));
  RawClient& second = connect(wish);
  EXPECT_THAT(first.take(), ElementsAre("DISCONNECT session_taken_over", "closed peer_closed"));
  EXPECT_THAT(second.take(), ElementsAre("CONNACK success present", "PUBLISH a=1 q1 dup id1"));
  second.connection->abort();
  settle();
  publisher.publish("a", "2", 1, 2);
  settle();
  RawClient& third = connect(wish);
  EXPECT_THAT(third.take(),
              ElementsAre("CONNACK success present", "PUBLISH a=1 q1 dup id1", "PUBLISH a=2 q1 id2"));
  mqtt::Disconnect end{};
  end.properties.session_expiry_interval = 0;
  third.send(end);
  settle();
  EXPECT_THAT(connect(wish).take(), ElementsAre("CONNACK success"));
  RawClient& liar = connected("liar");
  end.properties.session_expiry_interval = 10;
  liar.send(end);
  settle();
  EXPECT_THAT(liar.take(), ElementsAre("DISCONNECT protocol_error", "closed peer_closed"));
}

TEST_F(Server, OldPersistentSessions) {
  mqtt::Connect wish = packet("c", ProtocolVersion::v3_1_1);
  wish.clean_start = false;
  RawClient& first = connect(wish);
  first.subscribe("a", 2);
  settle();
  EXPECT_THAT(first.take(), ElementsAre("CONNACK success", "SUBACK 1 2"));
  disconnect(first);
  RawClient& publisher = connected("p");
  publisher.publish("a", "kept", 1, 1);
  settle();
  EXPECT_THAT(connect(wish).take(), ElementsAre("CONNACK success present", "PUBLISH a=kept q1 id1"));
}

TEST_F(Server, RetainedMessagesFollowTheSuback) {
  RawClient& publisher = connected("p");
  publisher.publish("r/1", "one", 1, 1, true);
  publisher.publish("r/2", "two", 0, 0, true);
  settle();
  RawClient& client = connected("c");
  client.subscribe("r/+", 1);
  settle();
  const auto lines = client.take();
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_EQ(lines[0], "SUBACK 1 1");
  EXPECT_THAT(lines, UnorderedElementsAre("SUBACK 1 1", "PUBLISH r/1=one q1 retain id1",
                                          "PUBLISH r/2=two q0 retain"));
  publisher.publish("r/1", "", 1, 2, true);
  settle();
  client.take();
  RawClient& late = connected("late");
  late.subscribe("r/#");
  settle();
  EXPECT_THAT(late.take(), ElementsAre("SUBACK 1 0", "PUBLISH r/2=two q0 retain"));
}

TEST_F(Server, MessageExpiryCountsDown) {
  mqtt::Connect wish = packet("c");
  wish.clean_start = false;
  wish.properties.session_expiry_interval = 1000;
  RawClient& first = connect(wish);
  first.subscribe("a", 1);
  settle();
  first.connection->abort();
  settle();
  RawClient& publisher = connected("p");
  mqtt::Publish publish;
  publish.topic = "a";
  publish.qos = mqtt::QoS::at_least_once;
  for (const std::uint32_t expiry : {5U, 60U}) {
    publish.packet_id = static_cast<std::uint16_t>(expiry);
    publish.properties.message_expiry_interval = expiry;
    publisher.send(publish);
  }
  run(std::chrono::seconds{10});
  EXPECT_THAT(connect(wish).take(), ElementsAre("CONNACK success present", "PUBLISH a= q1 id1 expiry=50"));
}

TEST_F(Server, SlowReceiversHoldBackAcknowledgements) {
  start(1, {}, hub::Limits{.online_messages = 3});
  mqtt::Connect narrow = packet("s");
  narrow.properties.receive_maximum = 1;
  RawClient& to = connect(narrow);
  to.subscribe("a", 1);
  RawClient& from = connected("p");
  settle();
  to.take();
  for (std::uint16_t id = 1; id <= 8; ++id) {
    from.publish("a", std::to_string(id), 1, id);
    settle();
  }
  EXPECT_EQ(from.take().size(), 4U) << "the rest is taken but not answered";
  for (std::uint16_t id = 1; id <= 8; ++id) {
    to.ack(PacketType::puback, id);
    settle();
  }
  EXPECT_EQ(from.take().size(), 4U);
  EXPECT_EQ(to.take().size(), 8U) << "nothing is lost";
}

TEST_F(Server, UnknownAcknowledgementsAreAnswered) {
  RawClient& client = connected("c");
  client.ack(PacketType::pubrel, 9);
  client.ack(PacketType::pubrec, 10);
  client.ack(PacketType::puback, 11);
  client.ack(PacketType::pubcomp, 12);
  settle();
  EXPECT_THAT(client.take(),
              ElementsAre("PUBCOMP 9 packet_identifier_not_found", "PUBREL 10 packet_identifier_not_found"));
}

TEST_F(Server, EndsSessionsOnRequestAndAtShutdown) {
  RawClient& a = connected("a");
  RawClient& b = connected("b");
  hub().end_sessions(kDefaultTenant, "a", "the certificate was revoked");
  settle();
  EXPECT_THAT(a.take(), ElementsAre("DISCONNECT administrative_action", "closed peer_closed"));
  bool stopped = false;
  hub().stop(*world->executors[0], [&](Result<void>) { stopped = true; });
  settle();
  EXPECT_TRUE(stopped);
  EXPECT_THAT(b.take(), ElementsAre("DISCONNECT server_shutting_down", "closed peer_closed"));
}

TEST_F(Server, SurvivesChunksAndResets) {
  network.set_default_link({.chunks = net::VirtualChunks::random, .max_chunk = 7});
  RawClient& from = connected("p");
  RawClient& to = connected("s");
  to.subscribe("#", 1);
  settle();
  to.take();
  for (std::uint16_t id = 1; id <= 50; ++id) from.publish("a/b/c", std::string(id, 'y'), 1, id);
  run(std::chrono::seconds{2});
  EXPECT_EQ(from.take().size(), 50U);
  EXPECT_EQ(to.take().size(), 50U);
  network.reset_some(1.0);
  settle();
  EXPECT_EQ(world->metrics.value("dunlin_mqtt_connections"), 0);
  EXPECT_EQ(world->metrics.value("dunlin_hub_sessions"), 0);
}

}  // namespace
}  // namespace dunlin::transport
