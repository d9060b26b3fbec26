// Sessions and wills: sections 3.1.2.4 to 3.1.2.7 (5.0: 3.1.2.4 to 3.1.2.11), 3.2.2, 4.1 and 4.4.

#include "fixture.h"

namespace dunlin::conformance {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// MQTT 3.1.1: 3.1.2-4, 3.1.2-5, 3.2.2-2, 3.2.2-3, 4.1.0-1, 3.1.4-3; 5.0: 3.1.2-5, 3.1.2-6, 3.2.2-3, 3.1.2-23, 3.1.4-4.
TEST_P(Both, ASessionIsResumed) {
  Wire& first = dial(version(), lasting(version(), "c"));
  EXPECT_THAT(got(first), ElementsAre("CONNACK 00")) << "nothing to resume: a new one";
  subscribe_to(first, "t/#", 2);
  cut(first);
  Wire& sender = online(version(), "p");
  for (unsigned qos = 1; qos < 3; ++qos) {
    sender.send(publish(version(), {.topic = "t/" + std::to_string(qos), .qos = qos, .id = qos}));
    got(sender);
  }
  sender.send(pubrel(2));
  run(std::chrono::minutes{50});
  Wire& again = dial(version(), lasting(version(), "c"));
  EXPECT_THAT(got(again), ElementsAre("CONNACK 00 present", "PUBLISH t/1=p q1 id1", "PUBLISH t/2=p q2 id2"));
  sender.send(publish(version(), {.topic = "t/live"}));
  EXPECT_THAT(got(again), ElementsAre("PUBLISH t/live=p q0")) << "the subscription is still there";
}

// MQTT 3.1.1: 3.1.2-6, 3.2.2-1; 5.0: 3.1.2-4, 3.2.2-2.
TEST_P(Both, ACleanStartForgetsTheSession) {
  Wire& first = subscriber(version(), lasting(version(), "c"), "t", 1);
  cut(first);
  Wire& sender = online(version(), "p");
  EXPECT_THAT(answer(sender, publish(version(), {.qos = 1, .id = 1})), ElementsAre("PUBACK 1"));
  Connect clean = lasting(version(), "c");
  clean.clean = true;
  Wire& second = dial(version(), clean);
  EXPECT_THAT(got(second), ElementsAre("CONNACK 00"));
  EXPECT_THAT(answer(sender, publish(version(), {.qos = 1, .id = 2})), ElementsAre("PUBACK 2"));
  EXPECT_THAT(got(second), IsEmpty()) << "the subscription is forgotten, too";
  leave(second);
  const Lines third = got(dial(version(), lasting(version(), "c")));
  EXPECT_THAT(third, ElementsAre(v5() ? "CONNACK 00 present" : "CONNACK 00"))
      << "a clean session of MQTT 3.1.1 ends with its connection; that of 5.0 has an expiry of its own";
}

// MQTT 3.1.1: 3.1.2-7.
TEST_F(Mqtt3, RetainedMessagesOutliveTheSession) {
  Wire& sender = online(kV3, "p");
  EXPECT_THAT(answer(sender, publish(kV3, {.qos = 1, .id = 1, .retain = true})), ElementsAre("PUBACK 1"));
  leave(sender);
  online(kV3, "p");
  EXPECT_THAT(got(subscriber(kV3, "s", "other", 0)), IsEmpty());
  Wire& late = online(kV3, "late");
  EXPECT_THAT(answer(late, subscribe(kV3, 1, {{"t", 1}})),
              ElementsAre("SUBACK 1 [01]", "PUBLISH t=p q1 id1 retain"));
}

// MQTT 3.1.1: 4.1.0-2; 5.0: 4.1.0-1.
TEST_P(Both, ASessionLastsAtLeastAsLongAsItsConnection) {
  Connect wish = {.client_id = "c", .properties = v5() ? property::session_expiry(1) : Bytes()};
  Wire& wire = subscriber(version(), wish, "t", 1);
  run(std::chrono::hours{200});
  online(version(), "p").send(publish(version(), {.qos = 1, .id = 1}));
  EXPECT_THAT(got(wire), ElementsAre("PUBLISH t=p q1 id1"));
}

// MQTT 5.0: 4.1.0-2, 3.1.2-23.
TEST_F(Mqtt5, ASessionEndsWhenItsExpiryHasPassed) {
  const Connect wish = {.client_id = "c", .clean = false, .properties = property::session_expiry(100)};
  Wire& first = online(kV5, wish);
  cut(first);
  run(std::chrono::seconds{98});
  Wire& second = dial(kV5, wish);
  EXPECT_THAT(got(second), ElementsAre("CONNACK 00 present"));
  cut(second);
  run(std::chrono::seconds{101});
  Wire& third = dial(kV5, wish);
  EXPECT_THAT(got(third), ElementsAre("CONNACK 00"));
  // DISCONNECT may change it.
  EXPECT_THAT(answer(third, disconnect(kV5, 0, property::session_expiry(10))), ElementsAre("closed"));
  run(std::chrono::seconds{11});
  EXPECT_THAT(got(dial(kV5, wish)), ElementsAre("CONNACK 00"));
  // No expiry: it ends with the connection.
  Wire& none = online(kV5, {.client_id = "d", .clean = false});
  cut(none);
  EXPECT_THAT(got(dial(kV5, {.client_id = "d", .clean = false})), ElementsAre("CONNACK 00"));
}

// MQTT 3.1.1: 3.1.2-8, 3.1.2-16; 5.0: 3.1.2-7, 3.1.2-8, 3.1.2-14.
TEST_P(Both, AWillIsPublishedWhenTheConnectionBreaks) {
  Wire& watch = subscriber(version(), "watch", "will", 2);
  for (unsigned qos = 0; qos < 3; ++qos) {
    Wire& wire = online(version(), {.will = Will{.payload = std::to_string(qos), .qos = qos}});
    EXPECT_THAT(got(watch), IsEmpty()) << "not before";
    cut(wire);
    const std::string id = qos == 0 ? "" : " id" + std::to_string(qos);
    EXPECT_THAT(got(watch),
                ElementsAre("PUBLISH will=" + std::to_string(qos) + " q" + std::to_string(qos) + id));
  }
  // A protocol error, a keep alive timeout and a takeover end the connection, too.
  Wire& fault = online(version(), {.will = Will{.payload = "fault"}});
  fault.send(connect(version(), {}));
  EXPECT_THAT(got(watch), ElementsAre("PUBLISH will=fault q0"));
  Wire& old = online(version(), {.will = Will{.payload = "old"}});
  online(version(), {});
  EXPECT_THAT(got(watch), ElementsAre("PUBLISH will=old q0"));
  EXPECT_TRUE(old.closed());
  // Not retained: who comes later sees nothing.
  Wire& late = online(version(), "late");
  EXPECT_THAT(answer(late, subscribe(version(), 1, {{"will"}})), ElementsAre("SUBACK 1 [00]"));
}

// MQTT 3.1.1: 3.1.2-17; 5.0: 3.1.2-15.
TEST_P(Both, AWillMayBeRetained) {
  Wire& wire = online(version(), {.will = Will{.qos = 1, .retain = true}});
  Wire& watch = subscriber(version(), "watch", "will", 1);
  cut(wire);
  EXPECT_THAT(got(watch), ElementsAre("PUBLISH will=gone q1 id1"));
  Wire& late = online(version(), "late");
  EXPECT_THAT(answer(late, subscribe(version(), 1, {{"will"}})),
              ElementsAre("SUBACK 1 [00]", "PUBLISH will=gone q0 retain"));
}

// MQTT 3.1.1: 3.1.2-10, 3.1.2-12, 3.14.4-3; 5.0: 3.1.2-10, 3.14.4-3.
TEST_P(Both, ADisconnectTakesTheWillBack) {
  Wire& watch = subscriber(version(), "watch", "will", 0);
  Connect wish = lasting(version(), "c");
  wish.will = Will{};
  leave(online(version(), wish));
  EXPECT_THAT(got(watch), IsEmpty());
  // It is gone from the session: the next connection without a will publishes none.
  cut(online(version(), lasting(version(), "c")));
  EXPECT_THAT(got(watch), IsEmpty());
  // Nor is a published one published again.
  cut(online(version(), wish));
  EXPECT_THAT(got(watch), ElementsAre("PUBLISH will=gone q0"));
  cut(online(version(), lasting(version(), "c")));
  run(std::chrono::hours{2});
  EXPECT_THAT(got(watch), IsEmpty());
}

// MQTT 5.0: 3.1.2-8, 3.14.4-3.
TEST_F(Mqtt5, ADisconnectMayAskForTheWill) {
  Wire& watch = subscriber(kV5, "watch", "will", 0);
  Wire& wire = online(kV5, {.will = Will{}});
  EXPECT_THAT(answer(wire, disconnect(kV5, 0x04)), ElementsAre("closed"));
  EXPECT_THAT(got(watch), ElementsAre("PUBLISH will=gone q0"));
}

// MQTT 5.0: 3.1.3-9, 3.1.2-8.
TEST_F(Mqtt5, AWillWaitsForItsDelayAndForTheClient) {
  Wire& watch = subscriber(kV5, "watch", "will", 0);
  Connect wish = lasting(kV5, "c");
  wish.will = Will{.properties = property::will_delay(10)};
  cut(online(kV5, wish));
  run(std::chrono::milliseconds{9'700});
  EXPECT_THAT(got(watch), IsEmpty());
  run(std::chrono::milliseconds{400});
  EXPECT_THAT(got(watch), ElementsAre("PUBLISH will=gone q0"));
  cut(online(kV5, wish));
  run(std::chrono::seconds{5});
  Wire& back = online(kV5, lasting(kV5, "c"));
  run(std::chrono::seconds{20});
  EXPECT_THAT(got(watch), IsEmpty()) << "the client came back in time";
  // Taken over within the delay: the session goes on, so there is no will.
  EXPECT_FALSE(back.closed());
  online(kV5, wish);
  online(kV5, lasting(kV5, "c"));
  run(std::chrono::seconds{20});
  EXPECT_THAT(got(watch), IsEmpty());
  // The session ends before the delay has passed: then at once.
  cut(online(kV5, {.client_id = "brief",
                   .will = Will{.properties = property::will_delay(1000)},
                   .properties = property::session_expiry(5)}));
  run(std::chrono::seconds{6});
  EXPECT_THAT(got(watch), ElementsAre("PUBLISH will=gone q0"));
}

// MQTT 5.0: 3.1.3-10, 3.1.2-9.
TEST_F(Mqtt5, AWillKeepsItsPropertiesInOrder) {
  Wire& watch = subscriber(kV5, "watch", "will", 0);
  const Bytes users = user_property("b", "1") + user_property("a", "2") + user_property("b", "1");
  cut(online(
      kV5, {.will = Will{.properties = property::payload_format(1) + property::content_type("text/plain") +
                                       property::response_topic("answer") + property::correlation_data("7") +
                                       property::message_expiry(60) + users}}));
  const Lines lines = got(watch);
  ASSERT_EQ(lines.size(), 1U);
  for (const std::string part : {" 01=1", " 02=60", " 03=text/plain", " 08=answer", " 09=7"})
    EXPECT_NE(lines[0].find(part), std::string::npos) << part;
  EXPECT_EQ(watch.properties[0x26], (std::vector<std::string>{"b:1", "a:2", "b:1"}));
}

// MQTT 3.1.1: 4.4.0-1, 4.6.0-1, 3.3.1-1, 2.3.1-3; 5.0: 4.4.0-1, 3.3.1-1, 4.3.2-3, 4.3.3-3.
TEST_P(Both, WhatIsNotAcknowledgedIsSentAgainInOrder) {
  Wire& first = subscriber(version(), lasting(version(), "c"), "t", 2);
  Wire& sender = online(version(), "p");
  for (unsigned id = 1; id <= 6; ++id) {
    sender.send(publish(version(), {.payload = std::to_string(id), .qos = 1 + id % 2, .id = id}));
    got(sender);
  }
  EXPECT_EQ(got(first).size(), 6U);
  first.send(puback(2));
  run(std::chrono::hours{1});
  EXPECT_THAT(got(first), IsEmpty()) << "on the same connection nothing is sent twice";
  cut(first);
  EXPECT_THAT(got(dial(version(), lasting(version(), "c"))),
              ElementsAre("CONNACK 00 present", "PUBLISH t=1 q2 id1 dup", "PUBLISH t=3 q2 id3 dup",
                          "PUBLISH t=4 q1 id4 dup", "PUBLISH t=5 q2 id5 dup", "PUBLISH t=6 q1 id6 dup"));
}

// MQTT 3.1.1: 4.3.3-1; 5.0: 4.3.3-4, 4.3.3-5, 4.3.3-6, 4.4.0-1.
TEST_P(Both, AReleaseIsSentAgainAndItsPublishIsNot) {
  Wire& first = subscriber(version(), lasting(version(), "c"), "t", 2);
  Wire& sender = online(version(), "p");
  sender.send(publish(version(), {.payload = "1", .qos = 2, .id = 1}));
  sender.send(publish(version(), {.payload = "2", .qos = 2, .id = 2}));
  EXPECT_THAT(got(first), ElementsAre("PUBLISH t=1 q2 id1", "PUBLISH t=2 q2 id2"));
  EXPECT_THAT(answer(first, pubrec(1)), ElementsAre("PUBREL 1"));
  cut(first);
  Wire& second = dial(version(), lasting(version(), "c"));
  EXPECT_THAT(got(second), ElementsAre("CONNACK 00 present", "PUBREL 1", "PUBLISH t=2 q2 id2 dup"));
  second.send(pubcomp(1));
  EXPECT_THAT(answer(second, pubrec(2)), ElementsAre("PUBREL 2"));
  second.send(pubcomp(2));
  settle();
  cut(second);
  EXPECT_THAT(got(dial(version(), lasting(version(), "c"))), ElementsAre("CONNACK 00 present"));
}

// MQTT 5.0: 4.4.0-2.
TEST_F(Mqtt5, AMessageThatTheClientRefusedIsDoneWith) {
  Wire& first = subscriber(kV5, lasting(kV5, "c"), "t", 2);
  Wire& sender = online(kV5, "p");
  sender.send(publish(kV5, {.qos = 1, .id = 1}));
  sender.send(publish(kV5, {.qos = 2, .id = 2}));
  EXPECT_THAT(got(first), ElementsAre("PUBLISH t=p q1 id1", "PUBLISH t=p q2 id2"));
  first.send(puback(1, 0x83));
  EXPECT_THAT(answer(first, pubrec(2, 0x97)), IsEmpty()) << "no PUBREL: the exchange has ended";
  cut(first);
  EXPECT_THAT(got(dial(kV5, lasting(kV5, "c"))), ElementsAre("CONNACK 00 present"));
}

// MQTT 5.0: 3.2.2-2, 3.2.2-3.
TEST_F(Mqtt5, SessionPresentTellsTheTruth) {
  Wire& wire = dial(kV5, lasting(kV5, "c"));
  EXPECT_THAT(got(wire), ElementsAre("CONNACK 00"));
  EXPECT_EQ(wire.raw[0].substr(0, 1), "\x20");
  cut(wire);
  Connect clean = lasting(kV5, "c");
  clean.clean = true;
  EXPECT_THAT(got(dial(kV5, clean)), ElementsAre("CONNACK 00"));
  EXPECT_THAT(got(dial(kV5, lasting(kV5, "c"))), ElementsAre("CONNACK 00 present"))
      << "taken over, and resumed";
}

}  // namespace
}  // namespace dunlin::conformance
