// Section 3.1: CONNECT, but for sessions and wills.

#include "fixture.h"

namespace dunlin::conformance {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// MQTT 3.1.1: 3.1.0-1; 5.0: 3.1.0-1.
TEST_P(Both, TheFirstPacketMustBeConnect) {
  for (const Bytes& first :
       {pingreq(), publish(version(), {}), subscribe(version(), 1, {{"t"}}), disconnect(version())})
    EXPECT_THAT(answer(open(version()), first), ElementsAre("closed"));
}

// MQTT 3.1.1: 3.1.0-2, 4.8.0-1; 5.0: 3.1.0-2, 4.13.1-1, 4.13.2-1.
TEST_P(Both, ASecondConnectEndsTheConnection) {
  Wire& wire = online(version(), "c");
  EXPECT_EQ(answer(wire, connect(version(), {.client_id = "c"})), refusal(version(), "82"));
}

// MQTT 3.1.1: 3.1.2-1; 5.0: 3.1.2-1.
TEST_P(Both, AnotherProtocolNameIsNotServed) {
  for (const std::string name : {"mqtt", "MQTX", "", "HTTP"})
    EXPECT_THAT(got(dial(version(), {.protocol_name = name})), ElementsAre("closed"));
}

// MQTT 3.1.1: 3.1.2-2.
TEST_F(Mqtt3, AnotherProtocolLevelIsAnswered) {
  // 0x84 is 3.1.1 from a bridge (mosquitto marks itself so).
  for (const unsigned level : {0U, 1U, 2U, 3U, 0x82U, 0x83U, 0x85U})
    EXPECT_THAT(got(dial(kV3, {.level = level})), ElementsAre("CONNACK 01", "closed")) << level;
  EXPECT_THAT(got(dial(kV3, {.protocol_name = "MQIsdp", .level = 3})), ElementsAre("CONNACK 01", "closed"));
}

// MQTT 5.0: 3.1.2-2.
TEST_F(Mqtt5, AHigherProtocolVersionIsAnswered) {
  for (const unsigned level : {6U, 7U, 127U})
    EXPECT_EQ(got(dial(kV5, {.level = level})), connack_refusal("84")) << level;
}

// MQTT 3.1.1: 3.1.2-3; 5.0: 3.1.2-3.
TEST_P(Both, TheReservedConnectFlagMustBeZero) {
  EXPECT_EQ(got(dial(version(), {.extra_flags = 1})), v5() ? connack_refusal("81") : Lines{"closed"});
}

// MQTT 3.1.1: 3.1.2-9, 3.1.2-11, 3.1.2-13, 3.1.2-14, 3.1.2-15, 3.1.4-1; 5.0: 3.1.2-9, 3.1.2-11, 3.1.2-12, 3.1.2-13,
// 3.1.4-1.
TEST_P(Both, WillFlagsMustFitTogether) {
  const Lines expected = v5() ? connack_refusal("81") : Lines{"closed"};
  EXPECT_EQ(got(dial(version(), {.extra_flags = 0x08})), expected) << "QoS 1 without a will";
  EXPECT_EQ(got(dial(version(), {.extra_flags = 0x10})), expected) << "QoS 2 without a will";
  EXPECT_EQ(got(dial(version(), {.extra_flags = 0x20})), expected) << "retain without a will";
  EXPECT_EQ(got(dial(version(), {.will = Will{.qos = 3}})), expected) << "QoS 3";
  EXPECT_EQ(got(dial(version(), {.extra_flags = 0x04})), expected) << "a will flag without its fields";
  EXPECT_THAT(got(dial(version(), {.will = Will{.qos = 2, .retain = true}})), ElementsAre("CONNACK 00"));
}

// MQTT 3.1.1: 3.1.2-18, 3.1.2-19, 3.1.2-20, 3.1.2-21, 3.1.3-1, 3.1.3-3; 5.0: 3.1.2-16, 3.1.2-17, 3.1.2-18, 3.1.2-19,
// 3.1.3-1, 3.1.3-3.
TEST_P(Both, TheFieldsAreThoseThatTheFlagsName) {
  const Lines expected = v5() ? connack_refusal("81") : Lines{"closed"};
  EXPECT_EQ(got(dial(version(), {.extra_flags = 0x80})), expected) << "a user name flag without its field";
  EXPECT_EQ(got(dial(version(), {.user_name = "u", .extra_flags = 0x40})), expected)
      << "a password flag without its field";
  // A field that no flag names.
  for (const unsigned keep_only : {0x02U, 0x82U}) {
    Bytes bytes = connect(version(), {.user_name = "u", .password = "p"});
    bytes[9] = static_cast<char>(keep_only);
    EXPECT_EQ(answer(open(version()), bytes), expected) << keep_only;
  }
  // No client identifier at all: the body ends behind keep alive (and the properties).
  const Bytes head =
      field("MQTT") + u8(static_cast<unsigned>(version())) + u8(2) + u16(0) + (v5() ? u8(0) : Bytes());
  EXPECT_EQ(answer(open(version()), packet(0x10, head)), expected);
  // In the right order each is understood: the will is published, and the user name belongs to the session.
  Wire& watch = subscriber(version(), "watch", "last/word", 0);
  Wire& wire = dial(version(), {.client_id = "full",
                                .will = Will{.topic = "last/word", .payload = "bye"},
                                .user_name = "user",
                                .password = "secret"});
  EXPECT_THAT(got(wire), ElementsAre("CONNACK 00"));
  cut(wire);
  EXPECT_THAT(got(watch), ElementsAre("PUBLISH last/word=bye q0"));
}

// MQTT 3.1.1: 3.1.2-22.
TEST_F(Mqtt3, APasswordNeedsAUserName) {
  EXPECT_THAT(got(dial(kV3, {.password = "p"})), ElementsAre("closed"));
  EXPECT_THAT(got(dial(kV3, {.user_name = "u", .password = "p"})), ElementsAre("CONNACK 00"));
}

// MQTT 5.0: 3.1.2-19.
TEST_F(Mqtt5, APasswordNeedsNoUserName) {
  EXPECT_THAT(got(dial(kV5, {.password = "p"})), ElementsAre("CONNACK 00"));
  EXPECT_EQ(got(dial(kV5, {.password = "wrong"})), connack_refusal("86"));
}

// MQTT 3.1.1: 3.1.2-24; 5.0: 3.1.2-22, 3.2.2-22.
TEST_P(Both, SilenceOfOneAndAHalfKeepAlivesEndsTheConnection) {
  Wire& watch = subscriber(version(), "watch", "will", 0);
  Wire& wire = online(version(), {.keep_alive = 10, .will = Will{}});
  run(std::chrono::milliseconds{14'800});
  EXPECT_THAT(got(wire), IsEmpty());
  run(std::chrono::milliseconds{400});
  EXPECT_EQ(got(wire), refusal(version(), "8d"));
  EXPECT_THAT(got(watch), ElementsAre("PUBLISH will=gone q0")) << "as if the network had failed";
  // Any packet counts.
  Wire& talker = online(version(), {.client_id = "talker", .keep_alive = 10});
  for (int i = 0; i < 6; ++i) {
    run(std::chrono::seconds{12});
    talker.send(i % 2 == 0 ? pingreq() : publish(version(), {}));
  }
  EXPECT_FALSE(talker.closed());
  // Zero: none.
  Wire& quiet = online(version(), {.client_id = "quiet", .keep_alive = 0});
  run(std::chrono::hours{20});
  EXPECT_FALSE(quiet.closed());
}

// MQTT 3.1.1: 3.1.3-5; 5.0: 3.1.3-5.
TEST_P(Both, ClientIdentifiersOfPlainCharactersAreTaken) {
  const std::string all = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_THAT(got(dial(version(), {.client_id = all.substr(i, 1)})), ElementsAre("CONNACK 00"));
    EXPECT_THAT(got(dial(version(), {.client_id = all.substr(i, 23)})), ElementsAre("CONNACK 00"));
  }
}

// MQTT 3.1.1: 3.1.3-6.
TEST_F(Mqtt3, AnEmptyClientIdentifierIsReplaced) {
  Wire& one = online(kV3, {.client_id = ""});
  Wire& other = online(kV3, {.client_id = ""});
  settle();
  EXPECT_FALSE(one.closed()) << "the second has an identifier of its own";
  subscribe_to(one, "t", 0);
  EXPECT_THAT(answer(other, publish(kV3, {.qos = 1, .id = 1})), ElementsAre("PUBACK 1"));
  EXPECT_THAT(got(one), ElementsAre("PUBLISH t=p q0"));
}

// MQTT 5.0: 3.1.3-6, 3.1.3-7, 3.2.2-16.
TEST_F(Mqtt5, AnEmptyClientIdentifierIsReplacedAndTold) {
  std::string first;
  for (const bool clean : {true, false}) {
    Wire& wire = dial(
        kV5,
        {.client_id = "", .clean = clean, .user_name = "u", .properties = property::session_expiry(100)});
    EXPECT_THAT(got(wire), ElementsAre("CONNACK 00"));
    ASSERT_EQ(wire.properties[0x12].size(), 1U);
    const std::string assigned = wire.properties[0x12][0];
    EXPECT_FALSE(assigned.empty());
    EXPECT_NE(assigned, first);
    first = assigned;
    cut(wire);
    // Under the identifier that it was told it finds its session again.
    Connect again = lasting(kV5, assigned);
    again.user_name = "u";
    EXPECT_THAT(got(dial(kV5, again)), ElementsAre("CONNACK 00 present"));
  }
  Wire& named = dial(kV5, {.client_id = "mine"});
  got(named);
  EXPECT_FALSE(named.properties.contains(0x12));
}

// MQTT 3.1.1: 3.1.3-7, 3.1.3-8, 3.1.3-9.
TEST_F(Mqtt3, AnEmptyClientIdentifierKeepsNoSession) {
  EXPECT_THAT(got(dial(kV3, {.client_id = "", .clean = false})), ElementsAre("CONNACK 02", "closed"));
  EXPECT_THAT(got(dial(kV3, {.client_id = std::string(hub::kMaxClientIdBytes + 1, 'c')})),
              ElementsAre("CONNACK 02", "closed"));
}

// MQTT 5.0: 3.1.3-8.
TEST_F(Mqtt5, AClientIdentifierThatIsNotTakenIsToldSo) {
  EXPECT_EQ(got(dial(kV5, {.client_id = std::string(hub::kMaxClientIdBytes + 1, 'c')})),
            connack_refusal("85"));
}

// MQTT 3.1.1: 3.1.4-2, 3.1.3-2; 5.0: 3.1.4-3, 3.1.3-2.
TEST_P(Both, ASecondConnectionOfAClientEndsTheFirst) {
  Wire& first = online(version(), "c");
  Wire& bystander = online(version(), "d");
  Wire& second = online(version(), "c");
  EXPECT_EQ(got(first), refusal(version(), "8e"));
  EXPECT_THAT(answer(second, pingreq()), ElementsAre("PINGRESP"));
  EXPECT_THAT(answer(bystander, pingreq()), ElementsAre("PINGRESP"));
}

// MQTT 3.1.1: 3.1.4-4, 3.2.0-1; 5.0: 3.1.4-5, 3.2.0-1, 3.2.0-2.
TEST_P(Both, ConnackComesFirstAndOnce) {
  Wire& back = subscriber(version(), lasting(version(), "back"), "t", 1);
  cut(back);
  online(version(), "p").send(publish(version(), {.qos = 1, .id = 1}));
  settle();
  // A message waits, and the client asks at once: still the CONNACK is the first packet.
  Wire& wire = open(version());
  wire.send(connect(version(), lasting(version(), "back")) + pingreq() + subscribe(version(), 3, {{"u"}}));
  const Lines lines = got(wire);
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_EQ(lines[0], "CONNACK 00 present");
  run(std::chrono::seconds{30});
  EXPECT_EQ(std::ranges::count_if(wire.raw, [](const Bytes& one) { return (one[0] & 0xf0) == 0x20; }), 1);
}

// MQTT 3.1.1: 3.1.4-5; 5.0: 3.1.4-6.
TEST_P(Both, NothingBehindARefusedConnectIsDone) {
  Wire& watch = subscriber(version(), "watch", "#", 0);
  Wire& wire = open(version());
  wire.send(connect(version(), {.user_name = "u", .password = "wrong"}) + publish(version(), {.topic = "a"}) +
            publish(version(), {.topic = "kept", .retain = true}));
  EXPECT_THAT(got(wire), ElementsAre(v5() ? "CONNACK 86" : "CONNACK 04", "closed"));
  EXPECT_THAT(got(watch), IsEmpty());
  subscribe_to(watch, "kept", 0);
  EXPECT_THAT(got(watch), IsEmpty());
}

// MQTT 5.0: 3.1.4-2, 3.2.2-6, 3.2.2-7, 3.2.2-8, 3.14.0-1.
TEST_F(Mqtt5, EveryRefusalIsACodeOfConnackAndThenTheEnd) {
  EXPECT_EQ(got(dial(kV5, {.user_name = "u", .password = "wrong"})), connack_refusal("86"));
  EXPECT_EQ(got(dial(kV5, {.client_id = "banned"})), connack_refusal("87"));
  EXPECT_EQ(got(dial(kV5, {.will = Will{.topic = "forbidden/w"}})), connack_refusal("87"));
  EXPECT_EQ(got(dial(kV5, {.properties = property::receive_maximum(0)})), connack_refusal("82"));
  EXPECT_EQ(got(dial(kV5, {.properties = property::session_expiry(1) + property::session_expiry(1)})),
            connack_refusal("82"));
  EXPECT_EQ(got(dial(kV5, {.properties = property::topic_alias(1)})), connack_refusal("81"))
      << "a property of another packet";
  // With a session to be had: a refusal still says that there is none.
  Wire& mine = online(kV5, lasting(kV5, "mine"));
  cut(mine);
  Connect thief = lasting(kV5, "mine");
  thief.user_name = "mallory";
  EXPECT_EQ(got(dial(kV5, thief)), connack_refusal("87"));
}

// MQTT 3.1.1: 3.2.2-4, 3.2.2-5, 3.2.2-6.
TEST_F(Mqtt3, EveryRefusalIsAReturnCodeAndThenTheEnd) {
  EXPECT_THAT(got(dial(kV3, {.user_name = "u", .password = "wrong"})), ElementsAre("CONNACK 04", "closed"));
  EXPECT_THAT(got(dial(kV3, {.client_id = "banned"})), ElementsAre("CONNACK 05", "closed"));
  Wire& mine = online(kV3, lasting(kV3, "mine"));
  cut(mine);
  Connect thief = lasting(kV3, "mine");
  thief.user_name = "mallory";
  EXPECT_THAT(got(dial(kV3, thief)), ElementsAre("CONNACK 05", "closed"));
  // No return code says that something is wrong within the server.
  EXPECT_THAT(got(dial(kV3, {.user_name = "u", .password = "broken"})), ElementsAre("closed"));
  // No room for another session: one is kept from above.
  start(1, {}, hub::Limits{.sessions = 1});
  EXPECT_THAT(got(dial(kV3, {.client_id = "second"})), ElementsAre("CONNACK 03", "closed"));
}

// MQTT 5.0: 3.1.2-28, 3.2.2-19, 3.2.2-20.
TEST_F(Mqtt5, NoResponseInformationIsGivenUnasked) {
  for (const unsigned wish : {0U, 1U}) {
    Wire& wire = dial(kV5, {.properties = property::request_response_information(wish)});
    EXPECT_THAT(got(wire), ElementsAre("CONNACK 00"));
    EXPECT_FALSE(wire.properties.contains(0x1a)) << "this server has none to give";
    EXPECT_FALSE(wire.properties.contains(0x1c)) << "and no other server to name";
  }
  EXPECT_EQ(got(dial(kV5, {.properties = property::request_response_information(2)})), connack_refusal("82"));
  start(2, transport::ServerLimits{.response_information = "answers/{client_id}"});
  for (const bool asked : {false, true}) {
    Wire& wire = dial(kV5, {.properties = asked ? property::request_response_information(1) : Bytes()});
    EXPECT_THAT(got(wire), ElementsAre("CONNACK 00"));
    EXPECT_EQ(wire.properties.contains(0x1a), asked);
  }
}

// MQTT 5.0: 3.1.2-29.
TEST_F(Mqtt5, NoProblemInformationIsGivenWhenNotWanted) {
  Wire& wire = online(kV5, {.properties = property::request_problem_information(0)});
  const auto plain = [&](const Bytes& bytes, const std::string& line) {
    EXPECT_THAT(answer(wire, bytes), ElementsAre(line));
    EXPECT_TRUE(wire.properties.empty()) << line;
  };
  plain(publish(kV5, {.topic = "forbidden/a", .qos = 1, .id = 1}), "PUBACK 1 87");
  plain(publish(kV5, {.topic = "forbidden/a", .qos = 2, .id = 2}), "PUBREC 2 87");
  plain(pubrel(9), "PUBCOMP 9 92");
  plain(pubrec(9), "PUBREL 9 92");
  plain(subscribe(kV5, 3, {{"forbidden/a"}}), "SUBACK 3 [87]");
  plain(unsubscribe(kV5, 4, {"none"}), "UNSUBACK 4 [11]");
}

// MQTT 5.0: 3.2.2-1, 3.2.2-9, 3.2.2-13.
TEST_F(Mqtt5, ConnackTellsWhatThisServerOffers) {
  Wire& wire = dial(kV5, {});
  EXPECT_THAT(got(wire), ElementsAre("CONNACK 00"));
  EXPECT_EQ(wire.raw[0][2], 0) << "the other seven flags are reserved";
  EXPECT_EQ(wire.properties[0x21], std::vector<std::string>{"100"});
  EXPECT_EQ(wire.properties[0x22], std::vector<std::string>{"10"});
  EXPECT_EQ(wire.properties[0x27], std::vector<std::string>{std::to_string(1024 * 1024)});
  for (const unsigned absent : {0x24U, 0x25U})
    EXPECT_FALSE(wire.properties.contains(absent)) << "all QoS, and retained messages";
  for (unsigned qos = 0; qos < 3; ++qos) {
    EXPECT_THAT(answer(wire, subscribe(kV5, 1, {{"q", qos}})),
                ElementsAre("SUBACK 1 [0" + std::to_string(qos) + "]"));
  }
}

// MQTT 5.0: 3.2.2-21, 3.1.2-21.
TEST_F(Mqtt5, AKeepAliveThatTheServerSetsIsToldAndHolds) {
  start(2, transport::ServerLimits{.keep_alive_seconds = 20});
  for (const unsigned wish : {0U, 60U}) {
    Wire& wire = dial(kV5, {.keep_alive = wish});
    EXPECT_THAT(got(wire), ElementsAre("CONNACK 00"));
    EXPECT_EQ(wire.properties[0x13], std::vector<std::string>{"20"});
    run(std::chrono::seconds{31});
    EXPECT_EQ(got(wire), refusal(kV5, "8d"));
  }
  Wire& shorter = dial(kV5, {.keep_alive = 5});
  got(shorter);
  EXPECT_FALSE(shorter.properties.contains(0x13));
}

// MQTT 5.0: 4.12.0-1, 4.12.0-4.
TEST_F(Mqtt5, AnUnknownAuthenticationMethodIsRefused) {
  EXPECT_EQ(got(dial(kV5, {.properties = property::authentication_method("X-NONE")})), connack_refusal("8c"));
  EXPECT_EQ(got(dial(kV5, {.properties = property::authentication_data("x")})), connack_refusal("82"))
      << "data without a method";
}

// MQTT 5.0: 4.12.0-6, 4.12.0-7, 3.15.1-1.
TEST_F(Mqtt5, WithoutAMethodThereIsNoAuth) {
  Wire& wire = dial(kV5, {});
  EXPECT_THAT(got(wire), ElementsAre("CONNACK 00"));
  EXPECT_FALSE(wire.properties.contains(0x15));
  const Bytes method = property::authentication_method("X");
  const Lines lines =
      answer(wire, packet(0xf0, u8(0x19) + variable(static_cast<unsigned>(method.size())) + method));
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_TRUE(lines[0].starts_with("DISCONNECT 8")) << lines[0];
  EXPECT_EQ(answer(online(kV5, "d"),
                   packet(0xf1, u8(0x18) + variable(static_cast<unsigned>(method.size())) + method)),
            refusal(kV5, "81"));
}

}  // namespace
}  // namespace dunlin::conformance
