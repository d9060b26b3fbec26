#include <boost/json.hpp>
#include <optional>

#include "model/testing/service_test.h"
#include "service/behaviour/behaviour_service.h"

namespace dunlin::behaviour {
namespace {

TEST(ThresholdsTest, TheNarrowerScopeCountsAndWhatIsNotSetComesFromTheWider) {
  ThresholdTable table;
  EXPECT_EQ(table.of("machine", "a").limits.at(Measure::refusals), 200U) << "built in";
  EXPECT_FALSE(table.of("gateway", "g").limits.contains(Measure::messages_per_second));
  ASSERT_TRUE(table.put("default", {{{Measure::message_bytes, 1000}, {Measure::refusals, 50}}, {}}));
  ASSERT_TRUE(table.put("type:machine", {{{Measure::refusals, 40}}, Response::alarm}));
  ASSERT_TRUE(table.put("thing:a", {{{Measure::message_bytes, 0}}, {}}));
  const Thresholds a = table.of("machine", "a");
  EXPECT_EQ(a.limits.at(Measure::message_bytes), 0U);
  EXPECT_EQ(a.limits.at(Measure::refusals), 40U);
  EXPECT_EQ(a.response, Response::alarm);
  EXPECT_EQ(table.of("fan", "b").limits.at(Measure::refusals), 50U);
  EXPECT_EQ(table.lowest(Measure::refusals), 40U);
  EXPECT_EQ(table.lowest(Measure::message_bytes), 1000U) << "0 is no limit";
  EXPECT_TRUE(table.remove("type:machine"));
  EXPECT_FALSE(table.remove("type:machine"));
}

TEST(ThresholdsTest, ReadsAndRefuses) {
  const auto of = [](boost::json::object object) { return thresholds_of(object); };
  const Thresholds all{{{Measure::messages_per_second, 5}, {Measure::connects, 0}}, Response::none};
  EXPECT_EQ(thresholds_of(to_json(all)).value(), all);
  EXPECT_EQ(of({{"connects", -1}}).error().code, Errc::invalid_argument);
  EXPECT_EQ(of({{"bytes_per_second", kMaxLimit + 1}}).error().code, Errc::invalid_argument);
  EXPECT_EQ(of({{"response", "shout"}}).error().code, Errc::invalid_argument);
  for (const char* scope : {"default", "type:machine", "thing:press-01"})
    EXPECT_TRUE(check_scope(scope)) << scope;
  for (const char* scope : {"", "type:", "thing:", "thing:a/b", "tenant:1"})
    EXPECT_FALSE(check_scope(scope)) << scope;
}

struct BehaviourTest : model::testing::ServiceTest {
  void boot() {
    registry.emplace(*executor, repository, *metrics, registry::RegistryOptions{});
    alarms.emplace(*executor, bus, keyed, *metrics);
    service.emplace(
        BehaviourEnvironment{*executor, bus, keyed, repository, *registry, *alarms, watch, *metrics});
    registry->declare(table);
    alarms->declare(table);
    service->declare(table);
    bool started = false;
    alarms->start([](Result<void> result) { EXPECT_TRUE(result); });
    service->start([&](Result<void> result) { started = result.has_value(); });
    settle();
    ASSERT_TRUE(started);
  }
  void reboot() {
    service.reset();
    alarms.reset();
    registry.reset();
    restart_process();
    boot();
  }
  void SetUp() override {
    boot();
    for (const char* name : {"press-01", "fan-01"}) {
      registry->ensure(kDefaultTenant, {name, "t", {{"device_type", "machine"}}}, "");
    }
    settle();
  }
  void TearDown() override {
    service.reset();
    alarms.reset();
    registry.reset();
  }
  void did(const std::string& thing, hub::Conduct conduct) {
    watch.report({{kDefaultTenant, thing, conduct}});
    settle();
  }
  static hub::Conduct refused(std::uint32_t times) {
    hub::Conduct conduct;
    conduct.refusals = times;
    return conduct;
  }
  bool held(const std::string& thing) {
    return call("thing.get", {{"thing", thing}})->as_object().contains("quarantine");
  }
  std::string why(const std::string& thing) {
    return std::string(call("thing.get", {{"thing", thing}})->at("quarantine").at("reason").as_string());
  }
  std::vector<std::string> open_alarms() {
    std::vector<std::string> open;
    const auto answer = call("alarm.list", {{"state", "active"}});
    for (const auto& alarm : answer->at("alarms").as_array())
      open.push_back(std::string(alarm.at("name").as_string()) + " " +
                     std::string(alarm.at("thing").as_string()));
    std::ranges::sort(open);
    return open;
  }
  void comes(const std::string& thing) {
    hub::SessionEvent event;
    event.principal = device(thing);
    event.client_id = thing;
    bus.session(event);
    settle();
  }

