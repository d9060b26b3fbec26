// Questions about policies that nobody connected for.

#include "security/policy_trial.h"

#include <gtest/gtest.h>

#include "security/identity_fixture.h"

namespace dunlin::security {
namespace {

struct PolicyTrialTest : IdentityTest {
  PolicyEngine engine;
  PolicyRegister policies{repository, engine, clock};
  PolicyTrial trial{repository, policies, engine};

  void SetUp() override {
    ASSERT_TRUE(wait<void>([&](auto done) { policies.load(executor, std::move(done)); }));
  }
  Result<PolicyAnswer> ask(PolicyQuestion question) {
    return wait<PolicyAnswer>([&](auto done) { trial.ask(executor, std::move(question), std::move(done)); });
  }
  static PolicyQuestion of_thing(std::string name, Action action, std::string on) {
    return {.name = std::move(name), .action = action, .on = std::move(on)};
  }
};

TEST_F(PolicyTrialTest, NamesTheStatementThatDecides) {
  const auto connect = ask(of_thing("press-01", Action::connect, "press-01"));
  ASSERT_TRUE(connect);
  EXPECT_TRUE(connect->allowed);
  EXPECT_EQ(connect->policy, "device");
  EXPECT_EQ(connect->explanation,
            "allowed by statement " + std::to_string(connect->statement) + " of policy device");
  EXPECT_EQ(connect->json,
            wait<StoredPolicy>([&](auto done) { policies.get(executor, "device", std::move(done)); })->json);
  const auto other = ask(of_thing("press-01", Action::connect, "press-02"));
  ASSERT_TRUE(other);
  EXPECT_FALSE(other->allowed);
  EXPECT_EQ(other->explanation, "no statement allows it");
  EXPECT_EQ(other->policy, "");
}

TEST_F(PolicyTrialTest, JudgesADraftThatNobodyHasStored) {
  const std::string draft =
      R"({"statements":[{"effect":"deny","actions":["mqtt:connect"],"resources":["client/*"]}]})";
  auto question = of_thing("press-01", Action::connect, "press-01");
  question.draft = StoredPolicy{"closed", draft, 0};
  const auto denied = ask(question);
  ASSERT_TRUE(denied) << denied.error().message;
  EXPECT_EQ(denied->explanation, "denied by statement 0 of policy closed");
  EXPECT_EQ(denied->json, draft);
  question.draft = StoredPolicy{"device", draft, 0};
  EXPECT_EQ(ask(question)->policy, "device");
  question.draft = StoredPolicy{"device", "{}", 0};
  EXPECT_EQ(ask(question).error().code, Errc::malformed);
  EXPECT_TRUE(ask(of_thing("press-01", Action::connect, "press-01"))->allowed) << "nothing was changed";
}

TEST_F(PolicyTrialTest, KnowsUsersAndWhoIsDisabledOrUnknown) {
  ASSERT_TRUE(create_user("ann", "six plain words are enough"));
  PolicyQuestion question{
      .whose = PolicyQuestion::Whose::user, .name = "ann", .action = Action::subscribe, .on = "#"};
  const auto user = ask(question);
  ASSERT_TRUE(user);
  EXPECT_EQ(user->policy, "user");
  EXPECT_EQ(ask(of_thing("off-1", Action::connect, "off-1"))->explanation, "the thing off-1 is disabled");
  EXPECT_EQ(ask(of_thing("ann", Action::connect, "ann")).error().code, Errc::not_found);
  question.name = "press-01";
  EXPECT_EQ(ask(question).error().code, Errc::not_found);
}

TEST_F(PolicyTrialTest, KnowsWhatBoundsAThing) {
  repository.put(store::DocumentKind::thing, "held-1",
                 R"({"type":"machine","state":"enabled","lifecycle":"operation","quarantine":true})");
  EXPECT_TRUE(ask(of_thing("held-1", Action::connect, "held-1"))->allowed);
  const auto held = ask(of_thing("held-1", Action::publish, "demo/plant1/machine/held-1/value"));
  ASSERT_TRUE(held);
  EXPECT_FALSE(held->allowed);
  EXPECT_NE(held->explanation.find("quarantine"), std::string::npos) << held->explanation;
  // As an operator has changed it.
  ASSERT_TRUE(wait<StoredPolicy>([&](auto done) {
    policies.put(
        executor, "test",
        {"quarantine",
         R"({"statements":[{"effect":"allow","actions":["mqtt:publish"],"resources":["topic/#"]}]})", 0},
        std::nullopt, std::move(done));
  }));
  EXPECT_TRUE(ask(of_thing("held-1", Action::publish, "demo/plant1/machine/held-1/value"))->allowed);
}

TEST_F(PolicyTrialTest, SaysThatAMissingPolicyAllowsNothing) {
  ASSERT_TRUE(wait<void>([&](auto done) { policies.remove(executor, "test", "device", std::move(done)); }));
  const auto answer = ask(of_thing("press-01", Action::connect, "press-01"));
  ASSERT_TRUE(answer);
  EXPECT_FALSE(answer->allowed);
}

}  // namespace
}  // namespace dunlin::security
