// Sections 3.8 to 3.11: SUBSCRIBE, UNSUBSCRIBE and their answers; 4.5 and 4.6: receipt and order.

#include "fixture.h"

namespace dunlin::conformance {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// MQTT 3.1.1: 3.8.3-3, 3.10.3-2; 5.0: 3.8.3-2, 3.10.3-2.
TEST_P(Both, AListOfFiltersIsNotEmpty) {
  EXPECT_EQ(answer(online(version(), "c"), subscribe(version(), 1, {})), refusal(version(), "82"));
  EXPECT_EQ(answer(online(version(), "c"), unsubscribe(version(), 1, {})), refusal(version(), "82"));
}

// MQTT 3.1.1: 3.8.3-4.
TEST_F(Mqtt3, ReservedBitsOfASubscriptionEndTheConnection) {
  for (const unsigned options : {0x03U, 0x04U, 0x08U, 0x10U, 0x20U, 0x40U, 0x80U})
    EXPECT_EQ(answer(online(kV3, "c"), subscribe(kV3, 1, {{"t", options}})), refusal(kV3, "")) << options;
}

// MQTT 5.0: 3.8.3-5.
TEST_F(Mqtt5, ReservedBitsOfASubscriptionEndTheConnection) {
  for (const unsigned options : {0x40U, 0x80U})
    EXPECT_EQ(answer(online(kV5, "c"), subscribe(kV5, 1, {{"t", options}})), refusal(kV5, "81")) << options;
  EXPECT_EQ(answer(online(kV5, "c"), subscribe(kV5, 1, {{"t", 0x03}})), refusal(kV5, "82")) << "QoS 3";
  EXPECT_EQ(answer(online(kV5, "c"), subscribe(kV5, 1, {{"t", 0x30}})), refusal(kV5, "82"))
      << "retain handling 3";
}

// MQTT 5.0: 3.8.3-3.
TEST_F(Mqtt5, NoLocalKeepsOwnMessagesAway) {
  Wire& wire = subscriber(kV5, "c", "t", kNoLocal | 1);
  Wire& other = subscriber(kV5, "d", "t", 1);
  for (unsigned qos = 0; qos < 2; ++qos) wire.send(publish(kV5, {.payload = "own", .qos = qos, .id = 1}));
  EXPECT_THAT(got(wire), ElementsAre("PUBACK 1"));
  EXPECT_EQ(got(other).size(), 2U);
  other.send(publish(kV5, {.payload = "other"}));
  EXPECT_THAT(got(wire), ElementsAre("PUBLISH t=other q0"));
}

// MQTT 5.0: 3.8.3-4.
TEST_F(Mqtt5, NoLocalOnASharedSubscriptionIsAnError) {
  EXPECT_EQ(answer(online(kV5, "c"), subscribe(kV5, 1, {{"$share/g/t", kNoLocal}})), refusal(kV5, "82"));
}

// MQTT 3.1.1: 3.8.4-1, 3.8.4-5, 3.9.3-1, 3.9.3-2; 5.0: 3.8.4-1, 3.8.4-6, 3.8.4-7, 3.9.3-1, 3.9.3-2.
TEST_P(Both, SubackHasACodeForEachFilterInOrder) {
  Wire& wire = online(version(), "c");
  const std::vector<Filter> filters = {{"a", 2}, {"forbidden/a", 1}, {"b", 0}, {"c/#", 1}};
  EXPECT_THAT(answer(wire, subscribe(version(), 5, filters)),
              ElementsAre(v5() ? "SUBACK 5 [02 87 00 01]" : "SUBACK 5 [02 80 00 01]"));
}

// MQTT 3.1.1: 3.8.4-3; 5.0: 3.8.4-3, 3.8.4-4.
TEST_P(Both, TheSameFilterReplacesTheSubscription) {
  Wire& from = online(version(), "p");
  from.send(publish(version(), {.payload = "kept", .qos = 1, .id = 1, .retain = true}));
  got(from);
  Wire& wire = online(version(), "c");
  EXPECT_THAT(answer(wire, subscribe(version(), 1, {{"t", 1}})),
              ElementsAre("SUBACK 1 [01]", "PUBLISH t=kept q1 id1 retain"));
  // Messages go on while it is replaced, and the retained one comes again.
  from.send(publish(version(), {.payload = "before", .qos = 1, .id = 2}));
  wire.send(subscribe(version(), 2, {{"t", 0}}));
  from.send(publish(version(), {.payload = "behind", .qos = 1, .id = 3}));
  const Lines lines = got(wire);
  EXPECT_THAT(lines, ::testing::Contains("SUBACK 2 [00]"));
  EXPECT_THAT(lines, ::testing::Contains("PUBLISH t=kept q0 retain"));
  EXPECT_THAT(lines, ::testing::Contains(::testing::StartsWith("PUBLISH t=before ")));
  EXPECT_THAT(lines, ::testing::Contains(::testing::StartsWith("PUBLISH t=behind ")));
  from.send(publish(version(), {.payload = "once", .qos = 1, .id = 4}));
  EXPECT_THAT(got(wire), ElementsAre("PUBLISH t=once q0")) << "one subscription, with the new QoS";
}

// MQTT 3.1.1: 3.8.4-4; 5.0: 3.8.4-5.
TEST_P(Both, ManyFiltersWorkLikeManySubscribes) {
  Wire& from = online(version(), "p");
  from.send(publish(version(), {.topic = "a", .retain = true}));
  settle();
  Wire& wire = online(version(), "c");
  wire.send(subscribe(version(), 5, {{"a", 0}, {"b", 1}, {"a", 2}}));
  const Lines lines = got(wire);
  EXPECT_EQ(std::ranges::count(lines, "SUBACK 5 [00 01 02]"), 1);
  EXPECT_EQ(std::ranges::count(lines, "PUBLISH a=p q0 retain"), 2)
      << "each of the three is a subscription of its own";
  from.send(publish(version(), {.topic = "a", .qos = 2, .id = 1}));
  from.send(publish(version(), {.topic = "b", .qos = 2, .id = 2}));
  EXPECT_THAT(got(wire), ElementsAre("PUBLISH a=p q2 id1", "PUBLISH b=p q1 id2")) << "the last one counts";
}

// MQTT 3.1.1: 3.8.4-6; 5.0: 3.8.4-8.
TEST_P(Both, TheQosIsTheLesserOfBoth) {
  for (unsigned granted = 0; granted < 3; ++granted) {
    Wire& to = subscriber(version(), "s", "t", granted);
    Wire& from = online(version(), "p");
    for (unsigned qos = 0; qos < 3; ++qos) {
      from.send(publish(version(), {.qos = qos, .id = qos}));
      const Lines lines = got(to);
      ASSERT_EQ(lines.size(), 1U);
      EXPECT_TRUE(lines[0].starts_with("PUBLISH t=p q" + std::to_string(std::min(qos, granted)))) << lines[0];
    }
  }
}

// MQTT 3.1.1: 3.10.4-1, 3.10.4-2, 3.10.4-4; 5.0: 3.10.4-1, 3.10.4-2, 3.10.4-4.
TEST_P(Both, UnsubscribeComparesCharacterByCharacter) {
  Wire& wire = subscriber(version(), "c", "a/+", 0);
  Wire& from = online(version(), "p");
  for (const std::string other : {"a/b", "a/#", "A/+", "a/+/", "/a/+"})
    wire.send(unsubscribe(version(), 3, {other}));
  EXPECT_EQ(got(wire), Lines(5, v5() ? "UNSUBACK 3 [11]" : "UNSUBACK 3"));
  from.send(publish(version(), {.topic = "a/b", .payload = "1"}));
  EXPECT_THAT(got(wire), ElementsAre("PUBLISH a/b=1 q0"));
  EXPECT_THAT(answer(wire, unsubscribe(version(), 4, {"a/+"})),
              ElementsAre(v5() ? "UNSUBACK 4 [00]" : "UNSUBACK 4"));
  from.send(publish(version(), {.topic = "a/b", .payload = "2"}));
  EXPECT_THAT(got(wire), IsEmpty());
}

// MQTT 3.1.1: 3.10.4-3; 5.0: 3.10.4-3.
TEST_P(Both, WhatWasBegunIsCompletedAfterAnUnsubscribe) {
  Wire& wire = subscriber(version(), lasting(version(), "c"), "t", 2);
  Wire& from = online(version(), "p");
  from.send(publish(version(), {.payload = "1", .qos = 1, .id = 1}));
  from.send(publish(version(), {.payload = "2", .qos = 2, .id = 2}));
  from.send(publish(version(), {.payload = "3", .qos = 2, .id = 3}));
  EXPECT_EQ(got(wire).size(), 3U);
  EXPECT_EQ(answer(wire, unsubscribe(version(), 4, {"t"})).size(), 1U);
  EXPECT_THAT(answer(wire, pubrec(2)), ElementsAre("PUBREL 2"));
  cut(wire);
  EXPECT_THAT(
      got(dial(version(), lasting(version(), "c"))),
      ElementsAre("CONNACK 00 present", "PUBLISH t=1 q1 id1 dup", "PUBREL 2", "PUBLISH t=3 q2 id3 dup"));
}

// MQTT 3.1.1: 3.10.4-5, 3.10.4-6; 5.0: 3.10.4-5, 3.10.4-6, 3.11.3-1, 3.11.3-2.
TEST_P(Both, ManyFiltersAreUnsubscribedWithOneAnswer) {
  Wire& wire = online(version(), "c");
  wire.send(subscribe(version(), 1, {{"a"}, {"b"}, {"c"}}));
  got(wire);
  EXPECT_THAT(answer(wire, unsubscribe(version(), 2, {"none", "a", "x/#", "c", "a"})),
              ElementsAre(v5() ? "UNSUBACK 2 [11 00 11 00 11]" : "UNSUBACK 2"));
  Wire& from = online(version(), "p");
  for (const std::string topic : {"a", "b", "c"}) from.send(publish(version(), {.topic = topic}));
  EXPECT_THAT(got(wire), ElementsAre("PUBLISH b=p q0"));
  EXPECT_THAT(answer(wire, unsubscribe(version(), 3, {"never"})),
              ElementsAre(v5() ? "UNSUBACK 3 [11]" : "UNSUBACK 3"));
}

// MQTT 3.1.1: 4.5.0-1; 5.0: 4.5.0-1.
TEST_P(Both, AMessageGoesToEverySessionThatMatches) {
  Wire& online_one = subscriber(version(), "one", "a/#", 1);
  Wire& gone = subscriber(version(), lasting(version(), "gone"), "+/b", 1);
  Wire& elsewhere = subscriber(version(), "elsewhere", "b/a", 1);
  cut(gone);
  Wire& from = online(version(), "p");
  EXPECT_THAT(answer(from, publish(version(), {.topic = "a/b", .qos = 1, .id = 1})), ElementsAre("PUBACK 1"));
  EXPECT_THAT(got(online_one), ElementsAre("PUBLISH a/b=p q1 id1"));
  EXPECT_THAT(got(elsewhere), IsEmpty());
  EXPECT_THAT(got(dial(version(), lasting(version(), "gone"))),
              ElementsAre("CONNACK 00 present", "PUBLISH a/b=p q1 id1"));
}

// MQTT 3.1.1: 4.6.0-5, 4.6.0-6, 4.6.0-2, 4.6.0-3; 5.0: 4.6.0-5, 4.6.0-6.
TEST_P(Both, MessagesKeepTheirOrder) {
  std::vector<Wire*> receivers;
  for (int i = 0; i < 6; ++i) receivers.push_back(&subscriber(version(), "s" + std::to_string(i), "t", 2));
  Wire& from = online(version(), "p");
  for (unsigned qos = 0; qos < 3; ++qos) {
    Bytes burst;
    std::vector<std::string> answers;
    for (unsigned i = 1; i <= 30; ++i) {
      burst += publish(version(), {.payload = std::to_string(i), .qos = qos, .id = i});
      answers.push_back((qos == 1 ? "PUBACK " : "PUBREC ") + std::to_string(i));
    }
    EXPECT_EQ(answer(from, burst), qos == 0 ? Lines() : answers);
    for (Wire* to : receivers) {
      const Lines lines = got(*to);
      ASSERT_EQ(lines.size(), 30U);
      for (unsigned i = 1; i <= 30; ++i)
        EXPECT_TRUE(lines[i - 1].starts_with("PUBLISH t=" + std::to_string(i) + " ")) << lines[i - 1];
    }
    if (qos != 2) continue;
    for (unsigned i = 1; i <= 30; ++i) from.send(pubrel(i));
    got(from);
  }
}

// MQTT 3.1.1: 4.6.0-4; 5.0: 4.6.0-4.
TEST_P(Both, ReleasesFollowTheOrderOfTheirReceipts) {
  Wire& to = subscriber(version(), "s", "t", 2);
  Wire& from = online(version(), "p");
  for (unsigned i = 1; i <= 4; ++i) from.send(publish(version(), {.qos = 2, .id = i}));
  EXPECT_EQ(got(to).size(), 4U);
  EXPECT_THAT(answer(to, pubrec(1) + pubrec(2) + pubrec(3) + pubrec(4)),
              ElementsAre("PUBREL 1", "PUBREL 2", "PUBREL 3", "PUBREL 4"));
}

}  // namespace
}  // namespace dunlin::conformance
