#pragma once
// For tests of alarms: a service that can be restarted, and finders that do as rules do.

#include <boost/json.hpp>
#include <memory>
#include <string>
#include <vector>

#include "model/testing/service_test.h"
#include "service/alarm/alarm_service.h"
#include "service/alarm/device_alarms.h"

namespace dunlin::alarm {

struct AlarmTest : model::testing::ServiceTest {
  void boot() {
    alarms = std::make_unique<AlarmService>(*executor, bus, keyed, *metrics, options);
    alarms->declare(table);
    alarms->depend_on([this](TenantId, const std::string& thing) {
      const auto found = gateways.find(thing);
      return found == gateways.end() ? Gateway() : found->second;
    });
    alarms->on_change([this](const Alarm& alarm) {
      told.push_back(alarm.thing + " " + std::string(state_name(alarm.state())) + " " +
                     std::to_string(alarm.count));
    });
    Result<void> result = fail(Errc::internal, "not started");
    alarms->start([&](Result<void> started) { result = std::move(started); });
    settle();
    ASSERT_TRUE(result) << result.error().message;
    devices = std::make_unique<DeviceAlarms>(
        DeviceAlarmsEnvironment{*executor, bus, keyed, *alarms, *metrics,
                                [this](TenantId, std::string_view thing) { return thing == muted; }});
    devices->start([&](Result<void> started) { result = std::move(started); });
    settle();
    ASSERT_TRUE(result) << result.error().message;
  }
  void restart() {
    devices.reset();
    alarms.reset();
    restart_process();
    boot();
  }
  void SetUp() override { boot(); }

  Finding finding(const std::string& thing, Finding::Kind kind = Finding::Kind::raise,
                  Severity severity = Severity::major) {
    Finding found;
    found.tenant = kDefaultTenant;
    found.name = "hot";
    found.thing = thing;
    found.rule = "r";
    found.severity = severity;
    found.message = "too hot";
    found.at = clock.wall_now();
    found.kind = kind;
    return found;
  }
  /// As a finder does it: prepare, store, announce.
  void find(std::vector<Finding> findings) {
    auto prepared = std::make_shared<AlarmService::Prepared>(alarms->prepare(findings));
    store::Batch batch;
    batch.puts = prepared->puts;
    keyed.write(*executor, std::move(batch), [this, prepared](Result<void> written) {
      ASSERT_TRUE(written);
      alarms->announce(*prepared);
    });
    settle();
  }
  void raise(const std::string& thing) { find({finding(thing)}); }
  void clear(const std::string& thing) { find({finding(thing, Finding::Kind::clear)}); }
  std::string listed(boost::json::object request = {}) {
    const auto answer = call("alarm.list", std::move(request));
    if (!answer) return std::string(errc_name(answer.error().code));
    std::string found;
    for (const auto& alarm : answer->at("alarms").as_array()) {
      found += std::string(alarm.at("thing").as_string()) + ":" + std::string(alarm.at("state").as_string()) +
               ":" + std::to_string(alarm.at("count").to_number<int>()) + " ";
    }
    return found;
  }
  /// The changes that its history holds.
  std::string history(const std::string& thing) {
    const auto answer = call("alarm.history", {{"alarm", id(thing)}});
    if (!answer) return answer.error().message;
    std::string found;
    for (const auto& event : answer->at("history").as_array())
      found += std::string(event.at("what").as_string()) + " ";
    return found;
  }
  boost::json::value shown(const std::string& thing) { return *call("alarm.get", {{"alarm", id(thing)}}); }
  /// Of the messages on its topic.
  std::string changes(const std::string& thing) {
    std::string found;
    for (const std::string& payload : bus.payloads("$dunlin/alarms/hot/" + thing))
      found += std::string(boost::json::parse(payload).at("change").as_string()) + " ";
    return found;
  }
  /// A device says of its alarm "hot".
  void say(const std::string& thing, std::string_view word) {
    arrive("$dunlin/things/" + thing + "/alarms/hot", word, device(thing));
    settle();
  }
  void line(const std::string& thing, Gateway::Line line) {
    gateways[thing] = {"gw-1", line, line == Gateway::Line::down ? "gw-1" : ""};
  }
  std::string id(const std::string& thing) {
    return std::string(call("alarm.list", {{"thing", thing}})->at("alarms").at(0).at("id").as_string());
  }

  AlarmOptions options;
  std::map<std::string, Gateway> gateways;
  std::string muted = "in-maintenance";
  std::unique_ptr<AlarmService> alarms;
  std::unique_ptr<DeviceAlarms> devices;
  std::vector<std::string> told;
};

}  // namespace dunlin::alarm
