#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "model/testing/service_test.h"
#include "service/registry/registry.h"

namespace dunlin::registry {
namespace {

TEST(LifeTest, OneStageFollowsTheOtherAndTheEndIsFinal) {
  std::string allowed;
  for (std::size_t from = 0; from < kLifecycleNames.size(); ++from) {
    for (std::size_t to = 0; to < kLifecycleNames.size(); ++to) {
      if (may_move(static_cast<Lifecycle>(from), static_cast<Lifecycle>(to)))
        allowed += std::to_string(from) + std::to_string(to) + ' ';
    }
  }
  EXPECT_EQ(allowed, "01 04 12 14 23 24 32 34 ");
}

TEST(LifeTest, KeepsTheLastStepsAndComesBackFromItsDocument) {
  Life life;
  for (std::size_t i = 0; i < 2 * kMaxLifeEvents; ++i) {
    const Lifecycle to = i % 2 == 0 ? Lifecycle::maintenance : Lifecycle::operation;
    ASSERT_TRUE(take_step(life, {.to = to, .by = "ada", .reason = std::to_string(i)}, WallTime{}));
  }
  ASSERT_TRUE(
      take_step(life, {.kind = LifeEvent::Kind::quarantined, .by = "watch", .reason = "r"}, WallTime{}));
  EXPECT_EQ(life.events.size(), kMaxLifeEvents);
  EXPECT_EQ(life.events.back().by, "watch");
  EXPECT_EQ(life.events.front().reason, std::to_string(kMaxLifeEvents + 1));
  boost::json::object document;
  store_life(life, document);
  EXPECT_EQ(life_of(document).value(), life);
  document["lifecycle"] = "retired";
  EXPECT_EQ(life_of(document).error().code, Errc::corrupt);
  EXPECT_EQ(life_of({}).value(), Life{}) << "from before there were stages";
}

struct RegistryLifeTest : model::testing::ServiceTest {
  void boot() {
    registry.emplace(*executor, repository, *metrics, RegistryOptions{});
    registry->declare(table);
    registry->on_step([this](const LifeNotice& notice) {
      steps.push_back(std::string(lifecycle_name(notice.event.from)) + ">" +
                      std::string(lifecycle_name(notice.event.to)) + " " + notice.event.by);
    });
    registry->wipe_with([this](TenantId, std::string thing, auto done) {
      wiped.push_back(std::move(thing));
      executor->post([this, done = std::move(done)]() mutable {
        if (failing_wipes == 0) return done({});
        --failing_wipes;
        done(fail(Errc::unavailable, "not now"));
      });
    });
  }
  void SetUp() override { boot(); }
  std::string stage(const std::string& thing) {
    return std::string(call("thing.get", {{"thing", thing}})->at("lifecycle").as_string());
  }
  std::string move(const std::string& to, const std::string& reason = "because") {
    const auto moved = call("thing.move", {{"thing", "press-01"}, {"stage", to}, {"reason", reason}});
    return moved ? std::string(moved->at("lifecycle").as_string())
                 : std::string(errc_name(moved.error().code));
  }

