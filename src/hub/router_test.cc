#include "hub/router.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "base/rng.h"
#include "hub/limits.h"
#include "hub/topic.h"

namespace dunlin::hub {
namespace {

/// A second, slow reading of MQTT 5.0 section 4.7, level by level.
bool naive_matches(const std::vector<std::string>& filter, const std::vector<std::string>& topic) {
  if (topic[0].starts_with("$") && (filter[0] == "+" || filter[0] == "#")) return false;
  for (std::size_t i = 0; i < filter.size(); ++i) {
    if (filter[i] == "#") return topic.size() + 1 >= i + 1 && topic.size() >= i;
    if (i >= topic.size()) return false;
    if (filter[i] != "+" && filter[i] != topic[i]) return false;
  }
  return filter.size() == topic.size();
}

std::string join(const std::vector<std::string>& levels) {
  std::string text = levels[0];
  for (std::size_t i = 1; i < levels.size(); ++i) text += "/" + levels[i];
  return text;
}

class Generator {
 public:
  explicit Generator(std::uint64_t seed) : rng_(seed) {}
  std::vector<std::string> topic() {
    std::vector<std::string> levels;
    const std::size_t count = 1 + rng_.below(4);
    for (std::size_t i = 0; i < count; ++i) levels.push_back(word(i));
    return levels;
  }
  std::vector<std::string> filter() {
    std::vector<std::string> levels = topic();
    for (auto& level : levels) {
      if (rng_.below(4) == 0) level = "+";
    }
    if (rng_.below(4) == 0) levels.back() = "#";
    return levels;
  }
  std::uint64_t below(std::uint64_t bound) { return rng_.below(bound); }

 private:
  std::string word(std::size_t level) {
    static const std::vector<std::string> kWords{"a", "b", "", "abcdefghijk", "$s"};
    return kWords[rng_.below(level == 0 ? 5 : 4)];
  }
  SeededRng rng_;
};

TEST(Trie, AgreesWithANaiveMatcherOverRandomChanges) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    Generator random(seed);
    Trie trie;
    std::set<std::pair<std::vector<std::string>, SubscriberId>> model;
    for (int step = 0; step < 400; ++step) {
      const auto filter = random.filter();
      const auto subscriber = static_cast<SubscriberId>(random.below(5));
      ASSERT_TRUE(join(filter).empty() || check_filter(join(filter)));
      if (join(filter).empty()) continue;
      if (random.below(3) != 0) {
        const bool fresh = model.emplace(filter, subscriber).second;
        EXPECT_EQ(trie.add(join(filter), {subscriber, {}}),
                  fresh ? Trie::Added::fresh : Trie::Added::replaced);
      } else {
        EXPECT_EQ(trie.remove(join(filter), subscriber), model.erase({filter, subscriber}) > 0);
      }
      const auto topic = random.topic();
      if (join(topic).empty()) continue;
      std::multiset<SubscriberId> expected;
      for (const auto& [known, who] : model) {
        if (naive_matches(known, topic)) expected.insert(who);
        ASSERT_EQ(filter_matches(join(known), join(topic)), naive_matches(known, topic))
            << join(known) << " " << join(topic);
      }
      std::multiset<SubscriberId> found;
      for (const Subscription& subscription : trie.match(join(topic))) found.insert(subscription.subscriber);
      ASSERT_EQ(found, expected) << "seed " << seed << " topic " << join(topic);
    }
    for (const auto& [filter, subscriber] : model) EXPECT_TRUE(trie.remove(join(filter), subscriber));
    EXPECT_TRUE(trie.empty());
    EXPECT_EQ(trie.node_count(), 1U) << "empty nodes are reclaimed";
  }
}

TEST(Interest, NeverMissesAFilterThatMatches) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Generator random(seed);
    for (int step = 0; step < 300; ++step) {
      const std::string filter = join(random.filter());
      const std::string topic = join(random.topic());
      if (filter.empty() || topic.empty()) continue;
      ForeignInterest interest;
      interest.add(interest_key(kDefaultTenant, filter), 3);
      if (filter_matches(filter, topic)) {
        EXPECT_EQ(interest.shards_for(kDefaultTenant, topic), ShardMask{8}) << filter << " " << topic;
      }
      EXPECT_EQ(interest.shards_for(TenantId{2}, topic), ShardMask{0});
      interest.remove(interest_key(kDefaultTenant, filter), 3);
      EXPECT_TRUE(interest.empty());
    }
  }
}

