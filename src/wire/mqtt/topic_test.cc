#include "wire/mqtt/topic.h"

#include <gtest/gtest.h>

#include <string>

#include "wire/mqtt/limits.h"

namespace dunlin::mqtt {
namespace {

std::string levels(std::size_t count) {
  std::string topic = "a";
  for (std::size_t i = 1; i < count; ++i) topic += "/a";
  return topic;
}

TEST(MqttUtf8, MQTT_1_5_4_1_WellFormedOnly) {
  for (const std::string_view good :
       {"", "a", "\x7F", "\u0080", "\u07FF", "\u0800", "\uD7FF", "\uE000", "\uFFFD", "\uFEFF", "\U00010000",
        "\U0010FFFF", "12345678\u00E9", "1234567\u20AC"}) {
    EXPECT_TRUE(is_mqtt_utf8(good)) << good;
  }
  for (const std::string_view bad : {"\x80",
                                     "\xBF",
                                     "\xC0\x80",
                                     "\xC1\xBF",
                                     "\xC2",
                                     "\xC2\x41",
                                     "\xE0\x9F\xBF",
                                     "\xE2\x82",
                                     "\xE2\x28\xA1",
                                     "\xED\xA0\x80",
                                     "\xED\xBF\xBF",
                                     "\xF0\x8F\xBF\xBF",
                                     "\xF0\x9F\x98",
                                     "\xF4\x90\x80\x80",
                                     "\xF5\x80\x80\x80",
                                     "\xFE",
                                     "\xFF",
                                     "12345678\xFF",
                                     "1234567\xFF",
                                     "\xED\xA0\xBD\xED\xB8\x80"}) {
    EXPECT_FALSE(is_mqtt_utf8(bad));
  }
}

TEST(MqttUtf8, MQTT_1_5_4_2_NoNullCharacter) {
  for (std::size_t at = 0; at < 20; ++at) {
    std::string text(20, 'a');
    text[at] = '\0';
    EXPECT_FALSE(is_mqtt_utf8(text)) << at;
    EXPECT_EQ(check_topic_name(text), TopicFault::ill_formed) << at;
    EXPECT_EQ(check_topic_filter(text), TopicFault::ill_formed) << at;
  }
}

TEST(MqttTopic, MQTT_4_7_3_1_AtLeastOneCharacter) {
  EXPECT_EQ(check_topic_name(""), TopicFault::empty);
  EXPECT_EQ(check_topic_filter(""), TopicFault::empty);
}

TEST(MqttTopic, MQTT_4_7_3_3_AtMost65535Bytes) {
  EXPECT_EQ(check_topic_name(std::string(kMaxTextBytes, 'a')), TopicFault::none);
  EXPECT_EQ(check_topic_name(std::string(kMaxTextBytes + 1, 'a')), TopicFault::too_long);
  EXPECT_EQ(check_topic_filter(std::string(kMaxTextBytes + 1, 'a')), TopicFault::too_long);
}

TEST(MqttTopic, MQTT_4_7_0_1_NamesHaveNoWildcards) {
  for (std::size_t at = 0; at < 20; ++at) {
    std::string text(20, 'a');
    for (const char wildcard : {'+', '#'}) {
      text[at] = wildcard;
      EXPECT_EQ(check_topic_name(text), TopicFault::wildcard) << text;
    }
  }
  for (const std::string_view good :
       {"/", "a", "a/b", "/a/", "a//b", "$SYS/x", "sp ace", "$share", "\u00E9/+"}) {
    const bool wild = good.find('+') != std::string_view::npos;
    EXPECT_EQ(check_topic_name(good), wild ? TopicFault::wildcard : TopicFault::none) << good;
  }
}

TEST(MqttTopic, MQTT_4_7_1_WildcardsFillTheirLevel) {
  for (const std::string_view good :
       {"#", "+", "a/#", "a/+/b", "+/+", "/+", "+/", "/#", "+/a/#", "//", "$SYS/#"}) {
    EXPECT_EQ(check_topic_filter(good), TopicFault::none) << good;
  }
  for (const std::string_view bad :
       {"a#", "#/a", "a/#/b", "##", "a+", "+a", "a/b+/c", "++", "#+", "+#", "a/#+"}) {
    EXPECT_EQ(check_topic_filter(bad), TopicFault::wildcard) << bad;
  }
}

TEST(MqttTopic, LevelsAreBounded) {
  EXPECT_EQ(check_topic_name(levels(kMaxTopicLevels)), TopicFault::none);
  EXPECT_EQ(check_topic_filter(levels(kMaxTopicLevels)), TopicFault::none);
  EXPECT_EQ(check_topic_name(levels(kMaxTopicLevels + 1)), TopicFault::too_many_levels);
  EXPECT_EQ(check_topic_filter(levels(kMaxTopicLevels + 1)), TopicFault::too_many_levels);
  EXPECT_EQ(check_topic_name(std::string(kMaxTopicLevels - 1, '/')), TopicFault::none);
  EXPECT_EQ(check_topic_name(std::string(kMaxTopicLevels, '/')), TopicFault::too_many_levels);
}

TEST(MqttTopic, MQTT_4_8_2_SharedSubscriptions) {
  const auto shared = parse_shared_filter("$share/group/a/+/#");
  ASSERT_TRUE(shared);
  EXPECT_EQ(shared->share_name, "group");
  EXPECT_EQ(shared->filter, "a/+/#");
  EXPECT_FALSE(parse_shared_filter("a/b"));
  EXPECT_FALSE(parse_shared_filter("$shared/g/a"));
  for (const std::string_view good : {"$share/g/#", "$share/g//", "$share/g/$SYS/x", "$shared/a", "$share"}) {
    EXPECT_EQ(check_topic_filter(good), TopicFault::none) << good;
  }
  for (const std::string_view bad :
       {"$share/", "$share/g", "$share/g/", "$share//a", "$share/+/a", "$share/g#/a"}) {
    EXPECT_EQ(check_topic_filter(bad), TopicFault::bad_share_name) << bad;
  }
  EXPECT_EQ(check_topic_filter("$share/g/a#"), TopicFault::wildcard);
}

struct MatchRow {
  std::string_view filter;
  std::string_view topic;
  bool matches;
};

TEST(MqttTopic, MQTT_4_7_1_Matching) {
  for (const MatchRow& row : {MatchRow{"a/b", "a/b", true},
                              {"a/b", "a/c", false},
                              {"a/b", "a", false},
                              {"a", "a/b", false},
                              {"#", "a", true},
                              {"#", "a/b/c", true},
                              {"#", "/", true},
                              {"a/#", "a", true},
                              {"a/#", "a/", true},
                              {"a/#", "a/b/c", true},
                              {"a/#", "ab", false},
                              {"a/b/#", "a", false},
                              {"/#", "/a", true},
                              {"/#", "a", false},
                              {"+", "a", true},
                              {"+", "/a", false},
                              {"+", "a/", false},
                              {"+/+", "/a", true},
                              {"/+", "/a", true},
                              {"a/+", "a", false},
                              {"a/+", "a/", true},
                              {"a/+", "a/b", true},
                              {"a/+", "a/b/c", false},
                              {"a/+/c", "a/b/c", true},
                              {"a/+/c", "a//c", true},
                              {"a/+/#", "a", false},
                              {"a/+/#", "a/b", true},
                              {"+/#", "a", true},
                              {"a//b", "a/b", false},
                              {"A", "a", false},
                              {"a/", "a", false},
                              {"a", "a/", false}}) {
    EXPECT_EQ(topic_matches(row.filter, row.topic), row.matches) << row.filter << " " << row.topic;
  }
}

TEST(MqttTopic, MQTT_4_7_2_1_WildcardsDoNotMatchDollar) {
  EXPECT_FALSE(topic_matches("#", "$SYS/x"));
  EXPECT_FALSE(topic_matches("+/x", "$SYS/x"));
  EXPECT_TRUE(topic_matches("$SYS/#", "$SYS/x"));
  EXPECT_TRUE(topic_matches("$SYS/+", "$SYS/x"));
  EXPECT_TRUE(topic_matches("a/+", "a/$b"));
}

TEST(MqttTopic, FaultsHaveTexts) {
  EXPECT_EQ(topic_fault_text(TopicFault::none), "valid");
  EXPECT_NE(topic_fault_text(TopicFault::wildcard), topic_fault_text(TopicFault::ill_formed));
}

}  // namespace
}  // namespace dunlin::mqtt
