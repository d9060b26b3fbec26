// Section 4.8.2 of MQTT 5.0: shared subscriptions.

#include "fixture.h"

namespace dunlin::conformance {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class SharedSubscriptions : public Conformance {
 protected:
  /// One message from a publisher of its own.
  void send(const std::string& payload, unsigned qos) {
    Wire& from = online(kV5, "p");
    const Lines lines = answer(from, publish(kV5, {.payload = payload, .qos = qos, .id = 1}));
    if (qos == 2) {
      EXPECT_EQ(answer(from, pubrel(1)), Lines{"PUBCOMP 1"});
    }
    leave(from);
  }
};

// MQTT 5.0: 4.8.2-1, 4.8.2-2.
TEST_F(SharedSubscriptions, AFilterNamesItsGroup) {
  for (const std::string bad :
       {"$share/", "$share/g", "$share//t", "$share/+/t", "$share/g#/t", "$share/g/", "$share/g/a#"}) {
    Wire& wire = online(kV5, "c");
    const Lines lines = answer(wire, subscribe(kV5, 1, {{bad}}));
    ASSERT_FALSE(lines.empty());
    EXPECT_TRUE(lines[0] == "SUBACK 1 [8f]" || lines[0] == "DISCONNECT 81") << bad << ": " << lines[0];
  }
  // A topic that only looks like one is no shared subscription.
  Wire& plain = subscriber(kV5, "plain", "$shared/g/t", 0);
  Wire& member = subscriber(kV5, "member", "$share/g/t", 0);
  Wire& from = online(kV5, "p");
  from.send(publish(kV5, {.topic = "$shared/g/t"}));
  from.send(publish(kV5, {.topic = "t"}));
  EXPECT_THAT(got(plain), ElementsAre("PUBLISH $shared/g/t=p q0"));
  EXPECT_THAT(got(member), ElementsAre("PUBLISH t=p q0"));
}

// MQTT 5.0: 4.8.2-3.
TEST_F(SharedSubscriptions, EachMemberHasItsGrantedQos) {
  Wire& zero = subscriber(kV5, "zero", "$share/g/t", 0);
  Wire& two = subscriber(kV5, "two", "$share/g/t", 2);
  Lines of_zero;
  Lines of_two;
  for (int i = 0; i < 6; ++i) {
    send(std::to_string(i), 2);
    for (const std::string& line : got(zero)) of_zero.push_back(line);
    for (const std::string& line : got(two)) of_two.push_back(line);
  }
  EXPECT_EQ(of_zero.size() + of_two.size(), 6U) << "each message once";
  ASSERT_FALSE(of_zero.empty());
  ASSERT_FALSE(of_two.empty());
  for (const std::string& line : of_zero) EXPECT_TRUE(line.ends_with(" q0")) << line;
  for (const std::string& line : of_two) EXPECT_TRUE(line.contains(" q2 id")) << line;
}

// MQTT 5.0: 4.8.2-4.
TEST_F(SharedSubscriptions, AQos2DeliveryIsCompletedByTheSameMember) {
  Wire& first = subscriber(kV5, lasting(kV5, "first"), "$share/g/t", 2);
  send("1", 2);
  EXPECT_THAT(got(first), ElementsAre("PUBLISH t=1 q2 id1"));
  Wire& other = subscriber(kV5, "other", "$share/g/t", 2);
  cut(first);
  run(std::chrono::seconds{30});
  EXPECT_THAT(got(other), IsEmpty());
  EXPECT_THAT(got(dial(kV5, lasting(kV5, "first"))),
              ElementsAre("CONNACK 00 present", "PUBLISH t=1 q2 id1 dup"));
}

// MQTT 5.0: 4.8.2-5.
TEST_F(SharedSubscriptions, AQos2DeliveryThatWasBegunGoesToNobodyElse) {
  Wire& first = subscriber(kV5, "first", "$share/g/t", 2);
  send("1", 2);
  EXPECT_THAT(got(first), ElementsAre("PUBLISH t=1 q2 id1"));
  Wire& other = subscriber(kV5, "other", "$share/g/t", 2);
  cut(first);
  run(std::chrono::hours{2});
  EXPECT_THAT(got(other), IsEmpty());
}

// MQTT 5.0: 4.8.2-6.
TEST_F(SharedSubscriptions, ARefusedMessageGoesToNobodyElse) {
  Wire& first = subscriber(kV5, "first", "$share/g/t", 2);
  send("1", 1);
  send("2", 2);
  EXPECT_THAT(got(first), ElementsAre("PUBLISH t=1 q1 id1", "PUBLISH t=2 q2 id2"));
  Wire& other = subscriber(kV5, "other", "$share/g/t", 2);
  first.send(puback(1, 0x80));
  first.send(pubrec(2, 0x97));
  EXPECT_THAT(got(first), IsEmpty());
  cut(first);
  run(std::chrono::seconds{30});
  EXPECT_THAT(got(other), IsEmpty());
}

// Section 4.8.2: a retained message is not sent to a new member of a group.
TEST_F(SharedSubscriptions, ARetainedMessageIsNotSentToANewMember) {
  Wire& from = online(kV5, "p");
  from.send(publish(kV5, {.retain = true}));
  EXPECT_THAT(got(from), IsEmpty());
  Wire& member = online(kV5, "member");
  EXPECT_THAT(answer(member, subscribe(kV5, 1, {{"$share/g/t"}})), ElementsAre("SUBACK 1 [00]"));
  EXPECT_THAT(answer(member, subscribe(kV5, 2, {{"t"}})),
              ElementsAre("SUBACK 2 [00]", "PUBLISH t=p q0 retain"));
}

}  // namespace
}  // namespace dunlin::conformance
