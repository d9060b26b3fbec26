// Chapters 1 and 2: strings, numbers, the fixed header, packet identifiers, property lengths.

#include <set>

#include "fixture.h"

namespace dunlin::conformance {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

INSTANTIATE_TEST_SUITE_P(Versions, Both, ::testing::Values(kV3, kV5),
                         [](const auto& one) { return one.param == kV3 ? "v3_1_1" : "v5_0"; });

const Bytes kNull("a\0b", 3);
const std::vector<Bytes> kIllFormed = {
    "\xff", "a\xc3", "\xc0\xaf", "\xed\xa0\x80", "\xed\xbf\xbf", "\xf4\x90\x80\x80", "\xe2\x28\xa1"};

// MQTT 3.1.1: 1.5.3-1, 3.3.2-1, 3.8.3-1, 3.10.3-1; 5.0: 1.5.4-1, 3.3.2-1, 3.8.3-1, 3.10.3-1.
TEST_P(Both, IllFormedTextEndsTheConnection) {
  for (const Bytes& text : kIllFormed) {
    EXPECT_EQ(answer(online(version(), "c"), publish(version(), {.topic = text})), refusal(version(), "81"));
    EXPECT_EQ(answer(online(version(), "c"), subscribe(version(), 1, {{text}})), refusal(version(), "81"));
    EXPECT_EQ(answer(online(version(), "c"), unsubscribe(version(), 1, {text})), refusal(version(), "81"));
  }
}

// MQTT 3.1.1: 3.1.3-4, 3.1.3-10, 3.1.3-11; 5.0: 3.1.3-4, 3.1.3-11, 3.1.3-12.
TEST_P(Both, IllFormedTextInConnectIsRefused) {
  const Lines expected = v5() ? connack_refusal("81") : Lines{"closed"};
  for (const Bytes& text : kIllFormed) {
    EXPECT_EQ(got(dial(version(), {.client_id = text})), expected);
    EXPECT_EQ(got(dial(version(), {.will = Will{.topic = text}})), expected);
    EXPECT_EQ(got(dial(version(), {.user_name = text})), expected);
  }
}

// MQTT 3.1.1: 1.5.3-2, 4.7.3-2; 5.0: 1.5.4-2, 4.7.3-2.
TEST_P(Both, TheNullCharacterIsNoText) {
  EXPECT_EQ(answer(online(version(), "c"), publish(version(), {.topic = kNull})), refusal(version(), "81"));
  EXPECT_EQ(answer(online(version(), "c"), subscribe(version(), 1, {{kNull}})), refusal(version(), "81"));
  EXPECT_EQ(answer(online(version(), "c"), unsubscribe(version(), 1, {kNull})), refusal(version(), "81"));
  const Lines expected = v5() ? connack_refusal("81") : Lines{"closed"};
  EXPECT_EQ(got(dial(version(), {.client_id = kNull})), expected);
  EXPECT_EQ(got(dial(version(), {.user_name = kNull})), expected);
  EXPECT_EQ(got(dial(version(), {.will = Will{.topic = kNull}})), expected);
}

// MQTT 3.1.1: 1.5.3-3; 5.0: 1.5.4-3.
TEST_P(Both, AByteOrderMarkIsACharacterLikeAnother) {
  const Bytes topic =
      "\xef\xbb\xbf"
      "a\xef\xbb\xbf";
  Wire& with = subscriber(version(), "with", topic, 0);
  Wire& without = subscriber(version(), "without", "a", 0);
  Wire& sender = online(version(), "p");
  sender.send(publish(version(), {.topic = topic, .payload = "1"}));
  sender.send(publish(version(), {.topic = "a", .payload = "2"}));
  EXPECT_THAT(got(with), ElementsAre("PUBLISH " + topic + "=1 q0"));
  EXPECT_THAT(got(without), ElementsAre("PUBLISH a=2 q0"));
}

// MQTT 5.0: 1.5.5-1.
TEST_F(Mqtt5, NumbersOfVariableLengthAreAsShortAsTheyCanBe) {
  EXPECT_EQ(answer(online(kV5, "c"), Bytes("\xc0\x80\x00", 3)), refusal(kV5, "81"));
  // The property length 0 in two bytes.
  const Bytes long_length = field("t") + Bytes("\x80\x00", 2) + "p";
  EXPECT_EQ(answer(online(kV5, "c"), packet(0x30, long_length)), refusal(kV5, "81"));
  // A Subscription Identifier 1 in two bytes.
  const Bytes block = u8(0x0b) + Bytes("\x81\x00", 2);
  EXPECT_EQ(answer(online(kV5, "c"), packet(0x82, u16(1) + variable(3) + block + field("t") + u8(0))),
            refusal(kV5, "81"));
  // What leaves the server: tell() says BROKEN to a length that is not minimal. 127 and 128 are the edge of a
  // byte.
  Wire& to = subscriber(kV5, "s", "t", 0);
  Wire& from = online(kV5, "p");
  for (const std::size_t size : {123U, 124U, 16379U, 16380U}) {
    from.send(publish(kV5, {.payload = Bytes(size, 'x')}));
    EXPECT_THAT(got(to), ElementsAre("PUBLISH t=" + Bytes(size, 'x') + " q0"));
  }
}

// MQTT 5.0: 1.5.7-1.
TEST_F(Mqtt5, BothHalvesOfAUserPropertyAreText) {
  for (const Bytes& text : kIllFormed) {
    EXPECT_EQ(answer(online(kV5, "c"), publish(kV5, {.properties = user_property(text, "v")})),
              refusal(kV5, "81"));
    EXPECT_EQ(answer(online(kV5, "c"), publish(kV5, {.properties = user_property("k", text)})),
              refusal(kV5, "81"));
  }
  EXPECT_EQ(answer(online(kV5, "c"), publish(kV5, {.properties = user_property("k", kNull)})),
            refusal(kV5, "81"));
}

// MQTT 3.1.1: 2.2.2-1, 2.2.2-2, 3.8.1-1, 3.10.1-1, 3.6.1-1, 3.14.1-1; 5.0: 2.1.3-1, 3.8.1-1, 3.10.1-1, 3.6.1-1,
// 3.14.1-1.
TEST_P(Both, ReservedFlagsOfTheFixedHeaderEndTheConnection) {
  const std::vector<Bytes> packets = {puback(1),
                                      pubrec(1),
                                      pubrel(1),
                                      pubcomp(1),
                                      pingreq(),
                                      subscribe(version(), 1, {{"t"}}),
                                      unsubscribe(version(), 1, {"t"}),
                                      disconnect(version())};
  for (const Bytes& right : packets) {
    for (const unsigned flip : {1U, 2U, 4U, 8U}) {
      Bytes wrong = right;
      wrong[0] = static_cast<char>(static_cast<unsigned char>(wrong[0]) ^ flip);
      EXPECT_EQ(answer(online(version(), "c"), wrong), refusal(version(), "81"))
          << "first byte " << int(wrong[0]);
    }
  }
  Bytes wrong = connect(version(), {});
  wrong[0] = 0x12;
  EXPECT_THAT(answer(open(version()), wrong), ElementsAre("closed"));
}

// MQTT 3.1.1: 2.3.1-1; 5.0: 2.2.1-3.
TEST_P(Both, APacketIdentifierIsNotZero) {
  EXPECT_EQ(answer(online(version(), "c"), publish(version(), {.qos = 1, .id = 0})),
            refusal(version(), "82"));
  EXPECT_EQ(answer(online(version(), "c"), publish(version(), {.qos = 2, .id = 0})),
            refusal(version(), "82"));
  EXPECT_EQ(answer(online(version(), "c"), subscribe(version(), 0, {{"t"}})), refusal(version(), "82"));
  EXPECT_EQ(answer(online(version(), "c"), unsubscribe(version(), 0, {"t"})), refusal(version(), "82"));
}

// MQTT 3.1.1: 2.3.1-5, 4.3.1-1; 5.0: 2.2.1-2, 4.3.1-1, 2.2.2-1.
TEST_P(Both, AQos0PublishHasNoIdentifierAndAnEmptyPropertyLength) {
  Wire& to = subscriber(version(), "s", "t", 2);
  online(version(), "p").send(publish(version(), {}));
  EXPECT_THAT(got(to), ElementsAre("PUBLISH t=p q0"));
  EXPECT_EQ(to.raw.back(), v5() ? Bytes("\x30\x05\x00\x01t\x00p", 7) : Bytes("\x30\x04\x00\x01tp", 6));
}

// MQTT 5.0: 2.2.2-1.
TEST_F(Mqtt5, PacketsWithoutPropertiesSayLengthZero) {
  Wire& wire = online(kV5, "c");
  EXPECT_THAT(answer(wire, subscribe(kV5, 1, {{"t", 1}})), ElementsAre("SUBACK 1 [01]"));
  EXPECT_EQ(wire.raw.back(), Bytes("\x90\x04\x00\x01\x00\x01", 6));
  wire.send(publish(kV5, {.qos = 1, .id = 9}));
  EXPECT_THAT(got(wire), ::testing::UnorderedElementsAre("PUBACK 9", "PUBLISH t=p q1 id1"));
  EXPECT_THAT(wire.raw, ::testing::Contains(Bytes("\x32\x07\x00\x01t\x00\x01\x00p", 9)));
  wire.send(puback(1));
  EXPECT_THAT(answer(wire, unsubscribe(kV5, 2, {"t"})), ElementsAre("UNSUBACK 2 [00]"));
  EXPECT_EQ(wire.raw.back(), Bytes("\xb0\x04\x00\x02\x00\x00", 6));
  // A client that leaves the length out has sent something else.
  EXPECT_EQ(answer(wire, packet(0x82, u16(3))), refusal(kV5, "81"));
}

// MQTT 3.1.1: 2.3.1-2, 2.3.1-4; 5.0: 2.2.1-4, 4.3.2-1, 4.3.3-1.
TEST_P(Both, TheServerUsesIdentifiersThatAreFree) {
  Wire& to = subscriber(version(), "s", "t", 2);
  Wire& from = online(version(), "p");
  std::set<std::string> open;
  for (unsigned i = 1; i <= 60; ++i) {
    from.send(publish(version(), {.payload = "", .qos = i % 2 + 1, .id = i}));
    for (const std::string& line : got(to)) {
      ASSERT_TRUE(line.starts_with("PUBLISH t= q")) << line;
      const std::string id = line.substr(line.find("id") + 2);
      EXPECT_NE(id, "0");
      EXPECT_TRUE(open.insert(id).second) << id << " is in use";
    }
    if (i % 3 != 0) continue;
    // The newest QoS 1 message is answered, so that free and used numbers mix.
    const unsigned last = i % 2 == 0 ? i - 1 : i;
    if (last % 2 != 0) continue;
    to.send(puback(last));
    open.erase(std::to_string(last));
  }
  EXPECT_GE(open.size(), 50U);
}

// MQTT 3.1.1: 2.3.1-6, 2.3.1-7, 3.8.4-2, 3.3.4-1; 5.0: 2.2.1-5, 2.2.1-6, 3.8.4-2, 3.3.4-1.
TEST_P(Both, AnswersCarryTheIdentifierOfWhatTheyAnswer) {
  Wire& wire = online(version(), "c");
  EXPECT_THAT(answer(wire, publish(version(), {.qos = 0})), IsEmpty());
  EXPECT_THAT(answer(wire, publish(version(), {.qos = 1, .id = 0x1234})), ElementsAre("PUBACK 4660"));
  EXPECT_THAT(answer(wire, publish(version(), {.qos = 2, .id = 0xffff})), ElementsAre("PUBREC 65535"));
  EXPECT_THAT(answer(wire, pubrel(0xffff)), ElementsAre("PUBCOMP 65535"));
  EXPECT_THAT(answer(wire, subscribe(version(), 0x0102, {{"a"}})), ElementsAre("SUBACK 258 [00]"));
  EXPECT_THAT(answer(wire, unsubscribe(version(), 0x0201, {"a"})),
              ElementsAre(v5() ? "UNSUBACK 513 [00]" : "UNSUBACK 513"));
}

}  // namespace
}  // namespace dunlin::conformance