TEST(Interest, OtherSitesDoNotMatch) {
  ForeignInterest interest;
  interest.add(interest_key(kDefaultTenant, "demo/plant1/#"), 1);
  interest.add(interest_key(kDefaultTenant, "other/+/x"), 2);
  EXPECT_EQ(interest.shards_for(kDefaultTenant, "demo/plant1/a/b"), ShardMask{2});
  EXPECT_EQ(interest.shards_for(kDefaultTenant, "demo/plant2/a/b"), ShardMask{0});
  EXPECT_EQ(interest.shards_for(kDefaultTenant, "other/anything"), ShardMask{4});
}

TEST(Interest, OnlyFirstAndLastAreTold) {
  OwnInterest own;
  EXPECT_TRUE(own.add(5));
  own.expect(5, 2);
  EXPECT_FALSE(own.add(5));
  bool known = false;
  own.when_known(5, [&] { known = true; });
  own.acknowledged(5);
  EXPECT_FALSE(known);
  own.acknowledged(5);
  EXPECT_TRUE(known);
  EXPECT_FALSE(own.remove(5));
  EXPECT_TRUE(own.remove(5));
}

TEST(Router, MergesOverlappingFilters) {
  Router router;
  router.add(kDefaultTenant, "a/#", {1, {.qos = QoS::at_most_once, .identifier = 7}});
  router.add(kDefaultTenant, "a/b", {1, {.qos = QoS::at_least_once, .identifier = 9}});
  router.add(kDefaultTenant, "+/b", {2, {}});
  const Route& route = router.route(kDefaultTenant, "a/b");
  ASSERT_EQ(route.targets.size(), 2U);
  EXPECT_EQ(route.targets[0].qos, QoS::at_least_once);
  EXPECT_THAT(route.identifiers_of(route.targets[0]), ::testing::UnorderedElementsAre(7, 9));
  EXPECT_EQ(router.route(TenantId{2}, "a/b").targets.size(), 0U) << "tenants never mix";
}

TEST(Router, CachedRoutesFollowChanges) {
  Router router;
  EXPECT_TRUE(router.route(kDefaultTenant, "a/b").targets.empty());
  router.add(kDefaultTenant, "a/b", {1, {}});
  EXPECT_EQ(router.route(kDefaultTenant, "a/b").targets.size(), 1U);
  router.add_foreign(interest_key(kDefaultTenant, "a/#"), 5);
  EXPECT_EQ(router.route(kDefaultTenant, "a/b").shards, ShardMask{32});
  EXPECT_TRUE(router.remove(kDefaultTenant, "a/b", 1));
  EXPECT_FALSE(router.remove(kDefaultTenant, "a/b", 1));
  EXPECT_TRUE(router.route(kDefaultTenant, "a/b").targets.empty());
}

TEST(Topic, RefusesWhatTheSpecificationForbids) {
  for (const char* bad : {"", "a/+", "#", "a#"}) EXPECT_FALSE(check_topic(bad)) << bad;
  for (const char* bad : {"", "a/b+", "#/a", "a/#/b", "a#"}) EXPECT_FALSE(check_filter(bad)) << bad;
  for (const char* good : {"+", "#", "a/+/#", "/", "+/+", "$SYS/#"}) EXPECT_TRUE(check_filter(good)) << good;
  EXPECT_EQ(check_topic(std::string(kMaxTopicBytes + 1, 'a')).error().code, Errc::limit_exceeded);
  EXPECT_TRUE(check_topic(std::string(kMaxTopicLevels - 1, '/')));
  EXPECT_EQ(check_topic(std::string(kMaxTopicLevels, '/')).error().code, Errc::limit_exceeded);
  EXPECT_EQ(check_topic(std::string_view("a\0b", 3)).error().code, Errc::malformed);
}

}  // namespace
}  // namespace dunlin::hub
