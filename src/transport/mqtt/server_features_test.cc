// What MQTT 5.0 offers beside delivery: aliases of the server, its keep alive, denied filters, Response
// Information.

#include "transport/mqtt/server.h"
#include "transport/mqtt/server_fixture.h"

namespace dunlin::transport {
namespace {

using mqtt::ProtocolVersion;
using mqtt::ReasonCode;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::RawClient;

class ServerFeatures : public testing::ServerTest {
 protected:
  void SetUp() override { start(1); }
  RawClient& subscriber_with_aliases(std::uint16_t maximum) {
    mqtt::Connect wish = packet("s");
    wish.properties.topic_alias_maximum = maximum;
    RawClient& client = connect(wish);
    client.subscribe("#", 1);
    settle();
    client.take();
    return client;
  }
};

TEST_F(ServerFeatures, GivesTopicAliases) {
  RawClient& to = subscriber_with_aliases(10);
  RawClient& other = connected("other");
  other.subscribe("#");
  RawClient& from = connected("p");
  settle();
  other.take();
  for (int i = 0; i < 3; ++i) from.publish("plant/a", std::to_string(i), i == 2 ? 1 : 0, i == 2 ? 1 : 0);
  from.publish("plant/b", "x");
  from.publish("abc", "short");
  settle();
  EXPECT_THAT(to.take(),
              ElementsAre("PUBLISH plant/a=0 q0 alias1", "PUBLISH =1 q0 alias1",
                          "PUBLISH plant/b=x q0 alias2", "PUBLISH abc=short q0", "PUBLISH =2 q1 id1 alias1"));
  EXPECT_THAT(other.take(),
              ElementsAre("PUBLISH plant/a=0 q0", "PUBLISH plant/a=1 q0", "PUBLISH plant/b=x q0",
                          "PUBLISH abc=short q0", "PUBLISH plant/a=2 q0"));
  EXPECT_EQ(world->metrics.value("dunlin_mqtt_topics_left_out_total"), 2);
}

TEST_F(ServerFeatures, NeverMoreAliasesThanTheClientOrTheServerAllows) {
  start(1, ServerLimits{.outbound_topic_aliases = 1});
  RawClient& to = subscriber_with_aliases(10);
  RawClient& from = connected("p");
  from.publish("plant/a", "1");
  from.publish("plant/b", "2");
  from.publish("plant/a", "3");
  settle();
  EXPECT_THAT(to.take(),
              ElementsAre("PUBLISH plant/a=1 q0 alias1", "PUBLISH plant/b=2 q0", "PUBLISH =3 q0 alias1"));
  start(1, ServerLimits{.outbound_topic_aliases = 0});
  RawClient& none = subscriber_with_aliases(10);
  connected("p").publish("plant/a", "1");
  settle();
  EXPECT_THAT(none.take(), ElementsAre("PUBLISH plant/a=1 q0"));
}

TEST_F(ServerFeatures, AnAliasLastsAsLongAsItsConnection) {
  mqtt::Connect wish = packet("s");
  wish.clean_start = false;
  wish.properties.session_expiry_interval = 100;
  wish.properties.topic_alias_maximum = 5;
  RawClient& first = connect(wish);
  first.subscribe("#", 1);
  settle();
  RawClient& from = connected("p");
  from.publish("plant/a", "1", 1, 1);
  from.publish("plant/a", "2", 1, 2);
  settle();
  EXPECT_THAT(first.take(), ElementsAre("CONNACK success", "SUBACK 1 1", "PUBLISH plant/a=1 q1 id1 alias1",
                                        "PUBLISH =2 q1 id2 alias1"));
  EXPECT_THAT(connect(wish).take(),
              ElementsAre("CONNACK success present", "PUBLISH plant/a=1 q1 dup id1 alias1",
                          "PUBLISH =2 q1 dup id2 alias1"));
}

TEST_F(ServerFeatures, APacketThatIsTooLargeMakesNoAliasKnown) {
  mqtt::Connect wish = packet("s");
  wish.properties.topic_alias_maximum = 5;
  wish.properties.maximum_packet_size = 40;
  RawClient& to = connect(wish);
  to.subscribe("#", 1);
  settle();
  to.take();
  RawClient& from = connected("p");
  from.publish("plant/a", std::string(50, 'x'));
  from.publish("plant/a", "fits");
  settle();
  EXPECT_THAT(to.take(), ElementsAre("PUBLISH plant/a=fits q0 alias1"));
  EXPECT_EQ(world->metrics.value("dunlin_mqtt_dropped_total", {{"reason", "packet_too_large"}}), 1);
}

TEST_F(ServerFeatures, CutsTheKeepAlive) {
  start(1, ServerLimits{.keep_alive_seconds = 60});
  for (const auto& [wished, line] : std::vector<std::pair<std::uint16_t, std::string>>{
           {120, " keep_alive=60"}, {0, " keep_alive=60"}, {60, ""}, {30, ""}}) {
    RawClient& client = dial();
    client.quiet_connack = false;
    mqtt::Connect wish = packet("c");
    wish.keep_alive = wished;
    client.send(wish);
    settle();
    const auto lines = client.take();
    ASSERT_EQ(lines.size(), 1U);
    EXPECT_EQ(lines[0].find("keep_alive") != std::string::npos, !line.empty()) << lines[0];
    EXPECT_NE(lines[0].find(line), std::string::npos) << lines[0];
  }
  mqtt::Connect old = packet("old", ProtocolVersion::v3_1_1);
  RawClient& silent = connect(old);
  run(std::chrono::seconds{89});
  EXPECT_FALSE(silent.closed);
  run(std::chrono::seconds{2});
  EXPECT_TRUE(silent.closed) << "MQTT 3.1.1 cannot be told, but is held to it";
}

TEST_F(ServerFeatures, RefusesDeniedFilters) {
  start(1, ServerLimits{.denied_filters = {"test/nosubscribe", "secret/#"}});
  RawClient& v5 = connected("a");
  RawClient& v3 = connected("b", ProtocolVersion::v3_1_1);
  for (RawClient* client : {&v5, &v3}) {
    std::uint16_t id = 1;
    for (const char* filter : {"test/nosubscribe", "secret/+/x", "secret", "test/+", "#"})
      client->subscribe(filter, 1, id++);
    settle();
  }
  EXPECT_THAT(v5.take(),
              ElementsAre("SUBACK 1 135", "SUBACK 2 135", "SUBACK 3 135", "SUBACK 4 1", "SUBACK 5 1"));
  EXPECT_THAT(v3.take(),
              ElementsAre("SUBACK 1 128", "SUBACK 2 128", "SUBACK 3 128", "SUBACK 4 1", "SUBACK 5 1"));
}

TEST_F(ServerFeatures, TellsWhereAnswersMayGo) {
  start(1, ServerLimits{.response_information = "answers/{client_id}"});
  mqtt::Connect wish = packet("c1");
  EXPECT_EQ(connect(wish).response_information, "") << "not asked for";
  wish.properties.request_response_information = true;
  EXPECT_EQ(connect(wish).response_information, "answers/c1");
  wish.client_id = "c/+";
  EXPECT_EQ(connect(wish).response_information, "") << "would be somebody else's topics";
  start(1);
  wish.client_id = "c1";
  EXPECT_EQ(connect(wish).response_information, "");
}

TEST_F(ServerFeatures, AReasonStringGivesWayToTheMaximumPacketSize) {
  mqtt::Connect wish = packet("c");
  wish.properties.maximum_packet_size = 30;
  RawClient& client = connect(wish);
  client.take();
  client.send(packet("c"));
  settle();
  EXPECT_THAT(client.take(), ElementsAre("DISCONNECT protocol_error", "closed peer_closed"));
}

TEST_F(ServerFeatures, AClientThatCannotTakeItsConnackIsClosed) {
  mqtt::Connect wish = packet("");
  wish.properties.maximum_packet_size = 22;
  EXPECT_THAT(connect(wish).take(), ElementsAre("CONNACK packet_too_large", "closed peer_closed"))
      << "the assigned id is longer";
  EXPECT_EQ(world->metrics.value("dunlin_hub_sessions"), 0);
}

TEST_F(ServerFeatures, OneDeliveryWithAllIdentifiers) {
  RawClient& to = connected("s");
  std::uint32_t identifier = 7;
  for (const char* filter : {"a/+", "a/#", "#"}) {
    const mqtt::Subscription one{.filter = filter, .qos = static_cast<mqtt::QoS>(identifier - 7)};
    to.send(mqtt::Subscribe{static_cast<std::uint16_t>(identifier),
                            mqtt::Subscriptions(std::span(&one, 1)),
                            {.subscription_identifier = identifier, .user = {}}});
    ++identifier;
  }
  settle();
  to.take();
  connected("p").publish("a/b", "x", 2, 1);
  settle();
  const auto lines = to.take();
  ASSERT_EQ(lines.size(), 1U);
  for (const char* part : {"PUBLISH a/b=x q2", " sub7", " sub8", " sub9"})
    EXPECT_NE(lines[0].find(part), std::string::npos) << lines[0];
}

TEST_F(ServerFeatures, WillDelayIsKeptToTheTenthOfASecond) {
  RawClient& watcher = connected("w");
  watcher.subscribe("will");
  settle();
  watcher.take();
  mqtt::Connect wish = packet("c");
  wish.properties.session_expiry_interval = 100;
  wish.will = mqtt::Will{};
  wish.will->topic = "will";
  wish.will->properties.will_delay_interval = 1;
  connect(wish).connection->abort();
  run(std::chrono::milliseconds{950});
  EXPECT_THAT(watcher.take(), IsEmpty());
  run(std::chrono::milliseconds{150});
  EXPECT_THAT(watcher.take(), ElementsAre("PUBLISH will= q0"));
}

}  // namespace
}  // namespace dunlin::transport
