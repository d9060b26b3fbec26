// What a thread remembers of its answers is never an answer to something else: not after a change of the
// policies, not for another client, engine, action or topic with the same place.
#include "security/decision_cache.h"

#include <gmock/gmock.h>

#include <thread>

#include "base/rng.h"
#include "security/limits.h"

namespace dunlin::security {
namespace {

PolicyEngine::PolicyRef policy_for(std::string_view effect, const std::string& topics) {
  auto policy =
      Policy::parse(R"({"statements": [{"effect": ")" + std::string(effect) +
                    R"(", "actions": ["mqtt:publish"], "resources": ["topic/)" + topics + R"("]}]})");
  return policy ? std::make_shared<const Policy>(std::move(*policy)) : nullptr;
}

PrincipalRef device(const std::string& name, const std::string& policy) {
  Principal principal;
  principal.kind = PrincipalKind::device;
  principal.name = name;
  principal.policies = {policy};
  return seal(std::move(principal));
}

class DecisionCacheTest : public testing::Test {
 protected:
  DecisionCacheTest() {
    engine_.put("some", policy_for("allow", "allowed/#"));
    engine_.put("none", policy_for("deny", "#"));
  }
  bool may(const Principal& principal, std::string_view topic, Action action = Action::publish) {
    return engine_.authorize(principal, action, topic).allowed();
  }
  PolicyEngine engine_;
};

TEST_F(DecisionCacheTest, AChangeOfThePoliciesIsTheNextAnswer) {
  const auto press = device("press", "some");
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(may(*press, "allowed/a"));
    EXPECT_TRUE(may(*press, "allowed/a"));
    engine_.put("some", policy_for("deny", "#"));
    EXPECT_FALSE(may(*press, "allowed/a"));
    EXPECT_FALSE(may(*press, "allowed/a"));
    engine_.remove("some");
    EXPECT_FALSE(may(*press, "allowed/a"));
    engine_.put("some", nullptr);
    EXPECT_EQ(engine_.authorize(*press, Action::publish, "allowed/a").reason, Reason::broken_policy);
    engine_.put("some", policy_for("allow", "allowed/#"));
  }
}

TEST_F(DecisionCacheTest, AChangeOnAnotherThreadIsSeenOnceItIsMade) {
  const auto press = device("press", "some");
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(may(*press, "allowed/a"));
    std::thread([&] { engine_.put("some", policy_for("deny", "#")); }).join();
    ASSERT_FALSE(may(*press, "allowed/a"));
    std::thread([&] { engine_.put("some", policy_for("allow", "allowed/#")); }).join();
  }
}

TEST_F(DecisionCacheTest, MoreTopicsThanPlacesAllGetTheirOwnAnswers) {
  const auto press = device("press", "some");
  SeededRng rng(3);
  for (std::size_t i = 0; i < 20 * kCachedDecisions; ++i) {
    const std::uint64_t number = rng.below(4 * kCachedDecisions);
    const bool allowed = number % 2 == 0;
    const std::string topic = (allowed ? "allowed/" : "refused/") + std::to_string(number);
    ASSERT_EQ(may(*press, topic), allowed) << topic;
  }
}

TEST_F(DecisionCacheTest, AClientThatComesAfterAnotherOneIsNotTakenForIt) {
  for (std::size_t i = 0; i < 2 * kCachedDecisions; ++i) {
    const bool allowed = i % 3 == 0;
    const auto next = device("press", allowed ? "some" : "none");
    ASSERT_EQ(may(*next, "allowed/a"), allowed);
    ASSERT_EQ(may(*next, "allowed/a"), allowed);
  }
}

TEST_F(DecisionCacheTest, WhoIsNotSealedMayChange) {
  Principal press = *device("press", "some");
  EXPECT_TRUE(may(press, "allowed/a"));
  press.policies = {"none"};
  EXPECT_FALSE(may(press, "allowed/a"));
}

TEST_F(DecisionCacheTest, ActionsAndEnginesAreApart) {
  const auto press = device("press", "some");
  PolicyEngine other;
  other.put("some", policy_for("deny", "#"));
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(may(*press, "allowed/a"));
    EXPECT_FALSE(may(*press, "allowed/a", Action::receive));
    EXPECT_FALSE(other.authorize(*press, Action::publish, "allowed/a").allowed());
  }
}

TEST_F(DecisionCacheTest, LongTopicsAreJudgedEveryTime) {
  const auto press = device("press", "some");
  const std::string longer = "allowed/" + std::string(200, 'a');
  EXPECT_TRUE(may(*press, longer));
  EXPECT_TRUE(may(*press, longer));
  EXPECT_FALSE(may(*press, "refused/" + std::string(200, 'a')));
  engine_.put("some", policy_for("deny", "#"));
  EXPECT_FALSE(may(*press, longer));
}

// A topic with the same place is found by trying.
TEST(DecisionCacheCollisionTest, ComparesTheWholeText) {
  const auto press = seal({});
  DecisionCache cache;
  const auto asked = [&](std::string_view text) {
    return DecisionCache::Question{1, 1, *press, Action::publish, text};
  };
  cache.keep(asked("topic/first"), {Reason::allowed, 1, 2});
  ASSERT_NE(cache.find(asked("topic/first")), nullptr);
  for (int i = 0;; ++i) {
    const std::string other = "topic/" + std::to_string(i);
    ASSERT_EQ(cache.find(asked(other)), nullptr);
    cache.keep(asked(other), {Reason::denied, 3, 4});
    const Decision* first = cache.find(asked("topic/first"));
    if (first == nullptr) break;  // the other one has taken its place
    ASSERT_EQ(first->reason, Reason::allowed);
  }
}

}  // namespace
}  // namespace dunlin::security
