// Flow control, sizes, PING, DISCONNECT and errors: sections 3.12 to 3.14, 4.2, 4.9 and 4.13 (3.1.1: 4.8).

#include "fixture.h"

namespace dunlin::conformance {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// MQTT 3.1.1: 3.12.4-1; 5.0: 3.12.4-1.
TEST_P(Both, APingIsAnswered) {
  Wire& wire = online(version(), "c");
  EXPECT_THAT(answer(wire, pingreq()), ElementsAre("PINGRESP"));
  EXPECT_EQ(wire.raw.back(), Bytes("\xd0\x00", 2));
  EXPECT_THAT(answer(wire, pingreq() + pingreq()), ElementsAre("PINGRESP", "PINGRESP"));
}

// MQTT 5.0: 3.3.4-9, 4.9.0-1, 4.9.0-2.
TEST_F(Mqtt5, NoMoreThanTheReceiveMaximumIsUnderWay) {
  Wire& to = subscriber(kV5, {.client_id = "s", .properties = property::receive_maximum(3)}, "t", 2);
  Wire& from = online(kV5, "p");
  for (unsigned i = 1; i <= 6; ++i)
    from.send(publish(kV5, {.payload = std::to_string(i), .qos = 1 + i % 2, .id = i}));
  from.send(publish(kV5, {.payload = "zero"}));
  const Lines first = got(to);
  EXPECT_EQ(std::ranges::count_if(first, [](const std::string& line) { return line.contains(" id"); }), 3);
  EXPECT_THAT(first, ::testing::Contains("PUBLISH t=zero q0")) << "QoS 0 is not counted";
  EXPECT_THAT(answer(to, puback(2)), ElementsAre("PUBLISH t=4 q1 id4"));
  EXPECT_THAT(answer(to, pubrec(1)), ElementsAre("PUBREL 1")) << "PUBREC gives nothing back";
  EXPECT_THAT(answer(to, pubcomp(1)), ElementsAre("PUBLISH t=5 q2 id5"));
  EXPECT_THAT(answer(to, pubrec(3, 0x80)), ElementsAre("PUBLISH t=6 q1 id6")) << "a refusing PUBREC does";
}

// MQTT 5.0: 3.3.4-10, 4.9.0-3.
TEST_F(Mqtt5, AFullWindowHoldsBackNothingElse) {
  Wire& to = subscriber(kV5, {.client_id = "s", .properties = property::receive_maximum(1)}, "t", 2);
  Wire& from = online(kV5, "p");
  from.send(publish(kV5, {.qos = 1, .id = 1}));
  from.send(publish(kV5, {.qos = 1, .id = 2}));
  EXPECT_THAT(got(to), ElementsAre("PUBLISH t=p q1 id1"));
  EXPECT_THAT(answer(to, pingreq()), ElementsAre("PINGRESP"));
  EXPECT_THAT(answer(to, subscribe(kV5, 4, {{"u"}})), ElementsAre("SUBACK 4 [00]"));
  EXPECT_THAT(answer(to, unsubscribe(kV5, 5, {"u"})), ElementsAre("UNSUBACK 5 [00]"));
  EXPECT_THAT(answer(to, publish(kV5, {.topic = "v", .qos = 1, .id = 1})), ElementsAre("PUBACK 1"));
  EXPECT_THAT(answer(to, publish(kV5, {.topic = "v", .qos = 2, .id = 2})), ElementsAre("PUBREC 2"));
  EXPECT_THAT(answer(to, pubrel(2)), ElementsAre("PUBCOMP 2"));
}

// MQTT 5.0: 3.3.4-7.
TEST_F(Mqtt5, MoreThanTheAnnouncedReceiveMaximumIsRefused) {
  Wire& from = online(kV5, "p");
  for (unsigned i = 1; i <= 100; ++i) from.send(publish(kV5, {.qos = 2, .id = i}));
  EXPECT_EQ(got(from).size(), 100U);
  EXPECT_EQ(answer(from, publish(kV5, {.qos = 2, .id = 101})), refusal(kV5, "93"));
}

// MQTT 5.0: 3.1.2-24, 3.1.2-25.
TEST_F(Mqtt5, NothingLargerThanTheClientTakesIsSent) {
  const std::string fits(40 - 2 - 3 - 2 - 1, 'x');  // fixed header, topic, identifier, property length
  Wire& to = subscriber(
      kV5, {.client_id = "s", .properties = property::maximum_packet_size(40) + property::receive_maximum(2)},
      "t", 2);
  Wire& from = online(kV5, "p");
  from.send(publish(kV5, {.payload = fits, .qos = 1, .id = 1}));
  EXPECT_THAT(got(to), ElementsAre("PUBLISH t=" + fits + " q1 id1")) << "exactly the maximum";
  to.send(puback(1));
  for (unsigned i = 0; i < 8; ++i)
    from.send(publish(kV5, {.payload = fits + "y", .qos = 1 + i % 2, .id = 10 + i}));
  from.send(publish(kV5, {.payload = fits + "yyy"}));
  EXPECT_THAT(got(to), IsEmpty());
  from.send(publish(kV5, {.payload = "small", .qos = 1, .id = 2}));
  const Lines lines = got(to);
  ASSERT_EQ(lines.size(), 1U) << "as if they had been delivered: the window of two is free";
  EXPECT_TRUE(lines[0].starts_with("PUBLISH t=small q1")) << lines[0];
  EXPECT_FALSE(to.closed());
}

// MQTT 5.0: 3.1.2-24, 3.4.2-2, 3.4.2-3, 3.5.2-2, 3.5.2-3, 3.6.2-2, 3.6.2-3, 3.7.2-2, 3.7.2-3, 3.9.2-1, 3.9.2-2,
// 3.11.2-1, 3.11.2-2.
TEST_F(Mqtt5, AnswersFitIntoASmallPacket) {
  Wire& wire = online(kV5, {.client_id = "c", .properties = property::maximum_packet_size(32)});
  EXPECT_THAT(answer(wire, publish(kV5, {.topic = "forbidden/a", .qos = 1, .id = 1})),
              ElementsAre("PUBACK 1 87"));
  EXPECT_THAT(answer(wire, publish(kV5, {.topic = "forbidden/a", .qos = 2, .id = 2})),
              ElementsAre("PUBREC 2 87"));
  EXPECT_THAT(answer(wire, pubrec(9)), ElementsAre("PUBREL 9 92"));
  EXPECT_THAT(answer(wire, pubrel(9)), ElementsAre("PUBCOMP 9 92"));
  EXPECT_THAT(answer(wire, subscribe(kV5, 3, {{"forbidden/a"}})), ElementsAre("SUBACK 3 [87]"));
  EXPECT_THAT(answer(wire, unsubscribe(kV5, 4, {"none"})), ElementsAre("UNSUBACK 4 [11]"));
  for (const Bytes& one : wire.raw) EXPECT_LE(one.size(), 32U);
}

// MQTT 5.0: 3.14.2-3, 3.14.2-4, 3.14.2-1, 3.14.4-2.
TEST_F(Mqtt5, AReasonThatIsTooLongIsLeftOut) {
  Wire& small =
      online(kV5, {.client_id = "c", .keep_alive = 10, .properties = property::maximum_packet_size(40)});
  Wire& roomy = online(kV5, {.client_id = "d", .keep_alive = 10});
  run(std::chrono::seconds{16});
  EXPECT_EQ(got(small), refusal(kV5, "8d"));
  EXPECT_FALSE(small.properties.contains(0x1f));
  EXPECT_EQ(got(roomy), refusal(kV5, "8d"));
  EXPECT_TRUE(roomy.properties.contains(0x1f)) << "with room there is a reason";
  Wire& taken_over = online(kV5, {.client_id = "e", .properties = property::maximum_packet_size(40)});
  online(kV5, "e");
  EXPECT_EQ(got(taken_over), refusal(kV5, "8e"));
  // Of a refusal at CONNECT, too.
  const Bytes eight = property::maximum_packet_size(8);
  Wire& refused = dial(kV5, {.user_name = "u", .password = "wrong", .properties = eight});
  EXPECT_EQ(got(refused), connack_refusal("86"));
  EXPECT_FALSE(refused.properties.contains(0x1f));
}

// MQTT 5.0: 3.1.2-24.
TEST_F(Mqtt5, WhoTakesNotEvenTheConnackIsToldSo) {
  EXPECT_EQ(got(dial(kV5, {.properties = property::maximum_packet_size(8)})), connack_refusal("95"));
  EXPECT_THAT(got(dial(kV5, {.properties = property::maximum_packet_size(2)})), ElementsAre("closed"));
}

// MQTT 5.0: 3.2.2-15.
TEST_F(Mqtt5, APacketLargerThanAnnouncedIsRefused) {
  start(2, transport::ServerLimits{.max_packet_bytes = 1000});
  Wire& wire = online(kV5, "c");
  EXPECT_THAT(answer(wire, publish(kV5, {.payload = Bytes(1000 - 3 - 2 - 3 - 1, 'x'), .qos = 1, .id = 1})),
              ElementsAre("PUBACK 1"));
  EXPECT_EQ(answer(wire, publish(kV5, {.payload = Bytes(1000, 'x'), .qos = 1, .id = 1})), refusal(kV5, "95"));
}

// MQTT 3.1.1: 3.14.4-1, 3.14.4-2; 5.0: 3.14.4-1, 3.14.4-2.
TEST_P(Both, NothingBehindADisconnectIsDone) {
  Wire& watch = subscriber(version(), "watch", "t", 0);
  Wire& wire = online(version(), "c");
  wire.send(disconnect(version()) + publish(version(), {}) + pingreq());
  EXPECT_THAT(got(wire), ElementsAre("closed"));
  EXPECT_THAT(got(watch), IsEmpty());
  // Nor does the server say anything behind its own.
  Wire& fault = subscriber(version(), "d", "t", 0);
  fault.send(publish(version(), {.qos = 3, .id = 1}) + pingreq() + subscribe(version(), 1, {{"a"}}));
  watch.send(publish(version(), {}));
  EXPECT_EQ(got(fault), refusal(version(), "81"));
}

// MQTT 5.0: 3.14.2-1, 3.14.2-2, 3.14.1-1.
TEST_F(Mqtt5, ADisconnectIsChecked) {
  EXPECT_EQ(answer(online(kV5, "c"), disconnect(kV5, 0x8e)), refusal(kV5, "82"))
      << "a code that only a server sends";
  EXPECT_EQ(answer(online(kV5, "c"), disconnect(kV5, 0x03)), refusal(kV5, "82"));
  EXPECT_EQ(answer(online(kV5, "c"), disconnect(kV5, 0, property::session_expiry(5))), refusal(kV5, "82"))
      << "the session expiry was 0";
  Wire& wire = online(kV5, lasting(kV5, "e"));
  online(kV5, lasting(kV5, "e"));
  EXPECT_EQ(got(wire), refusal(kV5, "8e"));
  EXPECT_FALSE(wire.properties.contains(0x11)) << "a server does not name the session expiry";
}

// MQTT 3.1.1: 4.8.0-1; 5.0: 4.13.1-1, 4.13.2-1, 3.14.4-2.
TEST_P(Both, AMalformedPacketEndsTheConnection) {
  EXPECT_EQ(answer(online(version(), "c"), packet(0x00, "")), refusal(version(), "81")) << "type 0";
  EXPECT_EQ(answer(online(version(), "c"), packet(0x20, u16(0))), refusal(version(), "82")) << "a CONNACK";
  EXPECT_EQ(answer(online(version(), "c"), packet(0xd0, "")), refusal(version(), "82")) << "a PINGRESP";
  EXPECT_EQ(answer(online(version(), "c"), packet(0xc0, "x")), refusal(version(), "81"))
      << "a PINGREQ with a body";
  EXPECT_EQ(answer(online(version(), "c"), Bytes("\x30\xff\xff\xff\xff\x01")), refusal(version(), "81"))
      << "five bytes of length";
  EXPECT_EQ(answer(online(version(), "c"), packet(0x30, u16(9) + "t")), refusal(version(), "81"))
      << "a field past the end";
  EXPECT_EQ(answer(online(version(), "c"), packet(0x40, u8(0))), refusal(version(), "81"))
      << "half an identifier";
}

// MQTT 3.1.1: 7.1.1-1; 5.0: 4.2.0-1.
TEST_P(Both, BytesMayComeInAnyPieces) {
  network.set_default_link({.chunks = net::VirtualChunks::random, .max_chunk = 3});
  Wire& to = subscriber(version(), "s", "t/#", 2);
  Wire& from = online(version(), "p");
  Bytes all;
  for (unsigned i = 1; i <= 20; ++i)
    all +=
        publish(version(),
                {.topic = "t/" + std::to_string(i), .payload = Bytes(i * 7, 'x'), .qos = i % 2 + 1, .id = i});
  from.send(all);
  run(std::chrono::seconds{5});
  const Lines lines = got(to);
  ASSERT_EQ(lines.size(), 20U);
  for (unsigned i = 1; i <= 20; ++i)
    EXPECT_TRUE(lines[i - 1].starts_with("PUBLISH t/" + std::to_string(i) + "=" + Bytes(i * 7, 'x') + " "))
        << lines[i - 1];
  EXPECT_EQ(got(from).size(), 20U);
}

// MQTT 5.0: 3.1.2-26, 3.1.2-27, 3.3.2-11, 3.3.2-8, 3.3.2-7.
TEST_F(Mqtt5, TopicAliasesToAClientStayWithinItsMaximum) {
  Wire& from = online(kV5, "p");
  for (const bool takes_aliases : {false, true, true}) {
    Wire& to = subscriber(
        kV5, {.client_id = "s", .properties = takes_aliases ? property::topic_alias_maximum(2) : Bytes()},
        "#", 0);
    std::map<std::string, std::string> known;
    int left_out = 0;
    for (int i = 0; i < 40; ++i) {
      const std::string topic = "a/long/topic/that/is/worth/an/alias/" + std::to_string(i % 4);
      from.send(publish(kV5, {.topic = topic}));
      const Lines lines = got(to);
      ASSERT_EQ(lines.size(), 1U);
      std::string told = lines[0].substr(8, lines[0].find('=') - 8);
      if (to.properties.contains(0x23)) {
        ASSERT_TRUE(takes_aliases);
        const std::string alias = to.properties[0x23][0];
        EXPECT_TRUE(alias == "1" || alias == "2") << alias;
        if (told.empty()) {
          ++left_out;
          ASSERT_TRUE(known.contains(alias)) << "an alias of this connection, not of an earlier one";
          told = known[alias];
        }
        known[alias] = told;
      }
      EXPECT_EQ(told, topic);
    }
    EXPECT_EQ(left_out > 0, takes_aliases);
    cut(to);
  }
}

// MQTT 3.1.1: 7.0.0-2.
TEST_F(Mqtt3, TheServerNeedsNoExtension) {
  // The whole of a plain client's life, byte for byte.
  Wire& wire = dial(kV3, {.client_id = "c"});
  got(wire);
  EXPECT_EQ(wire.raw.back(), Bytes("\x20\x02\x00\x00", 4));
  answer(wire, subscribe(kV3, 10, {{"t", 1}}));
  EXPECT_EQ(wire.raw.back(), Bytes("\x90\x03\x00\x0a\x01", 5));
  wire.send(publish(kV3, {.qos = 1, .id = 11}));
  got(wire);
  ASSERT_EQ(wire.raw.size(), 4U);
  EXPECT_THAT(wire.raw, ::testing::Contains(Bytes("\x40\x02\x00\x0b", 4)));
  EXPECT_THAT(wire.raw, ::testing::Contains(Bytes("\x32\x06\x00\x01t\x00\x01p", 8)));
  wire.send(puback(1));
  answer(wire, unsubscribe(kV3, 12, {"t"}));
  EXPECT_EQ(wire.raw.back(), Bytes("\xb0\x02\x00\x0c", 4));
  EXPECT_THAT(answer(wire, disconnect(kV3)), ElementsAre("closed"));
}

}  // namespace
}  // namespace dunlin::conformance
