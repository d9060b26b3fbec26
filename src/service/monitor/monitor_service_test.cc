#include "service/monitor/monitor_service.h"

#include <gmock/gmock.h>

#include <boost/json.hpp>
#include <cmath>

#include "model/hops.h"
#include "model/testing/service_test.h"
#include "service/monitor/limits.h"
#include "service/series/sample_disk.h"
#include "service/series/series_service.h"

namespace dunlin::monitor {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

struct MonitorTest : model::testing::ServiceTest {
  void boot() {
    alarms = std::make_unique<alarm::AlarmService>(*executor, bus, keyed, *metrics);
    alarms->declare(table);
    alarms->start([](Result<void> started) { ASSERT_TRUE(started); });
    settle();
    series = std::make_unique<series::SeriesService>(*executor, bus, keyed, disk.open(*executor, *metrics),
                                                     *metrics, model::Mapping::standard());
    series->mute_when([this](const hub::Message& message) { return message.principal->name == muted; });
    monitors = std::make_unique<MonitorService>(MonitorEnvironment{
        *executor, bus, keyed, repository, *alarms, *metrics, series->store().feed(),
        [this](TenantId, std::string_view device) { return !muted.empty() && device == muted; }});
    monitors->declare(table);
    series->start([](Result<void> started) { ASSERT_TRUE(started); });
    settle();
    monitors->start([](Result<void> started) { ASSERT_TRUE(started); });
    settle();
  }
  /// As after SIGKILL: what was not saved is gone.
  void crash() {
    monitors.reset();
    series.reset();
    disk.close();
    alarms.reset();
    restart_process();
    boot();
  }
  void SetUp() override { boot(); }

  /// Gives the error's message, or nothing.
  std::string put(const std::string& name, std::string_view document) {
    auto request = boost::json::parse(document).as_object();
    request["monitor"] = name;
    const auto answer = call("monitor.put", std::move(request));
    return answer ? "" : answer.error().message;
  }
  /// A second later.
  void send(double value, const std::string& thing = "press-01", std::string_view channel = "temperature") {
    pass(std::chrono::seconds{1});
    arrive("demo/plant1/machine/" + thing + "/" + std::string(channel), std::to_string(value), device(thing));
    settle();
  }
  /// "name thing state" of every alarm, newest first.
  std::string alarm_states() {
    std::string found;
    const auto answer = call("alarm.list", {});
    for (const auto& alarm : answer->at("alarms").as_array()) {
      for (const char* member : {"name", "thing", "state"})
        found += std::string(alarm.at(member).as_string()) + (member[0] == 's' ? ";" : " ");
    }
    return found;
  }
  std::string message() {
    return std::string(call("alarm.list", {})->at("alarms").at(0).at("message").as_string());
  }
  std::size_t states(const std::string& name) {
    return call("monitor.state", {{"monitor", name}})->at("states").as_array().size();
  }

  /// As what comes over HTTP is stored.
  void store(double value, const std::string& thing = "press-01") {
    pass(std::chrono::seconds{1});
    series::SeriesStore& into = series->store();
    const auto number = into.resolve(kDefaultTenant, thing, "temperature", "Cel");
    into.write_points({{*number, {clock.wall_now(), value}}},
                      [](Result<void> stored) { ASSERT_TRUE(stored.has_value()); });
    settle();
  }

  std::unique_ptr<alarm::AlarmService> alarms;
  series::SampleDisk disk;
  std::unique_ptr<series::SeriesService> series;
  std::unique_ptr<MonitorService> monitors;
  std::string muted;
};

constexpr std::string_view kHot = R"({"channel":"temperature","kind":"threshold","severity":"major",
                                      "options":{"high":80,"hysteresis":5}})";

TEST_F(MonitorTest, RaisesAndClearsAnAlarmWithItsReason) {
  ASSERT_EQ(put("hot", kHot), "");
  for (const double value : {20, 79, 81, 79}) send(value);
  EXPECT_EQ(alarm_states(), "hot press-01 active;");
  EXPECT_THAT(message(), StartsWith("temperature is 81, expected at most 80 (threshold, since "));
  EXPECT_EQ(call("alarm.list", {})->at("alarms").at(0).at("severity").as_string(), "major");
  send(75);
  EXPECT_EQ(alarm_states(), "hot press-01 cleared;");
  EXPECT_EQ(counted("dunlin_monitor_alarms_total"), 1);
}

