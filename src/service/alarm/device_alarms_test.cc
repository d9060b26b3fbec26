#include "model/hops.h"
#include "service/alarm/alarm_fixture.h"
#include "service/alarm/device_word.h"

namespace dunlin::alarm {
namespace {

struct DeviceAlarmTest : AlarmTest {
  std::string rejected(const std::string& thing, const std::string& name = "hot") {
    const auto sent = bus.payloads("$dunlin/things/" + thing + "/alarms/" + name + "/rejected");
    return sent.empty() ? "" : std::string(boost::json::parse(sent.back()).at("message").as_string());
  }
};

TEST_F(DeviceAlarmTest, ADeviceRaisesAndClearsItsOwnAlarm) {
  say("a", R"({"state":"raised","severity":"critical","message":"the oil is low"})");
  say("a", R"({"state":"raised","severity":"critical","message":"the oil is gone"})");
  EXPECT_EQ(listed({{"source", "device"}}), "a:active:2 ");
  EXPECT_EQ(shown("a").at("message").as_string(), "the oil is gone");
  EXPECT_EQ(shown("a").at("causes").at(0).at("name").as_string(), "$dunlin/things/a/alarms/hot");
  EXPECT_EQ(shown("a").at("causes").at(1).at("kind").as_string(), "device");
  say("a", R"({"state":"cleared","message":"filled up"})");
  EXPECT_EQ(shown("a").at("cleared_by").as_string(), "a");
  EXPECT_EQ(history("a"), "raised cleared ");
  EXPECT_EQ(changes("a"), "raised updated cleared ");
  EXPECT_EQ(model::hops_of(bus.published.back()), 1);
  EXPECT_EQ(rejected("a"), "");
}

TEST_F(DeviceAlarmTest, WhatARuleRaisedADeviceDoesNotEnd) {
  raise("a");
  say("a", R"({"state":"cleared"})");
  EXPECT_EQ(listed(), "a:active:1 ");
  pass(std::chrono::seconds{1});
  say("a", R"({"state":"raised"})");
  EXPECT_EQ(listed(), "a:active:1 a:active:1 ") << "two alarms";
  say("a", R"({"state":"cleared"})");
  EXPECT_EQ(listed({{"source", "rule"}}), "a:active:1 ");
  EXPECT_EQ(listed({{"source", "device"}}), "a:cleared:1 ");
}

TEST_F(DeviceAlarmTest, EachWrongWordIsRefusedWithAReason) {
  for (const auto& [word, why] : std::initializer_list<std::pair<const char*, const char*>>{
           {"", "expected a JSON object"},
           {"[]", "expected a JSON object"},
           {"{\"a\":[[[[[1]]]]]}", "expected a JSON object"},
           {"{}", "\"state\" must be"},
           {R"({"state":1})", "must be a text"},
           {R"({"state":"on"})", "\"raised\" or \"cleared\""},
           {R"({"state":"raised","severity":"bad"})", "info, warning"},
           {R"({"state":"raised","message":5})", "must be a text"}}) {
    say("a", word);
    EXPECT_NE(rejected("a").find(why), std::string::npos) << word << ": " << rejected("a");
  }
  say("a", std::string(kMaxWordBytes + 1, ' '));
  EXPECT_NE(rejected("a").find("4096"), std::string::npos);
  arrive("$dunlin/things/a/alarms/a~b", R"({"state":"raised"})", device("a"));
  settle();
  EXPECT_NE(rejected("a", "a~b").find("without"), std::string::npos);
  EXPECT_EQ(listed(), "");
  EXPECT_EQ(counted("dunlin_alarm_device_refused_total"), 10);
  EXPECT_EQ(counted("dunlin_alarm_device_words_total"), 10);
}

TEST_F(DeviceAlarmTest, ADeviceHasSoManyOpenAlarms) {
  for (std::size_t i = 0; i <= kMaxOpenOfDevice; ++i) {
    arrive("$dunlin/things/a/alarms/n" + std::to_string(i), R"({"state":"raised"})", device("a"));
    settle();
  }
  EXPECT_EQ(alarms->open_count(), kMaxOpenOfDevice);
  EXPECT_NE(rejected("a", "n64").find("clear some first"), std::string::npos);
  raise("a");
  EXPECT_EQ(alarms->open_count(), kMaxOpenOfDevice + 1) << "rules are not held by that";
  say("b", R"({"state":"raised"})");
  EXPECT_EQ(alarms->open_count(), kMaxOpenOfDevice + 2);
}

TEST_F(DeviceAlarmTest, AThingInMaintenanceIsPassedOver) {
  say(muted, R"({"state":"raised"})");
  EXPECT_EQ(listed(), "");
  EXPECT_EQ(counted("dunlin_alarm_device_muted_total"), 1);
}

TEST_F(DeviceAlarmTest, AnAlarmIsStoredWithItsPlaceInTheJournalAndTriedAgain) {
  keyed.fail_writes = 1;
  say("a", R"({"state":"raised"})");
  EXPECT_EQ(changes("a"), "") << "told of when it is durable";
  pass(std::chrono::seconds{2});
  EXPECT_EQ(changes("a"), "raised ");
  restart();
  EXPECT_EQ(listed(), "a:active:1 ") << "not counted again";
}

TEST_F(DeviceAlarmTest, TopicsAreTakenApart) {
  EXPECT_EQ(device_topic_of("$dunlin/things/a/alarms/hot").thing, "a");
  EXPECT_EQ(device_topic_of("$dunlin/things/a/alarms/hot").name, "hot");
  for (const char* other :
       {"", "$dunlin/things/", "$dunlin/things/a", "$dunlin/things/a/alarm/hot", "x/a/alarms/hot"})
    EXPECT_EQ(device_topic_of(other).name, "") << other;
  EXPECT_FALSE(check_alarm_name(std::string(kMaxNameBytes + 1, 'x')));
  EXPECT_FALSE(check_alarm_name("a\nb"));
  EXPECT_FALSE(check_alarm_name("a\xf0"));
  EXPECT_TRUE(check_alarm_name("zu heiß"));
}

}  // namespace
}  // namespace dunlin::alarm