  hub::ConductWatch watch;
  std::optional<registry::Registry> registry;
  std::optional<alarm::AlarmService> alarms;
  std::optional<BehaviourService> service;
};

TEST_F(BehaviourTest, WhoPassesALimitIsToldOfAndHeldUntilReleased) {
  ASSERT_TRUE(call("behaviour.put", {{"scope", "type:machine"}, {"refusals", 20}}));
  did("press-01", refused(12));
  EXPECT_FALSE(held("press-01"));
  did("fan-01", refused(12));
  did("press-01", refused(12));
  ASSERT_TRUE(held("press-01")) << "what comes within a window is one sum";
  EXPECT_EQ(why("press-01"), "refusals 24, the limit is 20");
  EXPECT_FALSE(held("fan-01"));
  EXPECT_EQ(open_alarms(), std::vector<std::string>{"behaviour press-01"});
  did("press-01", refused(1000));
  EXPECT_EQ(counted("dunlin_behaviour_quarantines_total"), 1);
  reboot();
  EXPECT_TRUE(held("press-01"));
  ASSERT_TRUE(call("thing.release", {{"thing", "press-01"}}));
  settle();
  EXPECT_FALSE(held("press-01"));
  EXPECT_TRUE(open_alarms().empty()) << "somebody has looked at it";
  did("press-01", refused(21));
  EXPECT_TRUE(held("press-01")) << "the limits outlive a restart";
}

TEST_F(BehaviourTest, EachMeasureCounts) {
  ASSERT_TRUE(call("behaviour.put", {{"scope", "default"},
                                     {"messages_per_second", 10},
                                     {"bytes_per_second", 1000},
                                     {"message_bytes", 500},
                                     {"connects", 3},
                                     {"response", "alarm"}}));
  hub::Conduct many;
  many.messages = 110;
  did("press-01", many);
  EXPECT_EQ(open_alarms().size(), 1U);
  hub::Conduct wide;
  wide.bytes = 10'000;
  did("fan-01", wide);
  EXPECT_EQ(open_alarms().size(), 1U) << "the limit itself is not past it";
  pass(kWindow);
  wide.bytes = 11'000;
  did("fan-01", wide);
  EXPECT_EQ(open_alarms().size(), 2U);
  for (const char* name : {"big-01", "wild-01"}) registry->ensure(kDefaultTenant, {name, "t", {}}, "");
  settle();
  hub::Conduct big;
  big.add_message(501);
  did("big-01", big);
  for (int i = 0; i < 4; ++i) comes("wild-01");
  EXPECT_EQ(open_alarms(), (std::vector<std::string>{"behaviour big-01", "behaviour fan-01",
                                                     "behaviour press-01", "behaviour wild-01"}));
  EXPECT_FALSE(held("press-01")) << "an alarm only";
  EXPECT_EQ(watch.floor.messages.load(), 2U);
  EXPECT_EQ(watch.floor.largest.load(), 500U);
}

TEST_F(BehaviourTest, WindowsBeginAnewAndNothingIsSaidOfWhoIsNotThere) {
  ASSERT_TRUE(call("behaviour.put", {{"scope", "default"}, {"refusals", 20}}));
  did("press-01", refused(15));
  pass(kWindow);
  did("press-01", refused(15));
  EXPECT_FALSE(held("press-01"));
  did("nobody", refused(1000));
  EXPECT_TRUE(open_alarms().empty());
  ASSERT_TRUE(call("behaviour.put", {{"scope", "thing:press-01"}, {"response", "none"}}));
  pass(kWindow);
  did("press-01", refused(1000));
  EXPECT_FALSE(held("press-01"));
  ASSERT_TRUE(call("thing.move", {{"thing", "fan-01"}, {"stage", "decommission"}}));
  did("fan-01", refused(1000));
  EXPECT_TRUE(open_alarms().empty());
}

TEST_F(BehaviourTest, ATamperEventHoldsTheThingAlsoOverACrash) {
  repository.fail_writes = 1;
  bus.arrive("$dunlin/things/press-01/tamper", R"({"reason":"the lid is open"})", device("press-01"),
             clock.wall_now(), hub::QoS::at_least_once);
  settle();
  EXPECT_FALSE(held("press-01")) << "the store takes nothing";
  reboot();
  settle();
  ASSERT_TRUE(held("press-01"));
  EXPECT_EQ(why("press-01"), "a tamper event: the lid is open");
  EXPECT_EQ(open_alarms(), std::vector<std::string>{"tamper press-01"});
  for (const char* payload : {"", "{", "[[[[[[[[", R"({"reason":7})"})
    bus.arrive("$dunlin/things/fan-01/tamper", payload, device("fan-01"), clock.wall_now());
  bus.arrive("$dunlin/things/nobody/tamper", "x", device("nobody"), clock.wall_now());
  settle();
  EXPECT_TRUE(held("fan-01"));
}

TEST_F(BehaviourTest, LimitsAreListedShownAndRemoved) {
  EXPECT_EQ(ask("behaviour.put", {{"scope", "all"}}), "invalid_argument");
  EXPECT_EQ(ask("behaviour.put", {{"scope", "default"}, {"response", "shout"}}), "invalid_argument");
  ASSERT_TRUE(call("behaviour.put", {{"scope", "type:machine"}, {"connects", 5}}));
  const auto shown = call("behaviour.get", {{"scope", "thing:press-01"}});
  ASSERT_TRUE(shown);
  EXPECT_EQ(shown->at("own").as_object().size(), 0U);
  EXPECT_EQ(shown->at("in_force").at("connects").to_number<int>(), 5);
  EXPECT_EQ(call("behaviour.list", {})->at("scopes").as_array().size(), 1U);
  EXPECT_EQ(ask("behaviour.delete", {{"scope", "type:machine"}}), "{}");
  EXPECT_EQ(ask("behaviour.delete", {{"scope", "type:machine"}}), "not_found");
  EXPECT_EQ(
      call("behaviour.get", {{"scope", "thing:press-01"}})->at("in_force").at("connects").to_number<int>(),
      100);
}

TEST_F(BehaviourTest, WhatAThingDoesIsShownBesideItsLimits) {
  ASSERT_TRUE(call("behaviour.put", {{"scope", "thing:press-01"}, {"refusals", 20}}));
  const auto used = [this](std::string_view measure) {
    return call("behaviour.use", {{"thing", "press-01"}})->at("use").at(measure).to_number<int>();
  };
  did("press-01", refused(12));
  comes("press-01");
  const auto shown = call("behaviour.use", {{"thing", "press-01"}});
  ASSERT_TRUE(shown);
  EXPECT_EQ(shown->at("own").at("refusals").to_number<int>(), 20);
  EXPECT_EQ(shown->at("in_force").at("connects").to_number<int>(), 100);
  EXPECT_EQ(shown->at("use").as_object().size(), kMeasures);
  EXPECT_EQ(used("refusals"), 12);
  EXPECT_EQ(used("connects"), 1);
  pass(kWindow);
  EXPECT_EQ(used("refusals"), 12) << "of the window before";
  did("press-01", refused(3));
  EXPECT_EQ(used("refusals"), 12) << "the most of both";
  pass(kWindow);
  EXPECT_EQ(used("refusals"), 3);
  pass(kWindow);
  EXPECT_EQ(used("refusals"), 0);
  EXPECT_EQ(ask("behaviour.use", {{"thing", "nobody"}}), "not_found");
}

}  // namespace
}  // namespace dunlin::behaviour
