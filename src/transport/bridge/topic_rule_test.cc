#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "transport/bridge/limits.h"
#include "transport/bridge/origin.h"
#include "transport/bridge/settings.h"

namespace dunlin::bridge {
namespace {

TopicRule rule(std::string_view line) {
  auto parsed = parse_topic_rule(line);
  EXPECT_TRUE(parsed.has_value()) << (parsed ? "" : parsed.error().message);
  return parsed.value_or(TopicRule{});
}

TEST(TopicRule, PutsPrefixesInPlaceOfEachOther) {
  const TopicRule both = rule("sensors/# both 1 here/ there/a/");
  EXPECT_EQ(both.local_filter(), "here/sensors/#");
  EXPECT_EQ(both.remote_filter(), "there/a/sensors/#");
  EXPECT_EQ(both.to_remote("here/sensors/1"), "there/a/sensors/1");
  EXPECT_EQ(both.to_local("there/a/sensors/1"), "here/sensors/1");
  EXPECT_EQ(both.to_remote("here/others/1"), "");
  EXPECT_EQ(both.to_local("sensors/1"), "");
  EXPECT_EQ(both.qos, hub::QoS::at_least_once);
}

TEST(TopicRule, ReplacesLeadingLevels) {
  const TopicRule replaced = rule("site1/hall2/# out 0 \"\" x/ replace=site1/hall2:factory retain=no");
  EXPECT_EQ(replaced.to_remote("site1/hall2/press/1"), "x/factory/press/1");
  EXPECT_EQ(replaced.to_remote("site1/hall22/press"), "");
  EXPECT_EQ(replaced.to_local("x/factory/press/1"), "site1/hall2/press/1");
  EXPECT_EQ(replaced.remote_filter(), "x/factory/#");
  EXPECT_EQ(replaced.retain, TopicRule::Retain::clear);
}

TEST(TopicRule, SharesWhatComesIn) {
  const TopicRule shared = rule("$share/g/a/# in 2 l/ r/");
  EXPECT_EQ(shared.remote_filter(), "$share/g/r/a/#");
  EXPECT_EQ(shared.to_local("r/a/1"), "l/a/1");
}

TEST(TopicRule, WildcardsDoNotReachSystemTopics) {
  const TopicRule all = rule("# both 0");
  EXPECT_EQ(all.to_remote("$SYS/broker"), "");
  EXPECT_EQ(all.to_local("$dunlin/things/x"), "");
  EXPECT_EQ(all.to_remote("a"), "a");
}

TEST(TopicRule, SaysWhatIsWrong) {
  for (const std::string_view line :
       {"", "a/#", "a/# sideways", "a/# out 3", "a/# out 1 l/ r/ more", "a/#/b out", "a out 1 +/",
        "a out 1 l#", "a out colour=red", "a out replace=x", "a out replace=b:c", "$share/g/a out",
        "a out replace=a/:b"}) {
    const auto parsed = parse_topic_rule(line);
    ASSERT_FALSE(parsed.has_value()) << line;
    EXPECT_EQ(parsed.error().code, Errc::invalid_argument) << line;
  }
}

TEST(Origin, AMessageThatHasBeenHereOrHasGoneTooFarIsStopped) {
  EXPECT_EQ(passage(nullptr, "me"), Passage::open);
  std::shared_ptr<const hub::Properties> properties;
  for (std::size_t i = 0; i < kMaxHops; ++i) {
    EXPECT_EQ(passage(properties.get(), "me"), Passage::open) << i;
    properties = marked(properties, "node" + std::to_string(i));
  }
  EXPECT_EQ(passage(properties.get(), "me"), Passage::too_far);
  EXPECT_EQ(passage(properties.get(), "node3"), Passage::seen);
  EXPECT_EQ(passage(properties.get(), "node7"), Passage::marked);
}

BridgeSettings settings() {
  BridgeSettings made;
  made.name = "b";
  made.address = "mqtt://peer:1883";
  made.topics = {"# out"};
  return made;
}

TEST(BridgeSettings, AreReadBackFromTheirJson) {
  BridgeSettings one = settings();
  one.keep_alive = std::chrono::seconds{7};
  one.full = "hold";
  one.clean_start = true;
  const auto again = settings_from_json(to_json(one));
  ASSERT_TRUE(again.has_value()) << again.error().message;
  EXPECT_EQ(to_json(*again), to_json(one));
}

TEST(BridgeSettings, SayWhatIsWrong) {
  const auto refused = [](auto change) {
    BridgeSettings made = settings();
    change(made);
    return !check(made).has_value();
  };
  EXPECT_FALSE(refused([](BridgeSettings&) {}));
  EXPECT_TRUE(refused([](BridgeSettings& s) { s.name = "a/b"; }));
  EXPECT_TRUE(refused([](BridgeSettings& s) { s.name = std::string(kMaxNameBytes + 1, 'a'); }));
  EXPECT_TRUE(refused([](BridgeSettings& s) { s.address = "peer:1883"; }));
  EXPECT_TRUE(refused([](BridgeSettings& s) { s.ca_file = "x"; }));
  EXPECT_TRUE(refused([](BridgeSettings& s) { s.password_file = "x"; }));
  EXPECT_TRUE(refused([](BridgeSettings& s) { s.version = "4"; }));
  EXPECT_TRUE(refused([](BridgeSettings& s) { s.full = "often"; }));
  EXPECT_TRUE(refused([](BridgeSettings& s) { s.topics.clear(); }));
  EXPECT_TRUE(refused([](BridgeSettings& s) { s.topics.assign(kMaxTopicsPerBridge + 1, "# out"); }));
  boost::json::object strange = to_json(settings());
  strange["colour"] = "red";
  EXPECT_FALSE(settings_from_json(strange).has_value());
}

}  // namespace
}  // namespace dunlin::bridge
