#include "transport/mqtt/topic_aliases.h"

#include <gtest/gtest.h>

#include <map>

#include "base/rng.h"
#include "transport/mqtt/limits.h"

namespace dunlin::transport {
namespace {

using Topic = TopicAliases::Choice::Topic;

TopicAliases::Choice send(TopicAliases& aliases, std::string_view topic) {
  const auto choice = aliases.choose(topic);
  aliases.sent(choice, topic);
  return choice;
}

TEST(TopicAliases, TheSecondTimeTheTopicIsLeftOut) {
  TopicAliases aliases(2);
  EXPECT_EQ(send(aliases, "plant/one").alias, 1);
  EXPECT_EQ(send(aliases, "plant/two").alias, 2);
  const auto again = send(aliases, "plant/one");
  EXPECT_EQ(again.alias, 1);
  EXPECT_EQ(again.topic, Topic::left_out);
}

TEST(TopicAliases, ATopicThatWasNotSentIsNotKnown) {
  TopicAliases aliases(2);
  EXPECT_EQ(aliases.choose("plant/one").topic, Topic::sent);
  EXPECT_EQ(aliases.choose("plant/one").topic, Topic::sent);
}

TEST(TopicAliases, ShortAndVeryLongTopicsGetNone) {
  TopicAliases aliases(5);
  EXPECT_EQ(aliases.choose(std::string(kMinAliasedTopicBytes, 'a')).alias, 0);
  EXPECT_EQ(aliases.choose(std::string(kMinAliasedTopicBytes + 1, 'a')).alias, 1);
  EXPECT_EQ(aliases.choose(std::string(kMaxAliasedTopicBytes, 'a')).alias, 1);
  EXPECT_EQ(aliases.choose(std::string(kMaxAliasedTopicBytes + 1, 'a')).alias, 0);
  TopicAliases none(0);
  EXPECT_EQ(none.choose("plant/one").alias, 0);
}

TEST(TopicAliases, FrequentTopicsStayAmongEverNewOnes) {
  TopicAliases aliases(4);
  for (int i = 0; i < 20; ++i) {
    for (const char* topic : {"plant/a", "plant/b", "plant/c"}) send(aliases, topic);
  }
  int left_out = 0;
  for (int i = 0; i < 1000; ++i) {
    send(aliases, "new/" + std::to_string(i));
    for (const char* topic : {"plant/a", "plant/b", "plant/c"})
      left_out += send(aliases, topic).topic == Topic::left_out ? 1 : 0;
  }
  EXPECT_EQ(left_out, 3000);
  EXPECT_EQ(aliases.size(), 4U);
}

TEST(TopicAliases, AWornOutTopicGivesWay) {
  TopicAliases aliases(1);
  send(aliases, "plant/old");
  EXPECT_EQ(send(aliases, "plant/new").alias, 0) << "wears it down";
  EXPECT_EQ(send(aliases, "plant/new").alias, 1) << "takes its place";
  EXPECT_EQ(send(aliases, "plant/new").topic, Topic::left_out);
  EXPECT_EQ(send(aliases, "plant/old").topic, Topic::sent);
}

TEST(TopicAliases, AClientThatKeepsTheTableReadsTheSameTopics) {
  TopicAliases aliases(7);
  std::map<std::uint16_t, std::string> client;
  SeededRng rng(11);
  for (int i = 0; i < 20'000; ++i) {
    const std::string topic = "topic/" + std::to_string((rng.next() % 30) * (rng.next() % 30));
    const auto choice = aliases.choose(topic);
    if (rng.next() % 10 == 0) continue;  // too large for the client
    aliases.sent(choice, topic);
    ASSERT_LE(choice.alias, 7);
    if (choice.alias == 0) continue;
    if (choice.topic == Topic::sent) client[choice.alias] = topic;
    ASSERT_EQ(client[choice.alias], topic);
  }
}

}  // namespace
}  // namespace dunlin::transport
