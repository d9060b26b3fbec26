// Section 3.3 (PUBLISH), 3.4 to 3.7 (its acknowledgements) and 4.3 (the delivery protocols).

#include "fixture.h"

namespace dunlin::conformance {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// MQTT 3.1.1: 3.3.1-2; 5.0: 3.3.1-2.
TEST_P(Both, DupWithQos0EndsTheConnection) {
  EXPECT_EQ(answer(online(version(), "c"), publish(version(), {.dup = true})), refusal(version(), "81"));
}

// MQTT 3.1.1: 3.3.1-3; 5.0: 3.3.1-3, 4.3.2-2, 4.3.3-2.
TEST_P(Both, DupIsNotPassedOn) {
  Wire& to = subscriber(version(), "s", "t", 2);
  Wire& from = online(version(), "p");
  from.send(publish(version(), {.payload = "1", .qos = 1, .id = 1, .dup = true}));
  from.send(publish(version(), {.payload = "2", .qos = 2, .id = 2, .dup = true}));
  EXPECT_THAT(got(to), ElementsAre("PUBLISH t=1 q1 id1", "PUBLISH t=2 q2 id2"));
}

// MQTT 3.1.1: 3.3.1-4; 5.0: 3.3.1-4.
TEST_P(Both, Qos3EndsTheConnection) {
  EXPECT_EQ(answer(online(version(), "c"), publish(version(), {.qos = 3, .id = 1})),
            refusal(version(), "81"));
}

// MQTT 3.1.1: 3.3.1-5, 3.3.1-7, 3.3.1-8; 5.0: 3.3.1-5.
TEST_P(Both, TheLastRetainedMessageIsKeptWithItsQos) {
  Wire& from = online(version(), "p");
  for (unsigned qos = 0; qos < 3; ++qos) {
    const std::string text = std::to_string(qos);
    from.send(publish(version(), {.payload = text, .qos = qos, .id = 5, .retain = true}));
    got(from);
    if (qos == 2) {
      EXPECT_THAT(answer(from, pubrel(5)), ElementsAre("PUBCOMP 5"));
    }
    Wire& late = online(version(), "late");
    const std::string id = qos == 0 ? "" : " id1";
    EXPECT_THAT(answer(late, subscribe(version(), 1, {{"t", 2}})),
                ElementsAre("SUBACK 1 [02]", "PUBLISH t=" + text + " q" + text + id + " retain"));
  }
  // QoS 0 replaces what had QoS 2.
  from.send(publish(version(), {.payload = "new", .retain = true}));
  settle();
  EXPECT_THAT(answer(online(version(), "last"), subscribe(version(), 1, {{"t", 2}})),
              ElementsAre("SUBACK 1 [02]", "PUBLISH t=new q0 retain"));
}

// MQTT 3.1.1: 3.3.1-6, 3.3.1-8; 5.0: 3.3.1-9.
TEST_P(Both, ANewSubscriptionGetsTheRetainedMessageOfEachTopic) {
  Wire& from = online(version(), "p");
  for (const std::string topic : {"a/1", "a/2", "a/1/x", "b/1"})
    from.send(publish(version(), {.topic = topic, .payload = topic, .retain = true}));
  settle();
  Wire& late = online(version(), "late");
  late.send(subscribe(version(), 1, {{"a/+"}}));
  EXPECT_THAT(got(late), ::testing::UnorderedElementsAre("SUBACK 1 [00]", "PUBLISH a/1=a/1 q0 retain",
                                                         "PUBLISH a/2=a/2 q0 retain"));
  late.send(subscribe(version(), 2, {{"b/1"}}));
  EXPECT_THAT(got(late), ElementsAre("SUBACK 2 [00]", "PUBLISH b/1=b/1 q0 retain"));
}

// MQTT 3.1.1: 3.3.1-9; 5.0: 3.3.1-12.
TEST_P(Both, AnEstablishedSubscriptionSeesNoRetainFlag) {
  Wire& to = subscriber(version(), "s", "t", 1);
  Wire& from = online(version(), "p");
  from.send(publish(version(), {.payload = "0", .retain = true}));
  from.send(publish(version(), {.payload = "1", .qos = 1, .id = 1, .retain = true}));
  EXPECT_THAT(got(to), ElementsAre("PUBLISH t=0 q0", "PUBLISH t=1 q1 id1"));
}

// MQTT 3.1.1: 3.3.1-10, 3.3.1-11; 5.0: 3.3.1-6, 3.3.1-7.
TEST_P(Both, AnEmptyRetainedMessageRemovesAndIsNotKept) {
  Wire& to = subscriber(version(), "s", "t", 0);
  Wire& from = online(version(), "p");
  from.send(publish(version(), {.payload = "kept", .retain = true}));
  EXPECT_THAT(got(to), ElementsAre("PUBLISH t=kept q0"));
  from.send(publish(version(), {.payload = "", .retain = true}));
  EXPECT_THAT(got(to), ElementsAre("PUBLISH t= q0")) << "it is delivered like any other";
  from.send(publish(version(), {.topic = "u", .payload = "", .retain = true}));
  settle();
  EXPECT_THAT(answer(online(version(), "late"), subscribe(version(), 1, {{"#"}})),
              ElementsAre("SUBACK 1 [00]"));
}

// MQTT 3.1.1: 3.3.1-12; 5.0: 3.3.1-8.
TEST_P(Both, WithoutTheFlagNothingIsRetainedOrReplaced) {
  Wire& from = online(version(), "p");
  from.send(publish(version(), {.payload = "kept", .retain = true}));
  from.send(publish(version(), {.payload = "passing"}));
  from.send(publish(version(), {.payload = ""}));
  from.send(publish(version(), {.topic = "u", .payload = "passing"}));
  settle();
  EXPECT_THAT(answer(online(version(), "late"), subscribe(version(), 1, {{"#"}})),
              ElementsAre("SUBACK 1 [00]", "PUBLISH t=kept q0 retain"));
}

// MQTT 5.0: 3.3.1-10, 3.3.1-11, 3.3.1-9, 3.8.4-4.
TEST_F(Mqtt5, RetainHandlingChoosesWhatIsSent) {
  online(kV5, "p").send(publish(kV5, {.payload = "kept", .retain = true}));
  settle();
  Wire& wire = online(kV5, "c");
  EXPECT_THAT(answer(wire, subscribe(kV5, 1, {{"t", kRetainNever}})), ElementsAre("SUBACK 1 [00]"));
  EXPECT_THAT(answer(wire, subscribe(kV5, 2, {{"t", kRetainIfNew}})), ElementsAre("SUBACK 2 [00]"));
  EXPECT_THAT(answer(wire, subscribe(kV5, 3, {{"t", 0}})),
              ElementsAre("SUBACK 3 [00]", "PUBLISH t=kept q0 retain"));
  EXPECT_THAT(answer(wire, unsubscribe(kV5, 4, {"t"})), ElementsAre("UNSUBACK 4 [00]"));
  EXPECT_THAT(answer(wire, subscribe(kV5, 5, {{"t", kRetainIfNew}})),
              ElementsAre("SUBACK 5 [00]", "PUBLISH t=kept q0 retain"));
}

// MQTT 5.0: 3.3.1-13, 3.3.1-12.
TEST_F(Mqtt5, RetainAsPublishedKeepsTheFlag) {
  Wire& to = subscriber(kV5, "s", "t", kRetainAsPublished);
  Wire& from = online(kV5, "p");
  from.send(publish(kV5, {.payload = "1", .retain = true}));
  from.send(publish(kV5, {.payload = "2"}));
  EXPECT_THAT(got(to), ElementsAre("PUBLISH t=1 q0 retain", "PUBLISH t=2 q0"));
}

// MQTT 3.1.1: 3.3.2-2, 4.7.1-1; 5.0: 3.3.2-2, 4.7.0-1.
TEST_P(Both, ATopicNameHasNoWildcards) {
  for (const std::string topic : {"#", "+", "a/#", "a/+/b", "a#", "+a"})
    EXPECT_EQ(answer(online(version(), "c"), publish(version(), {.topic = topic})), refusal(version(), "81"));
}

// MQTT 3.1.1: 3.3.2-3; 5.0: 3.3.2-3.
TEST_P(Both, ADeliveredTopicMatchesTheFilterAndIsThatOfThePublisher) {
  Wire& one = subscriber(version(), "one", "a/+/c", 0);
  Wire& all = subscriber(version(), "all", "#", 0);
  Wire& from = online(version(), "p");
  for (const std::string topic : {"a/b/c", "a//c", "a/b/c/d", "/a/b/c"})
    from.send(publish(version(), {.topic = topic}));
  EXPECT_THAT(got(one), ElementsAre("PUBLISH a/b/c=p q0", "PUBLISH a//c=p q0"));
  EXPECT_THAT(got(all), ElementsAre("PUBLISH a/b/c=p q0", "PUBLISH a//c=p q0", "PUBLISH a/b/c/d=p q0",
                                    "PUBLISH /a/b/c=p q0"));
  // With a property it takes another way through the encoder.
  Wire& rich = online(kV5, "rich");
  rich.send(publish(kV5, {.topic = "a/long/c", .properties = property::content_type("t")}));
  EXPECT_THAT(got(one), ElementsAre(::testing::StartsWith("PUBLISH a/long/c=p q0")));
}

// MQTT 5.0: 3.3.2-4, 3.3.2-15, 3.3.2-16, 3.3.2-17, 3.3.2-18, 3.3.2-20.
TEST_F(Mqtt5, PropertiesArePassedOnUnaltered) {
  Wire& to = subscriber(kV5, "s", "t", 2);
  Wire& from = online(kV5, "p");
  const Bytes odd("\x00\xff\x80", 3);
  for (unsigned qos = 0; qos < 3; ++qos) {
    const Bytes users =
        user_property("z", "1") + user_property("a", "") + user_property("z", "1") + user_property("", "2");
    from.send(publish(
        kV5, {.qos = qos,
              .id = 1 + qos,
              .properties = users + property::payload_format(1) + property::content_type("application/x") +
                            property::response_topic("answer/here") + property::correlation_data(odd)}));
    ASSERT_EQ(got(to).size(), 1U);
    EXPECT_EQ(to.properties[0x01], std::vector<std::string>{"1"});
    EXPECT_EQ(to.properties[0x03], std::vector<std::string>{"application/x"});
    EXPECT_EQ(to.properties[0x08], std::vector<std::string>{"answer/here"});
    EXPECT_EQ(to.properties[0x09], std::vector<std::string>{odd});
    EXPECT_EQ(to.properties[0x26], (std::vector<std::string>{"z:1", "a:", "z:1", ":2"}));
  }
  from.send(publish(kV5, {.properties = property::payload_format(0)}));
  EXPECT_THAT(got(to), ElementsAre("PUBLISH t=p q0 01=0")) << "0 is not the same as nothing";
}

// MQTT 5.0: 3.3.2-5, 3.3.2-6.
TEST_F(Mqtt5, AnExpiredMessageIsNotDelivered) {
  Wire& gone = subscriber(kV5, lasting(kV5, "c"), "t", 1);
  cut(gone);
  Wire& from = online(kV5, "p");
  for (const unsigned seconds : {5U, 60U}) {
    from.send(publish(kV5, {.payload = std::to_string(seconds),
                            .qos = 1,
                            .id = seconds,
                            .retain = seconds == 60,
                            .properties = property::message_expiry(seconds)}));
  }
  run(std::chrono::seconds{10});
  EXPECT_THAT(got(dial(kV5, lasting(kV5, "c"))),
              ElementsAre("CONNACK 00 present", "PUBLISH t=60 q1 id1 02=50"));
  // Of a retained one, too.
  EXPECT_THAT(answer(online(kV5, "late"), subscribe(kV5, 1, {{"t"}})),
              ElementsAre("SUBACK 1 [00]", "PUBLISH t=60 q0 retain 02=50"));
  run(std::chrono::seconds{60});
  EXPECT_THAT(answer(online(kV5, "later"), subscribe(kV5, 1, {{"t"}})), ElementsAre("SUBACK 1 [00]"));
}

// MQTT 5.0: 4.3.3-7, 4.3.3-13.
TEST_F(Mqtt5, AMessageThatWasSentDoesNotExpire) {
  Wire& first = subscriber(kV5, lasting(kV5, "c"), "t", 2);
  Wire& from = online(kV5, "p");
  from.send(publish(kV5, {.payload = "1", .qos = 2, .id = 1, .properties = property::message_expiry(5)}));
  from.send(publish(kV5, {.payload = "2", .qos = 2, .id = 2, .properties = property::message_expiry(5)}));
  EXPECT_EQ(got(first).size(), 2U);
  run(std::chrono::seconds{10});
  EXPECT_THAT(answer(first, pubrec(1)), ElementsAre("PUBREL 1")) << "the exchange goes on";
  first.send(pubcomp(1));
  settle();
  cut(first);
  const Lines again = got(dial(kV5, lasting(kV5, "c")));
  ASSERT_EQ(again.size(), 2U);
  EXPECT_TRUE(again[1].starts_with("PUBLISH t=2 q2 id2 dup")) << again[1];
}

// MQTT 5.0: 3.3.2-7, 3.3.2-8, 3.3.2-12, 3.3.2-9, 3.2.2-17.
TEST_F(Mqtt5, TopicAliasesOfAClient) {
  Wire& to = subscriber(kV5, "s", "#", 0);
  Wire& from = online(kV5, "p");
  for (unsigned alias = 1; alias <= 10; ++alias)
    from.send(
        publish(kV5, {.topic = "t" + std::to_string(alias), .properties = property::topic_alias(alias)}));
  EXPECT_EQ(got(to).size(), 10U) << "every one up to the announced maximum is taken";
  from.send(publish(kV5, {.topic = "", .payload = "again", .properties = property::topic_alias(7)}));
  EXPECT_THAT(got(to), ElementsAre("PUBLISH t7=again q0"));
  from.send(publish(kV5, {.topic = "other", .properties = property::topic_alias(7)}));
  from.send(publish(kV5, {.topic = "", .payload = "moved", .properties = property::topic_alias(7)}));
  EXPECT_THAT(got(to), ElementsAre("PUBLISH other=p q0", "PUBLISH other=moved q0"));
  cut(from);
  // Of another connection, past the maximum, and zero.
  EXPECT_EQ(answer(online(kV5, "p"), publish(kV5, {.topic = "", .properties = property::topic_alias(7)})),
            refusal(kV5, "94"));
  EXPECT_EQ(answer(online(kV5, "p"), publish(kV5, {.properties = property::topic_alias(11)})),
            refusal(kV5, "94"));
  EXPECT_EQ(answer(online(kV5, "p"), publish(kV5, {.properties = property::topic_alias(0)})),
            refusal(kV5, "94"));
  EXPECT_EQ(answer(online(kV5, "p"), publish(kV5, {.topic = ""})), refusal(kV5, "82"))
      << "neither topic nor alias";
  EXPECT_THAT(got(to), IsEmpty());
}

// MQTT 5.0: 3.3.2-13, 3.3.2-14, 3.3.2-19.
TEST_F(Mqtt5, PropertiesOfAPublishAreChecked) {
  for (const std::string topic : {"a/#", "+/a"}) {
    const Lines lines =
        answer(online(kV5, "c"), publish(kV5, {.properties = property::response_topic(topic)}));
    ASSERT_EQ(lines.size(), 2U);
    EXPECT_TRUE(lines[0] == "DISCONNECT 82" || lines[0] == "DISCONNECT 81" || lines[0] == "DISCONNECT 90")
        << lines[0];
  }
  EXPECT_EQ(answer(online(kV5, "c"), publish(kV5, {.properties = property::response_topic("\xff")})),
            refusal(kV5, "81"));
  EXPECT_EQ(answer(online(kV5, "c"), publish(kV5, {.properties = property::content_type("\xff")})),
            refusal(kV5, "81"));
}

// MQTT 3.1.1: 3.3.5-1; 5.0: 3.3.4-2.
TEST_P(Both, OverlappingSubscriptionsGiveTheHighestQos) {
  Wire& to = online(version(), "s");
  subscribe_to(to, "a/#", 0);
  subscribe_to(to, "a/+", 2);
  subscribe_to(to, "a/b", 1);
  online(version(), "p").send(publish(version(), {.topic = "a/b", .qos = 2, .id = 1}));
  EXPECT_THAT(got(to), ElementsAre("PUBLISH a/b=p q2 id1"));
}

// MQTT 5.0: 3.3.4-3, 3.3.4-4.
TEST_F(Mqtt5, OneCopyNamesEverySubscription) {
  Wire& to = online(kV5, "s");
  subscribe_to(to, "a/#", 0, property::subscription_identifier(1));
  subscribe_to(to, "a/+", 1, property::subscription_identifier(268435455));
  subscribe_to(to, "+/b", 1);
  subscribe_to(to, "a/b", 1, property::subscription_identifier(128));
  Wire& from = online(kV5, "p");
  from.send(publish(kV5, {.topic = "a/b", .qos = 1, .id = 1}));
  EXPECT_EQ(got(to).size(), 1U);
  EXPECT_THAT(to.properties[0x0b], ::testing::UnorderedElementsAre("1", "268435455", "128"));
  // A new SUBSCRIBE without an identifier takes it away.
  subscribe_to(to, "a/+", 1);
  from.send(publish(kV5, {.topic = "a/c", .qos = 1, .id = 2}));
  EXPECT_EQ(got(to).size(), 1U);
  EXPECT_THAT(to.properties[0x0b], ElementsAre("1"));
  // A retained message is sent because of the one subscription.
  from.send(publish(kV5, {.topic = "r", .retain = true}));
  settle();
  to.send(subscribe(kV5, 5, {{"r"}}, property::subscription_identifier(9)));
  EXPECT_THAT(got(to), ElementsAre("SUBACK 5 [00]", "PUBLISH r=p q0 retain 0b=9"));
}

// MQTT 5.0: 3.3.4-6.
TEST_F(Mqtt5, AClientSendsNoSubscriptionIdentifier) {
  EXPECT_EQ(answer(online(kV5, "c"), publish(kV5, {.properties = property::subscription_identifier(1)})),
            refusal(kV5, "82"));
}

// MQTT 3.1.1: 3.3.5-2.
TEST_F(Mqtt3, AForbiddenPublishIsAcknowledgedAndGoesNowhere) {
  Wire& to = subscriber(kV3, "s", "#", 0);
  Wire& from = online(kV3, "p");
  EXPECT_THAT(answer(from, publish(kV3, {.topic = "forbidden/a", .qos = 1, .id = 1})),
              ElementsAre("PUBACK 1"));
  EXPECT_THAT(answer(from, publish(kV3, {.topic = "forbidden/a", .qos = 2, .id = 2})),
              ElementsAre("PUBREC 2"));
  EXPECT_THAT(answer(from, pubrel(2)), ElementsAre("PUBCOMP 2"));
  EXPECT_THAT(got(to), IsEmpty());
}

// MQTT 3.1.1: 4.3.2-2; 5.0: 4.3.2-4, 4.3.2-5.
TEST_P(Both, AfterAPubackTheIdentifierMeansANewMessage) {
  Wire& to = subscriber(version(), "s", "t", 0);
  Wire& from = online(version(), "p");
  EXPECT_THAT(answer(from, publish(version(), {.payload = "1", .qos = 1, .id = 7})), ElementsAre("PUBACK 7"));
  EXPECT_THAT(answer(from, publish(version(), {.payload = "2", .qos = 1, .id = 7, .dup = true})),
              ElementsAre("PUBACK 7"));
  EXPECT_THAT(got(to), ElementsAre("PUBLISH t=1 q0", "PUBLISH t=2 q0"));
}

// MQTT 3.1.1: 4.3.3-2; 5.0: 4.3.3-8, 4.3.3-10, 4.3.3-11, 4.3.3-12.
TEST_P(Both, ARepeatedQos2PublishIsDeliveredOnce) {
  Wire& to = subscriber(version(), "s", "t", 0);
  Wire& from = online(version(), lasting(version(), "p"));
  EXPECT_THAT(answer(from, publish(version(), {.payload = "1", .qos = 2, .id = 7})), ElementsAre("PUBREC 7"));
  EXPECT_THAT(answer(from, publish(version(), {.payload = "1", .qos = 2, .id = 7, .dup = true})),
              ElementsAre("PUBREC 7"));
  cut(from);
  Wire& again = online(version(), lasting(version(), "p"));
  EXPECT_THAT(answer(again, publish(version(), {.payload = "1", .qos = 2, .id = 7, .dup = true})),
              ElementsAre("PUBREC 7"));
  EXPECT_THAT(got(to), ElementsAre("PUBLISH t=1 q0"));
  EXPECT_THAT(answer(again, pubrel(7)), ElementsAre("PUBCOMP 7"));
  EXPECT_THAT(answer(again, publish(version(), {.payload = "2", .qos = 2, .id = 7, .dup = true})),
              ElementsAre("PUBREC 7"));
  EXPECT_THAT(got(to), ElementsAre("PUBLISH t=2 q0"));
}

// MQTT 5.0: 4.3.3-9, 3.5.2-1, 3.4.2-1.
TEST_F(Mqtt5, ARefusedPublishLeavesItsIdentifierFree) {
  Wire& to = subscriber(kV5, "s", "#", 0);
  Wire& from = online(kV5, "p");
  EXPECT_THAT(answer(from, publish(kV5, {.topic = "forbidden/a", .qos = 2, .id = 7})),
              ElementsAre("PUBREC 7 87"));
  EXPECT_THAT(answer(from, publish(kV5, {.topic = "forbidden/a", .qos = 1, .id = 7})),
              ElementsAre("PUBACK 7 87"));
  EXPECT_THAT(answer(from, publish(kV5, {.topic = "a", .qos = 2, .id = 7})), ElementsAre("PUBREC 7"));
  EXPECT_THAT(got(to), ElementsAre("PUBLISH a=p q0"));
  // A journal that takes nothing.
  for (auto& log : world->logs) log->fail_next = Errc::no_space;
  EXPECT_THAT(answer(from, publish(kV5, {.topic = "b", .qos = 2, .id = 8})), ElementsAre("PUBREC 8 97"));
  EXPECT_THAT(answer(from, publish(kV5, {.topic = "b", .payload = "2", .qos = 2, .id = 8})),
              ElementsAre("PUBREC 8"));
  EXPECT_THAT(got(to), ElementsAre("PUBLISH b=2 q0"));
}

// MQTT 3.1.1: 4.8.0-2.
TEST_F(Mqtt3, APassingErrorEndsTheConnection) {
  Wire& from = online(kV3, "p");
  for (auto& log : world->logs) log->fail_next = Errc::no_space;
  EXPECT_THAT(answer(from, publish(kV3, {.qos = 1, .id = 1})), ElementsAre("closed"));
}

// MQTT 5.0: 3.6.2-1, 3.7.2-1, 3.4.2-1, 3.5.2-1.
TEST_F(Mqtt5, UnknownIdentifiersAreAnsweredWithTheirCode) {
  Wire& wire = online(kV5, "c");
  EXPECT_THAT(answer(wire, pubrel(9)), ElementsAre("PUBCOMP 9 92"));
  EXPECT_THAT(answer(wire, pubrec(10)), ElementsAre("PUBREL 10 92"));
  EXPECT_THAT(answer(wire, puback(11)), IsEmpty());
  EXPECT_THAT(answer(wire, pubcomp(12)), IsEmpty());
  // A code of another packet.
  EXPECT_EQ(answer(wire, puback(1, 0x92)), refusal(kV5, "82"));
  EXPECT_EQ(answer(online(kV5, "d"), pubrec(1, 0x01)), refusal(kV5, "82"));
  EXPECT_EQ(answer(online(kV5, "d"), pubrel(1, 0x10)), refusal(kV5, "82"));
  EXPECT_EQ(answer(online(kV5, "d"), pubcomp(1, 0x97)), refusal(kV5, "82"));
}

// MQTT 3.1.1: 4.3.2-1; 5.0: 4.3.2-2, 4.3.3-2, 4.3.3-4.
TEST_P(Both, ADeliveryEndsWithItsAcknowledgement) {
  Wire& to = subscriber(version(), lasting(version(), "s"), "t", 2);
  Wire& from = online(version(), "p");
  from.send(publish(version(), {.payload = "1", .qos = 1, .id = 1}));
  from.send(publish(version(), {.payload = "2", .qos = 2, .id = 2}));
  EXPECT_THAT(got(to), ElementsAre("PUBLISH t=1 q1 id1", "PUBLISH t=2 q2 id2"));
  EXPECT_THAT(answer(to, puback(1)), IsEmpty());
  EXPECT_THAT(answer(to, pubrec(2)), ElementsAre("PUBREL 2"));
  EXPECT_THAT(answer(to, pubcomp(2)), IsEmpty());
  cut(to);
  EXPECT_THAT(got(dial(version(), lasting(version(), "s"))), ElementsAre("CONNACK 00 present"));
}

}  // namespace
}  // namespace dunlin::conformance
