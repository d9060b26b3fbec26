#include <boost/json.hpp>

#include "model/hops.h"
#include "service/alarm/alarm_fixture.h"

namespace dunlin::alarm {
namespace {

TEST_F(AlarmTest, RaisesCountsAcknowledgesAndClears) {
  raise("press-01");
  pass(std::chrono::seconds{1});
  raise("press-01");
  EXPECT_EQ(listed(), "press-01:active:2 ");
  const std::string alarm = id("press-01");
  const auto taken = call("alarm.acknowledge", {{"alarm", alarm}});
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->at("acknowledged_by").as_string(), "ada");
  raise("press-01");
  EXPECT_EQ(listed(), "press-01:acknowledged:3 ");
  clear("press-01");
  EXPECT_EQ(listed({{"state", "cleared"}}), "press-01:cleared:3 ");
  EXPECT_EQ(call("alarm.get", {{"alarm", alarm}})->at("cleared_by").as_string(), "rule");
  EXPECT_EQ(ask("alarm.acknowledge", {{"alarm", alarm}}), "conflict");
  EXPECT_EQ(ask("alarm.clear", {{"alarm", alarm}}), "conflict");
  EXPECT_EQ(ask("alarm.clear", {{"alarm", "x"}}), "not_found");
  EXPECT_EQ(ask("alarm.get", {{"alarm", "x"}}), "not_found");
  EXPECT_EQ(told,
            (std::vector<std::string>{"press-01 active 1", "press-01 active 2", "press-01 acknowledged 2",
                                      "press-01 acknowledged 3", "press-01 cleared 3"}));
  EXPECT_EQ(counted("dunlin_alarm_raised_total"), 1);
  EXPECT_EQ(counted("dunlin_alarm_open"), 0);
}

TEST_F(AlarmTest, TellsTheTopicOfEachThing) {
  raise("press-01");
  const auto sent = bus.payloads("$dunlin/alarms/hot/press-01");
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(boost::json::parse(sent[0]).at("message").as_string(), "too hot");
  EXPECT_EQ(model::hops_of(bus.published.back()), 1);
}

TEST_F(AlarmTest, NothingIsToldBeforeItIsStored) {
  keyed.hold_writes = true;
  raise("press-01");
  EXPECT_TRUE(told.empty());
  EXPECT_TRUE(bus.published.empty());
  keyed.release_writes();
  settle();
  EXPECT_EQ(told.size(), 1u);
}

TEST_F(AlarmTest, WhatAPersonDoesIsNotUndoneByAFinderThatRepeatsItsWrite) {
  raise("press-01");
  const std::string alarm = id("press-01");
  const auto prepared = alarms->prepare({finding("press-01")});         // its batch waits for the disk
  EXPECT_EQ(ask("alarm.acknowledge", {{"alarm", alarm}}), "internal");  // no answer yet
  store::Batch batch;
  batch.puts = prepared.puts;
  keyed.write(*executor, std::move(batch), [](Result<void>) {});
  alarms->announce(prepared);
  settle();
  EXPECT_EQ(listed(), "press-01:acknowledged:2 ");
  restart();
  EXPECT_EQ(listed(), "press-01:acknowledged:2 ");
}

TEST_F(AlarmTest, AChangeThatCannotBeStoredDidNotHappen) {
  raise("press-01");
  const std::string alarm = id("press-01");
  keyed.fail_writes = 1;
  EXPECT_EQ(ask("alarm.clear", {{"alarm", alarm}}), "no_space");
  EXPECT_EQ(alarms->open_count(), 1u);
  keyed.fail_writes = 1;
  EXPECT_EQ(ask("alarm.acknowledge", {{"alarm", alarm}}), "no_space");
  raise("press-01");
  EXPECT_EQ(listed(), "press-01:active:2 ");
  EXPECT_EQ(call("alarm.clear", {{"alarm", alarm}})->at("state").as_string(), "cleared");
}

TEST_F(AlarmTest, FindingsOfOneBatchAreOneChangeEach) {
  find({finding("a"), finding("b"), finding("a"), finding("a", Finding::Kind::raise, Severity::critical)});
  EXPECT_EQ(told, (std::vector<std::string>{"a active 3", "b active 1"}));
  EXPECT_EQ(call("alarm.get", {{"alarm", id("a")}})->at("severity").as_string(), "critical");
  told.clear();
  find({finding("a"), finding("a", Finding::Kind::clear), finding("c", Finding::Kind::clear)});
  EXPECT_EQ(told, (std::vector<std::string>{"a active 4", "a cleared 4"}));
  EXPECT_EQ(listed({{"thing", "a"}}), "a:cleared:4 ");
}

TEST_F(AlarmTest, SeverityOnlyRisesWhileItIsOpen) {
  find({finding("a", Finding::Kind::raise, Severity::critical)});
  find({finding("a", Finding::Kind::raise, Severity::info)});
  EXPECT_EQ(call("alarm.get", {{"alarm", id("a")}})->at("severity").as_string(), "critical");
}

TEST_F(AlarmTest, ListsTheNewestFirstAndFilters) {
  for (const char* thing : {"b", "c", "a"}) {
    raise(thing);
    pass(std::chrono::seconds{1});
  }
  clear("c");
  EXPECT_EQ(listed(), "a:active:1 c:cleared:1 b:active:1 ");
  EXPECT_EQ(listed({{"limit", 1}}), "a:active:1 ");
  EXPECT_EQ(listed({{"state", "active"}}), "a:active:1 b:active:1 ");
  EXPECT_EQ(listed({{"state", "open"}}), "a:active:1 b:active:1 ");
  EXPECT_EQ(listed({{"thing", "c"}}), "c:cleared:1 ");
  EXPECT_EQ(listed({{"state", "bad"}}), "invalid_argument");
  EXPECT_EQ(listed({{"limit", 0}}), "invalid_argument");
}

TEST_F(AlarmTest, OpenAlarmsSurviveARestartAndAreNotRaisedTwice) {
  for (int i = 0; i < 120; ++i) raise("t" + std::to_string(i));  // more than a page
  clear("t7");
  restart();
  EXPECT_EQ(alarms->open_count(), 119u);
  EXPECT_EQ(counted("dunlin_alarm_open"), 119);
  pass(std::chrono::seconds{1});
  raise("t8");
  EXPECT_EQ(listed({{"thing", "t8"}}), "t8:active:2 ");
  raise("t7");
  EXPECT_EQ(listed({{"thing", "t7"}}), "t7:active:1 t7:cleared:1 ");
}

TEST_F(AlarmTest, BoundsOpenAlarmsAndTexts) {
  std::vector<Finding> many;
  for (std::size_t i = 0; i < kMaxOpenAlarms + 3; ++i) many.push_back(finding("t" + std::to_string(i)));
  const auto prepared = alarms->prepare(many);
  EXPECT_EQ(prepared.changed.size(), kMaxOpenAlarms);
  EXPECT_EQ(counted("dunlin_alarm_refused_total"), 3);
  EXPECT_EQ(alarms->open_count(), kMaxOpenAlarms);
}

TEST_F(AlarmTest, AMessageIsCutBetweenCharacters) {
  Finding found = finding("a");
  found.message = std::string(kMaxMessageBytes - 1, 'x') + "\xc2\xb0";
  find({found});
  EXPECT_EQ(call("alarm.get", {{"alarm", id("a")}})->at("message").as_string().size(), kMaxMessageBytes - 1);
}

TEST_F(AlarmTest, ADamagedAlarmStopsTheStartWithAReason) {
  raise("a");
  keyed.rows(store::Table::alarm).begin()->second = "{}";
  devices.reset();
  alarms = std::make_unique<AlarmService>(*executor, bus, keyed, *metrics);
  Result<void> result;
  alarms->start([&](Result<void> started) { result = std::move(started); });
  settle();
  EXPECT_EQ(result.error().code, Errc::corrupt);
}

using std::chrono::days;
using std::chrono::hours;

TEST_F(AlarmTest, ClearedAlarmsGoAfterTheirTimeAndOpenOnesNever) {
  for (const char* thing : {"old", "active", "acknowledged"}) raise(thing);
  ASSERT_TRUE(call("alarm.acknowledge", {{"alarm", id("acknowledged")}}));
  clear("old");
  pass(days{30});
  raise("young");
  clear("young");
  pass(days{60} - hours{2});
  EXPECT_EQ(counted("dunlin_alarm_removed_total"), 0);
  EXPECT_EQ(listed({{"thing", "old"}}), "old:cleared:1 ");
  pass(hours{4});
  EXPECT_EQ(counted("dunlin_alarm_removed_total"), 1);
  EXPECT_EQ(listed(), "young:cleared:1 active:active:1 acknowledged:acknowledged:1 ");
  pass(days{300});
  EXPECT_EQ(listed(), "active:active:1 acknowledged:acknowledged:1 ");
  EXPECT_EQ(counted("dunlin_alarm_removed_total"), 2);
}

TEST_F(AlarmTest, OnlySoManyClearedAlarmsStayTheLatest) {
  options.retention.max_cleared = 3;
  restart();
  for (const char* thing : {"a", "b", "c", "d", "e", "open"}) raise(thing);
  for (const char* thing : {"d", "a", "c", "e", "b"}) {
    pass(std::chrono::seconds{1});
    clear(thing);
  }
  pass(kSweepInterval + kFirstSweep);
  EXPECT_EQ(listed({{"state", "cleared"}}), "e:cleared:1 c:cleared:1 b:cleared:1 ");
  EXPECT_EQ(listed({{"state", "active"}}), "open:active:1 ");
  EXPECT_EQ(counted("dunlin_alarm_removed_total"), 2);
}

TEST_F(AlarmTest, ManyClearedAlarmsAreRemovedOverPagesOfTheStore) {
  options.retention.keep_cleared = hours{1};
  restart();
  std::vector<Finding> raised, cleared;
  for (int i = 0; i < 2500; ++i) {
    raised.push_back(finding("t" + std::to_string(i)));
    cleared.push_back(finding("t" + std::to_string(i), Finding::Kind::clear));
  }
  find(raised);
  find(cleared);
  raise("open");
  pass(hours{3});
  EXPECT_EQ(counted("dunlin_alarm_removed_total"), 2500);
  EXPECT_EQ(keyed.rows(store::Table::alarm).size(), 1u);
}

TEST_F(AlarmTest, AnAlarmRaisedAnewUnderItsOldIdIsNotRemoved) {
  Finding same = finding("a");
  find({same});
  clear("a");
  pass(days{90} - hours{2});
  // A replayed message: the same time of raising, so the same id; its batch still waits for the disk.
  const auto prepared = alarms->prepare({same});
  pass(hours{4});
  EXPECT_EQ(counted("dunlin_alarm_removed_total"), 0);
  store::Batch batch;
  batch.puts = prepared.puts;
  keyed.write(*executor, std::move(batch), [](Result<void>) {});
  alarms->announce(prepared);
  pass(hours{4});
  EXPECT_EQ(listed(), "a:active:1 ");
}

TEST_F(AlarmTest, AStoreThatFailsDelaysTheRemoval) {
  raise("a");
  clear("a");
  pass(days{90} - hours{2});
  keyed.fail_writes = 1;
  keyed.fail_reads = 1;
  pass(hours{3});
  EXPECT_EQ(keyed.fail_reads, 0);
  pass(hours{2});
  EXPECT_EQ(keyed.fail_writes, 0);
  pass(hours{2});
  EXPECT_EQ(counted("dunlin_alarm_removed_total"), 1);
  EXPECT_EQ(listed(), "");
}

TEST_F(AlarmTest, ARestartDuringARemovalIsHarmless) {
  raise("a");
  clear("a");
  pass(days{90} - hours{1});
  keyed.hold_writes = true;
  pass(hours{3});
  devices.reset();
  alarms.reset();
  keyed.drop_held_writes();
  restart_process();
  boot();
  EXPECT_EQ(listed(), "a:cleared:1 ");
  pass(kFirstSweep + std::chrono::seconds{1});
  EXPECT_EQ(listed(), "");
}

TEST(AlarmFormTest, TheStoredFormReadsBack) {
  Alarm alarm;
  alarm.id = "hot~a~5";
  alarm.name = "hot";
  alarm.thing = "a";
  alarm.message = "x \"y\"";
  alarm.severity = Severity::critical;
  alarm.waits_since = from_unix_milliseconds(5);
  alarm.count = 7;
  alarm.raised_at = from_unix_milliseconds(5);
  alarm.last_at = from_unix_milliseconds(6);
  alarm.acknowledged_at = from_unix_milliseconds(7);
  alarm.acknowledged_by = "ada";
  alarm.cleared_at = from_unix_milliseconds(8);
  alarm.cleared_by = "rule";
  const std::string text = boost::json::serialize(to_json(alarm));
  const auto read = alarm_from_json(kDefaultTenant, text);
  ASSERT_TRUE(read);
  EXPECT_EQ(boost::json::serialize(to_json(*read)), text);
  for (const char* bad : {"", "[]", "{}"})
    EXPECT_EQ(alarm_from_json(kDefaultTenant, bad).error().code, Errc::corrupt);
  EXPECT_EQ(parse_severity("bad").error().code, Errc::invalid_argument);
}

}  // namespace
}  // namespace dunlin::alarm