TEST_F(MonitorTest, JudgesEachDeviceByItself) {
  ASSERT_EQ(put("hot", kHot), "");
  ASSERT_EQ(
      put("mine", R"({"channel":"temperature","device":"press-02","kind":"threshold","options":{"low":0}})"),
      "");
  send(90, "press-01");
  send(-5, "press-01");
  send(-5, "press-02");
  send(-5, "press-02", "pressure");
  EXPECT_EQ(alarm_states(), "mine press-02 active;hot press-01 cleared;");
  EXPECT_EQ(states("hot"), 2U);
  EXPECT_EQ(states("mine"), 1U);
}

TEST_F(MonitorTest, FindsAnomaliesWithoutSettings) {
  ASSERT_EQ(put("odd", R"({"channel":"temperature"})"), "");
  for (int i = 0; i < 600; ++i) send(20 + 5 * std::sin(i / 10.0) + 0.1 * (i % 3));
  EXPECT_EQ(alarm_states(), "");
  send(60);
  EXPECT_EQ(alarm_states(), "odd press-01 active;");
  EXPECT_THAT(message(), HasSubstr("(anomaly, since "));
  const auto state = call("monitor.state", {{"monitor", "odd"}})->at("states").at(0);
  const auto of = [this](std::string device) {
    return call("monitor.state", {{"monitor", "odd"}, {"device", std::move(device)}})
        ->at("states")
        .as_array()
        .size();
  };
  EXPECT_EQ(of("press-01"), 1U);
  EXPECT_EQ(of("press-02"), 0U);
  EXPECT_EQ(state.at("raised"), true);
  EXPECT_EQ(state.at("value").to_number<double>(), 60);
  EXPECT_GE(state.at("score").to_number<double>(), 0.5);
  EXPECT_LT(state.at("expected_high").to_number<double>(), 60);
  for (int i = 0; i < 650; ++i) send(20 + 5 * std::sin(i / 10.0) + 0.1 * (i % 3));
  EXPECT_EQ(alarm_states(), "odd press-01 cleared;") << "ten minutes later";
}

TEST_F(MonitorTest, FindsSilence) {
  ASSERT_EQ(put("silent", R"({"channel":"temperature","kind":"missing","options":{"after_seconds":30}})"),
            "");
  send(1);
  pass(std::chrono::seconds{29});
  EXPECT_EQ(alarm_states(), "");
  pass(std::chrono::seconds{5});
  EXPECT_EQ(alarm_states(), "silent press-01 active;");
  EXPECT_THAT(message(), StartsWith("temperature has been silent for, in seconds, 3"));
  send(1);
  EXPECT_EQ(alarm_states(), "silent press-01 cleared;");
}

TEST_F(MonitorTest, ACrashLosesNoAlarmAndMakesNoneTwice) {
  ASSERT_EQ(
      put("held", R"({"channel":"temperature","kind":"threshold","options":{"high":80,"hold_seconds":10}})"),
      "");
  for (int i = 0; i < 5; ++i) send(90);
  crash();
  EXPECT_EQ(alarm_states(), "");
  for (int i = 0; i < 5; ++i) send(90);
  EXPECT_EQ(alarm_states(), "") << "nine seconds";
  send(90);
  EXPECT_EQ(alarm_states(), "held press-01 active;") << "counted across the crash";
  const auto before = boost::json::serialize(*call("alarm.list", {}));
  crash();
  pass(std::chrono::seconds{30});
  EXPECT_EQ(boost::json::serialize(*call("alarm.list", {})), before);
  send(10);
  EXPECT_EQ(alarm_states(), "held press-01 cleared;");
}

TEST_F(MonitorTest, WaitsForAStoreThatFails) {
  ASSERT_EQ(put("hot", kHot), "");
  keyed.fail_writes = 2;
  send(90);
  EXPECT_EQ(alarms->open_count(), 1U);
  pass(std::chrono::seconds{5});
  EXPECT_EQ(alarm_states(), "hot press-01 active;");
  crash();
  EXPECT_EQ(alarm_states(), "hot press-01 active;");
}