  std::optional<Registry> registry;
  std::vector<std::string> steps;
  std::vector<std::string> wiped;
  int failing_wipes = 0;
};

TEST_F(RegistryLifeTest, AThingGoesFromStageToStage) {
  ASSERT_TRUE(call("thing.create", {{"name", "press-01"}}));
  EXPECT_EQ(stage("press-01"), "provisioning");
  EXPECT_EQ(move("operation"), "conflict") << "not before it has a credential";
  registry->credential_given(kDefaultTenant, "press-01", [] {});
  settle();
  EXPECT_EQ(stage("press-01"), "activation");
  registry->connected(kDefaultTenant, "press-01", [](const auto& thing) { EXPECT_TRUE(thing); });
  settle();
  EXPECT_EQ(stage("press-01"), "operation");
  EXPECT_EQ(move("maintenance", "new bearings"), "maintenance");
  EXPECT_EQ(move("maintenance"), "maintenance") << "it is there already";
  EXPECT_EQ(move("activation"), "conflict");
  EXPECT_EQ(move("asleep"), "invalid_argument");
  EXPECT_EQ(move("operation", std::string(kMaxLifeReasonBytes + 1, 'x')), "limit_exceeded");
  EXPECT_EQ(move("operation"), "operation");
  EXPECT_EQ(steps, (std::vector<std::string>{"provisioning>activation system", "activation>operation system",
                                             "operation>maintenance ada", "maintenance>operation ada"}));
  const auto history = call("thing.history", {{"thing", "press-01"}});
  ASSERT_TRUE(history);
  ASSERT_EQ(history->at("events").as_array().size(), 4U);
  EXPECT_EQ(history->at("events").at(2).at("reason").as_string(), "new bearings");
  EXPECT_EQ(history->at("events").at(2).at("by").as_string(), "ada");
  EXPECT_EQ(ask("thing.history", {{"thing", "nobody"}}), "not_found");
}

TEST_F(RegistryLifeTest, AThingThatConnectsFromProvisioningHasShownACredential) {
  ASSERT_TRUE(call("thing.create", {{"name", "press-01"}}));
  registry->connected(kDefaultTenant, "press-01", [](const auto& thing) { EXPECT_TRUE(thing); });
  registry->connected(kDefaultTenant, "press-01", [](const auto& thing) { EXPECT_TRUE(thing); });
  settle();
  EXPECT_EQ(stage("press-01"), "operation");
  EXPECT_EQ(steps.size(), 2U) << "two connections at once take each step once";
}

TEST_F(RegistryLifeTest, AThingBehindAGatewayIsActiveAndOperatesWithItsFirstMessage) {
  ASSERT_TRUE(call("thing.create", {{"name", "fan-01"}, {"gateway", "gate-1"}}));
  EXPECT_EQ(stage("fan-01"), "activation");
  registry.reset();
  restart_process();
  boot();
  registry->load_standings([](TenantId, const Thing& thing) { EXPECT_EQ(thing.name, "fan-01"); },
                           [](Result<void> loaded) { EXPECT_TRUE(loaded); });
  settle();
  registry->ensure(kDefaultTenant, {"fan-01", "speed", {}}, "gate-1");
  registry->ensure(kDefaultTenant, {"fan-02", "speed", {}}, "gate-1");
  settle();
  EXPECT_EQ(stage("fan-01"), "operation");
  EXPECT_EQ(stage("fan-02"), "operation") << "its first message made it";
}

TEST_F(RegistryLifeTest, ADecommissionedThingIsWipedUntilItIsDoneAlsoOverARestart) {
  ASSERT_TRUE(call("thing.create", {{"name", "press-01"}}));
  failing_wipes = 100;
  const auto moved = call("thing.move", {{"thing", "press-01"}, {"stage", "decommission"}});
  ASSERT_TRUE(moved) << moved.error().message;
  EXPECT_TRUE(moved->at("wiping").as_bool());
  EXPECT_EQ(ask("thing.delete", {{"thing", "press-01"}}), "conflict");
  pass(std::chrono::seconds{3});
  EXPECT_GE(wiped.size(), 3U) << "it is tried again";
  registry.reset();
  restart_process();
  boot();
  wiped.clear();
  std::vector<std::string> unusual;
  registry->load_standings(
      [&](TenantId, const Thing& thing) {
        unusual.push_back(thing.name);
        EXPECT_NE(thing.version, 0U) << "0 would mean that it was removed";
      },
      [](Result<void> loaded) { EXPECT_TRUE(loaded); });
  settle();
  EXPECT_EQ(unusual, std::vector<std::string>{"press-01"});
  failing_wipes = 0;
  registry->resume_wipes();
  settle();
  EXPECT_EQ(wiped, std::vector<std::string>{"press-01"});
  EXPECT_FALSE(call("thing.get", {{"thing", "press-01"}})->as_object().contains("wiping"));
  EXPECT_EQ(move("operation"), "conflict") << "the end is final";
  EXPECT_EQ(ask("thing.create", {{"name", "press-01"}}), "already_exists");
  EXPECT_EQ(ask("thing.delete", {{"thing", "press-01"}}), "{}");
}

TEST_F(RegistryLifeTest, AStepThatIsNotStoredHasNoEffect) {
  ASSERT_TRUE(call("thing.create", {{"name", "press-01"}}));
  repository.fail_writes = 1;
  EXPECT_EQ(move("decommission"), "no_space");
  EXPECT_TRUE(wiped.empty() && steps.empty());
  EXPECT_EQ(stage("press-01"), "provisioning");
}

TEST_F(RegistryLifeTest, QuarantineLastsUntilSomebodyReleases) {
  registry->ensure(kDefaultTenant, {"press-01", "t", {}}, "");
  settle();
  const auto held = call("thing.quarantine", {{"thing", "press-01"}, {"reason", "odd traffic"}});
  ASSERT_TRUE(held);
  EXPECT_EQ(held->at("quarantine").at("reason").as_string(), "odd traffic");
  EXPECT_EQ(held->at("next"), (boost::json::array{"maintenance", "decommission"}));
  EXPECT_EQ(move("maintenance"), "maintenance") << "its stage is another matter";
  registry->ensure(kDefaultTenant, {"press-02", "t", {}}, "");
  settle();
  ASSERT_TRUE(call("thing.move", {{"thing", "press-02"}, {"stage", "maintenance"}}));
  const auto in_quarantine = call("thing.list", {{"quarantined", true}});
  ASSERT_TRUE(in_quarantine);
  ASSERT_EQ(in_quarantine->at("things").as_array().size(), 1U);
  EXPECT_EQ(in_quarantine->at("things").at(0).at("name").as_string(), "press-01");
  EXPECT_TRUE(call("thing.get", {{"thing", "press-01"}})->as_object().contains("quarantine"));
  ASSERT_TRUE(call("thing.update", {{"thing", "press-01"}, {"type", "press"}}));
  EXPECT_TRUE(call("thing.get", {{"thing", "press-01"}})->as_object().contains("quarantine"));
  const auto free = call("thing.release", {{"thing", "press-01"}, {"reason", "looked at"}});
  ASSERT_TRUE(free);
  EXPECT_FALSE(free->as_object().contains("quarantine"));
  EXPECT_EQ(free->at("events").as_array().back().at("event").as_string(), "released");
  ASSERT_TRUE(call("thing.move", {{"thing", "press-01"}, {"stage", "decommission"}}));
  EXPECT_EQ(ask("thing.quarantine", {{"thing", "press-01"}}), "conflict");
}

TEST_F(RegistryLifeTest, AStepMeetsAnotherChangeAndIsJudgedAnew) {
  registry->ensure(kDefaultTenant, {"press-01", "t", {}}, "");
  settle();
  ThingUpdate update;
  update.type = "press";
  registry->update(kDefaultTenant, "press-01", update, [](const auto& done) { EXPECT_TRUE(done); });
  registry->step({.thing = "press-01", .to = Lifecycle::maintenance, .reason = ""},
                 [](const auto& done) { EXPECT_TRUE(done); });
  settle();
  EXPECT_EQ(stage("press-01"), "maintenance");
  EXPECT_EQ(call("thing.get", {{"thing", "press-01"}})->at("type").as_string(), "press");
}

}  // namespace
}  // namespace dunlin::registry
