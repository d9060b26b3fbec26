// What a gateway may say for the things behind it.
#include "platform/spoken_for.h"

#include <gtest/gtest.h>

#include "platform/doors.h"

namespace dunlin::platform {
namespace {

struct SpokenForTest : testing::Test {
  security::PolicyEngine engine;
  hub::Standings standings;
  std::string refused;
  hub::Authorizer may;

  SpokenForTest() {
    engine.put("all",
               std::make_shared<const security::Policy>(
                   security::Policy::parse(R"({"statements":[{"effect":"allow","actions":["mqtt:*"],)"
                                           R"("resources":["topic/#","topic/$dunlin/#","client/*"]}]})")
                       .value()));
    may = judge_spoken_for({make_mqtt_authorizer(engine), engine, standings, model::Mapping::standard(),
                            [this](const Principal& speaker, const std::string& thing, const std::string&) {
                              refused = speaker.name + " for " + thing;
                            }});
  }
  std::string publish(const std::string& topic, PrincipalKind kind = PrincipalKind::gateway) {
    Principal speaker;
    speaker.kind = kind;
    speaker.name = "gate-01";
    speaker.policies = {"all"};
    const auto judged = may(speaker, hub::Action::publish, topic);
    return judged ? "" : std::string(errc_name(judged.error().code));
  }
  void set(Standing standing) { standings.set(kDefaultTenant, "press-01", standing); }
  static constexpr const char* kTelemetry = "demo/plant1/machine/press-01/temperature";
  static constexpr const char* kStatus = "$dunlin/things/press-01/status";
};

TEST_F(SpokenForTest, AThingsStageAndQuarantineBindWhoSpeaksForIt) {
  EXPECT_EQ(publish(kTelemetry), "");
  const std::uint64_t before = standings.changes();
  set({Lifecycle::activation, Quarantine::no});
  EXPECT_EQ(standings.changes(), before) << "its first steps take nothing away";
  EXPECT_EQ(publish(kTelemetry), "");
  set({Lifecycle::maintenance, Quarantine::no});
  EXPECT_GT(standings.changes(), before);
  EXPECT_EQ(publish(kTelemetry), "");
  set({Lifecycle::provisioning, Quarantine::no});
  EXPECT_EQ(publish(kTelemetry), "conflict");
  set({Lifecycle::operation, Quarantine::yes});
  EXPECT_EQ(publish(kTelemetry), "conflict");
  EXPECT_EQ(publish(kStatus), "") << "which it might say itself";
  set({Lifecycle::decommission, Quarantine::no});
  EXPECT_EQ(publish(kTelemetry), "conflict");
  EXPECT_EQ(publish(kStatus), "conflict");
  EXPECT_EQ(refused, "gate-01 for press-01");
  EXPECT_EQ(publish("demo/plant1/machine/press-02/temperature"), "") << "another thing";
  EXPECT_EQ(publish("demo/plant1/machine/gate-01/temperature"), "") << "its own";
  EXPECT_EQ(publish("a/b"), "") << "nobody's";
  set({});
  EXPECT_EQ(publish(kTelemetry), "");
}

TEST_F(SpokenForTest, PeopleAndWhatTheirPoliciesRefuseAreJudgedAsBefore) {
  set({Lifecycle::decommission, Quarantine::no});
  EXPECT_EQ(publish(kTelemetry, PrincipalKind::user), "");
  engine.remove("all");
  EXPECT_EQ(publish(kTelemetry), "permission_denied") << "the speaker's own rights come first";
  EXPECT_TRUE(refused.empty());
}

}  // namespace
}  // namespace dunlin::platform