TEST_F(MonitorTest, TheEndWaitsForNoStoreThatFails) {
  ASSERT_EQ(put("hot", kHot), "");
  send(10);
  const auto flush = [this] {
    std::string ended = "not ended";
    monitors->flush(
        [&ended](Result<void> flushed) { ended = flushed ? "" : errc_name(flushed.error().code); });
    settle();
    return ended;
  };
  keyed.fail_writes = 1;
  EXPECT_EQ(flush(), "no_space");
  send(20);
  EXPECT_EQ(flush(), "");
  keyed.fail_writes = 1000;
  send(90);
  EXPECT_EQ(flush(), "") << "another write is being tried again";
  keyed.fail_writes = 0;
  crash();
  EXPECT_EQ(alarm_states(), "hot press-01 active;") << "it was read again";
}

TEST_F(MonitorTest, AnotherMonitorOfThatNameBeginsAnew) {
  ASSERT_EQ(put("hot", kHot), "");
  send(90);
  ASSERT_EQ(put("hot", R"({"channel":"temperature","kind":"threshold","severity":"minor",
                           "options":{"high":80,"hysteresis":5}})"),
            "");
  EXPECT_EQ(alarm_states(), "hot press-01 active;") << "another severity is no other monitor";
  EXPECT_EQ(put("hot", R"({"channel":"temperature","kind":"threshold","options":{"high":100}})"), "");
  EXPECT_EQ(alarm_states(), "hot press-01 cleared;");
  EXPECT_EQ(states("hot"), 0U);
  send(110);
  EXPECT_EQ(alarm_states(), "hot press-01 active;hot press-01 cleared;");
  EXPECT_EQ(ask("monitor.delete", {{"monitor", "hot"}}), "{}");
  EXPECT_EQ(alarm_states(), "hot press-01 cleared;hot press-01 cleared;");
  EXPECT_EQ(ask("monitor.get", {{"monitor", "hot"}}), "not_found");
  crash();
  send(200);
  EXPECT_EQ(alarms->open_count(), 0U);
}

TEST_F(MonitorTest, MonitorsOutliveARestart) {
  ASSERT_EQ(put("hot", kHot), "");
  ASSERT_EQ(put("off", R"({"channel":"temperature","kind":"flat","enabled":false})"), "");
  const std::string shown = ask("monitor.list", {});
  crash();
  EXPECT_EQ(ask("monitor.list", {}), shown);
  send(90);
  EXPECT_EQ(alarm_states(), "hot press-01 active;");
  EXPECT_EQ(states("off"), 0U) << "it is disabled";
}

TEST_F(MonitorTest, PassesOverThingsInMaintenance) {
  ASSERT_EQ(put("hot", kHot), "");
  muted = "press-01";
  send(90);
  EXPECT_EQ(alarm_states(), "");
  muted = "";
  send(90);
  EXPECT_EQ(alarm_states(), "hot press-01 active;");
}

TEST_F(MonitorTest, SeesWhatComesOverHttpAsWhatComesOverMqtt) {
  ASSERT_EQ(
      put("held", R"({"channel":"temperature","kind":"threshold","options":{"high":80,"hold_seconds":10}})"),
      "");
  for (int i = 0; i < 5; ++i) store(90);
  crash();
  EXPECT_EQ(alarm_states(), "");
  for (int i = 0; i < 3; ++i) store(90);
  for (int i = 0; i < 2; ++i) send(90);
  EXPECT_EQ(alarm_states(), "") << "nine seconds";
  store(90);
  EXPECT_EQ(alarm_states(), "held press-01 active;");
  muted = "press-02";
  for (int i = 0; i < 20; ++i) store(90, "press-02");
  EXPECT_EQ(alarm_states(), "held press-01 active;");
}

TEST_F(MonitorTest, ACrashBeforeAnythingWasSavedLosesNothing) {
  ASSERT_EQ(put("hot", kHot), "");
  keyed.fail_writes = 1000;
  store(90);
  keyed.fail_writes = 0;
  disk.log().remove_cursor(series::feed_cursor("monitor"));  // it is saved now and then only
  crash();
  EXPECT_EQ(alarm_states(), "hot press-01 active;");
}

