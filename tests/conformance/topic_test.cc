// Section 4.7: topic names and filters, through the whole server.

#include "fixture.h"

namespace dunlin::conformance {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class Topics : public Both {
 protected:
  /// Which of the topics a subscription to `filter` gets.
  std::vector<std::string> matched(const std::string& filter, const std::vector<std::string>& topics) {
    Wire& to = subscriber(version(), "s", filter, 0);
    Wire& from = online(version(), "p");
    for (const std::string& topic : topics) from.send(publish(version(), {.topic = topic, .payload = ""}));
    std::vector<std::string> found;
    for (const std::string& line : got(to)) found.push_back(line.substr(8, line.find("= q0") - 8));
    return found;
  }
};

INSTANTIATE_TEST_SUITE_P(Versions, Topics, ::testing::Values(kV3, kV5),
                         [](const auto& one) { return one.param == kV3 ? "v3_1_1" : "v5_0"; });

// MQTT 3.1.1: 4.7.1-2, 4.7.1-3; 5.0: 4.7.1-1, 4.7.1-2.
TEST_P(Topics, WildcardsFillTheirLevel) {
  for (const std::string bad : {"a#", "a/b#", "#/a", "a/#/b", "a+", "+a", "a/+b", "a/b+/c", "##", "++"})
    EXPECT_EQ(answer(online(version(), "c"), subscribe(version(), 1, {{bad}})), refusal(version(), "81"))
        << bad;
  Wire& wire = online(version(), "c");
  EXPECT_THAT(answer(wire, subscribe(version(), 1, {{"#"}, {"+"}, {"a/#"}, {"+/+"}, {"+/a/+/#"}, {"/+"}})),
              ElementsAre("SUBACK 1 [00 00 00 00 00 00]"));
}

// MQTT 3.1.1: 4.7.1-2, 4.7.1-3; 5.0: 4.7.1-1, 4.7.1-2.
TEST_P(Topics, WildcardsMatchTheirLevels) {
  const std::vector<std::string> topics = {"a", "a/", "a/b", "a/b/c", "/a", "/", "b"};
  EXPECT_THAT(matched("a/#", topics), ElementsAre("a", "a/", "a/b", "a/b/c"));
  EXPECT_THAT(matched("a/+", topics), ElementsAre("a/", "a/b"));
  EXPECT_THAT(matched("+", topics), ElementsAre("a", "b"));
  EXPECT_THAT(matched("/+", topics), ElementsAre("/a", "/"));
  EXPECT_THAT(matched("+/+", topics), ElementsAre("a/", "a/b", "/a", "/"));
  EXPECT_THAT(matched("#", topics), ::testing::ElementsAreArray(topics));
}

// MQTT 3.1.1: 4.7.2-1; 5.0: 4.7.2-1.
TEST_P(Topics, AWildcardInFrontDoesNotMatchDollar) {
  const std::vector<std::string> topics = {"$x", "$x/a", "$x/a/b", "x/$y", "$"};
  EXPECT_THAT(matched("#", topics), ElementsAre("x/$y"));
  EXPECT_THAT(matched("+", topics), IsEmpty());
  EXPECT_THAT(matched("+/a", topics), IsEmpty());
  EXPECT_THAT(matched("+/#", topics), ElementsAre("x/$y"));
  EXPECT_THAT(matched("$x/#", topics), ElementsAre("$x", "$x/a", "$x/a/b"));
  EXPECT_THAT(matched("$x/+", topics), ElementsAre("$x/a"));
  // Nor do retained messages come that way.
  Wire& from = online(version(), "p");
  from.send(publish(version(), {.topic = "$x/kept", .retain = true}));
  settle();
  Wire& late = online(version(), "late");
  EXPECT_THAT(answer(late, subscribe(version(), 1, {{"#"}})), ElementsAre("SUBACK 1 [00]"));
  EXPECT_THAT(answer(late, subscribe(version(), 2, {{"+/kept"}})), ElementsAre("SUBACK 2 [00]"));
  EXPECT_THAT(answer(late, subscribe(version(), 3, {{"$x/#"}})),
              ElementsAre("SUBACK 3 [00]", "PUBLISH $x/kept=p q0 retain"));
}

// MQTT 3.1.1: 4.7.3-1; 5.0: 4.7.3-1.
TEST_P(Topics, ATopicHasAtLeastOneCharacter) {
  EXPECT_EQ(answer(online(version(), "c"), publish(version(), {.topic = ""})), refusal(version(), "82"));
  EXPECT_EQ(answer(online(version(), "c"), subscribe(version(), 1, {{""}})), refusal(version(), "81"));
  EXPECT_EQ(answer(online(version(), "c"), unsubscribe(version(), 1, {""})), refusal(version(), "81"));
  EXPECT_EQ(got(dial(version(), {.will = Will{.topic = ""}})),
            version() == kV5 ? connack_refusal("81") : Lines{"closed"});
}

// MQTT 3.1.1: 4.7.3-3; 5.0: 4.7.3-3.
TEST_P(Topics, ATopicMayHave65535Bytes) {
  const std::string longest(65535, 'x');
  Wire& to = subscriber(version(), "s", longest, 0);
  Wire& from = online(version(), "p");
  from.send(publish(version(), {.topic = longest}));
  EXPECT_THAT(got(to), ElementsAre("PUBLISH " + longest + "=p q0"));
  from.send(publish(version(), {.topic = longest, .qos = 1, .id = 1}));
  EXPECT_THAT(got(to), ElementsAre("PUBLISH " + longest + "=p q0"));
}

// MQTT 3.1.1: 4.7.3-4; 5.0: 4.7.3-4.
TEST_P(Topics, NothingIsNormalized) {
  const std::string composed = "\xc3\x85";     // one character
  const std::string decomposed = "A\xcc\x8a";  // the same to the eye
  const std::vector<std::string> topics = {composed, decomposed, "a b",  "a  b", "A",           "a",
                                           " a",     "a/",       "a//b", "./a",  "\xef\xbf\xbd"};
  for (const std::string& topic : topics) EXPECT_THAT(matched(topic, topics), ElementsAre(topic));
}

}  // namespace
}  // namespace dunlin::conformance