TEST_F(MonitorTest, WhatCameBeforeAMonitorIsNotItsConcern) {
  for (int i = 0; i < 50; ++i) store(90);
  ASSERT_EQ(put("hot", kHot), "");
  crash();
  pass(std::chrono::seconds{20});
  EXPECT_EQ(states("hot"), 0U);
  EXPECT_EQ(alarm_states(), "");
  store(90);
  EXPECT_EQ(alarm_states(), "hot press-01 active;");
  EXPECT_EQ(counted("dunlin_monitor_samples_total"), 1);
}

TEST_F(MonitorTest, AnAlarmRemembersHowManyRulesItsSampleHasPassed) {
  ASSERT_EQ(put("hot", kHot), "");
  hub::Message message;
  message.topic = Slice::copy_of("demo/plant1/machine/press-01/temperature");
  message.payload = Slice::copy_of("90");
  message.qos = hub::QoS::at_least_once;
  message.principal = make_service_principal("rules");
  message.received_at = clock.wall_now();
  model::set_hops(message, 3);
  bus.deliver(std::move(message));
  settle();
  const auto told = std::ranges::find_if(bus.published, [](const hub::Message& published) {
    return published.topic.text() == "$dunlin/alarms/hot/press-01";
  });
  ASSERT_NE(told, bus.published.end());
  EXPECT_GE(model::hops_of(*told), 3);
}

TEST_F(MonitorTest, RefusesWhatMakesNoSense) {
  EXPECT_THAT(put("m", R"({"channel":""})"), HasSubstr("needs a channel"));
  EXPECT_THAT(put("a/b", R"({"channel":"t"})"), HasSubstr("the name"));
  EXPECT_THAT(put("m", R"({"channel":"t","kind":"magic"})"), HasSubstr("kind is one of"));
  EXPECT_THAT(put("m", R"({"channel":"t","kind":"threshold"})"), HasSubstr("is needed"));
  EXPECT_THAT(put("m", R"({"channel":"t","kind":"threshold","options":{"high":"9"}})"),
              HasSubstr("must be a number"));
  EXPECT_THAT(put("m", R"({"channel":"t","kind":"threshold","options":{"hihg":9}})"), HasSubstr("hihg"));
  EXPECT_THAT(put("m", R"({"channel":"t","kind":"robust","options":{"window":1.5}})"), HasSubstr("window"));
  EXPECT_THAT(put("m", R"({"channel":"t","options":{"score":0}})"), HasSubstr("score"));
  EXPECT_THAT(put("m", R"({"channel":"t","options":{"clear_seconds":1e300}})"), HasSubstr("a year"));
  EXPECT_THAT(put("m", R"({"channel":"t","severity":"loud"})"), HasSubstr("critical"));
  EXPECT_EQ(ask("monitor.delete", {{"monitor", "m"}}), "not_found");
  EXPECT_EQ(ask("monitor.state", {{"monitor", "m"}}), "not_found");
}

TEST_F(MonitorTest, ChangesAreInTheAuditLog) {
  ASSERT_EQ(put("hot", kHot), "");
  ASSERT_EQ(ask("monitor.delete", {{"monitor", "hot"}}), "{}");
  const auto actions = audit_records();
  ASSERT_EQ(actions.size(), 2U);
  EXPECT_THAT(actions[0], HasSubstr("monitor.put"));
  EXPECT_THAT(actions[1], HasSubstr("monitor.delete"));
}

TEST_F(MonitorTest, AStateThatCannotBeReadIsLearnedAnew) {
  ASSERT_EQ(put("hot", kHot), "");
  send(90);
  send(10);
  std::vector<store::Entry> rows;
  keyed.range(*executor, store::Table::meta, {.begin = "monitor/state/", .end = "monitor/state0"},
              [&rows](Result<std::vector<store::Entry>> found) { rows = *found; });
  settle();
  ASSERT_EQ(rows.size(), 1U);
  store::Batch batch;
  batch.puts.push_back({store::Table::meta, rows[0].key, rows[0].value.substr(0, rows[0].value.size() - 1)});
  keyed.write(*executor, std::move(batch), [](Result<void> written) { ASSERT_TRUE(written); });
  settle();
  crash();
  EXPECT_EQ(states("hot"), 0U);
  send(90);
  EXPECT_EQ(alarms->open_count(), 1U);
}

}  // namespace
}  // namespace dunlin::monitor
