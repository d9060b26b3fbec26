#include "edge/gateway.h"

#include "edge/edge_fixture.h"

namespace dunlin::edge::testing {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr const char* kTemperature = "demo/plant1/machine/press-01/temperature";

class GatewayTest : public EdgeTest {
 protected:
  void boot() {
    start_platform();
    start_gateway();
    ASSERT_TRUE(run_until([&] { return link_is_up(); }));
  }
};

TEST_F(GatewayTest, OnlySummariesGoUpForAnAggregatedChannel) {
  config.aggregates = {{.filter = "+/+/+/+/temperature", .count = 60}};
  boot();
  Device& press = add_device("press-01");
  for (int i = 0; i < 120; ++i) press.publish(kTemperature, std::to_string(i), hub::QoS::at_most_once);
  press.publish("demo/plant1/machine/press-01/pressure", "7");
  run(std::chrono::seconds{3});
  EXPECT_THAT(rows("press-01", "temperature"), IsEmpty());
  EXPECT_THAT(rows("press-01", "pressure"), SizeIs(1));
  const auto means = rows("press-01", "temperature.summary.mean");
  ASSERT_THAT(means, SizeIs(2));
  EXPECT_DOUBLE_EQ(std::get<double>(means[0].value), 29.5);
  EXPECT_DOUBLE_EQ(std::get<double>(means[1].value), 89.5);
  EXPECT_THAT(rows("press-01", "temperature.summary.anomaly_count"), SizeIs(2));
  EXPECT_EQ(gateway->gateway->status().summaries, 2U);
}

TEST_F(GatewayTest, WindowsGoOnAcrossAPowerCut) {
  config.aggregates = {{.filter = "+/+/+/+/temperature", .count = 60}};
  boot();
  Device* press = &add_device("press-01");
  for (int i = 0; i < 300; ++i) {
    press->publish(kTemperature, std::to_string(i));
    if (i % 70 != 69) continue;
    ASSERT_TRUE(run_until([&] { return press->client.pending() == 0; }));
    stop_gateway(Fault::power_cut);
    start_gateway();
  }
  run(std::chrono::seconds{10});
  const auto counts = rows("press-01", "temperature.summary.count");
  ASSERT_THAT(counts, SizeIs(5));
  const auto lows = rows("press-01", "temperature.summary.min");
  for (int window = 0; window < 5; ++window) {
    EXPECT_EQ(std::get<std::int64_t>(counts[static_cast<std::size_t>(window)].value), 60);
    EXPECT_EQ(std::get<std::int64_t>(lows[static_cast<std::size_t>(window)].value), window * 60);
  }
}

TEST_F(GatewayTest, RulesActWhileTheLineIsDown) {
  config.rules = {{.name = "cool",
                   .sql = "SELECT 'on' AS state FROM 'demo/plant1/machine/+/temperature' WHERE value > 80",
                   .description = "",
                   .actions = R"([{"republish":{"topic":"local/fan-01/set","qos":1}}])"}};
  boot();
  Device& press = add_device("press-01");
  Device& fan = add_device("fan-01");
  fan.subscribe("local/fan-01/set");
  run(std::chrono::seconds{1});
  network.partition("gateway", "platform");
  run(std::chrono::seconds{90});
  ASSERT_FALSE(link_is_up());
  press.publish(kTemperature, "{\"value\":20}");
  press.publish(kTemperature, "{\"value\":95}");
  run(std::chrono::seconds{1});
  EXPECT_THAT(fan.got, ::testing::ElementsAre("local/fan-01/set {\"state\":\"on\"}"));
}

TEST_F(GatewayTest, ARuleThatIsNoLongerConfiguredIsGone) {
  config.rules = {{.name = "one",
                   .sql = "SELECT * FROM 'a'",
                   .description = "",
                   .actions = R"([{"republish":{"topic":"b"}}])"}};
  boot();
  EXPECT_EQ(gateway->gateway->status().rules, 1U);
  config.rules.clear();
  stop_gateway(Fault::kill);
  start_gateway();
  EXPECT_EQ(gateway->gateway->status().rules, 0U);
}

TEST_F(GatewayTest, ShadowsOfThingsBehindIt) {
  boot();
  Device& press = add_device("press-01");
  press.subscribe("$dunlin/things/press-01/shadow/#");
  run(std::chrono::seconds{1});
  press.publish("$dunlin/things/press-01/shadow/update", R"({"state":{"reported":{"speed":1}}})");
  run(std::chrono::seconds{2});
  EXPECT_THAT(press.got, Contains(HasSubstr("shadow/update/accepted")));
  std::optional<bool> updated;
  platform->shadow.update(kDefaultTenant, "press-01", R"({"state":{"desired":{"speed":2}}})",
                          [&](auto result) { updated = result.has_value(); });
  ASSERT_TRUE(run_until([&] { return updated.has_value(); }));
  EXPECT_TRUE(*updated);
  run(std::chrono::seconds{2});
  EXPECT_THAT(press.got, Contains(HasSubstr("shadow/update/delta")));
}

TEST_F(GatewayTest, DesiredStateWaitsForTheLine) {
  boot();
  Device& press = add_device("press-01");
  press.subscribe("$dunlin/things/press-01/shadow/#");
  run(std::chrono::seconds{1});
  network.partition("gateway", "platform");
  run(std::chrono::seconds{60});
  platform->shadow.update(kDefaultTenant, "press-01", R"({"state":{"desired":{"speed":3}}})", [](auto) {});
  run(std::chrono::seconds{10});
  EXPECT_THAT(press.got, IsEmpty());
  network.heal("gateway", "platform");
  ASSERT_TRUE(run_until([&] { return !press.got.empty(); }));
  EXPECT_THAT(press.got, Contains(HasSubstr("\"speed\":3")));
}

/// A filter that matches in both directions would send a message round and round.
TEST_F(GatewayTest, WhatComesDownNeverGoesUp) {
  config.uplink_subscribe = {"demo/#"};
  boot();
  run(std::chrono::seconds{1});
  Device& press = add_device("press-01");
  press.subscribe("demo/#");
  run(std::chrono::seconds{1});
  press.publish(kTemperature, "{\"value\":1,\"t\":1700000000000}");
  run(std::chrono::seconds{30});
  EXPECT_EQ(gateway->gateway->status().forward.acknowledged, 1U);
  EXPECT_LE(press.got.size(), 2U);  // its own, and once what the platform sends back
  EXPECT_THAT(rows("press-01", "temperature"), SizeIs(1));
}

TEST_F(GatewayTest, TellsWhoIsThere) {
  boot();
  Device& press = add_device("press-01");
  run(std::chrono::seconds{1});
  const auto state = [&](const std::string& name) {
    const auto found = platform->presence.find(kDefaultTenant, name);
    return found && found->state == presence::Presence::State::online;
  };
  EXPECT_TRUE(state("press-01"));
  EXPECT_TRUE(state("gateway-1"));
  EXPECT_EQ(platform->presence.find(kDefaultTenant, "press-01")->gateway, "gateway-1");
  EXPECT_EQ(gateway->gateway->status().children_online, 1U);
  network.partition("gateway", "platform");
  run(std::chrono::seconds{120});
  EXPECT_FALSE(state("press-01"));
  network.heal("gateway", "platform");
  ASSERT_TRUE(run_until([&] { return state("press-01"); }));
  press.client.stop();
  run(std::chrono::seconds{2});
  EXPECT_FALSE(state("press-01"));
}

TEST_F(GatewayTest, DropsTheOldestAndTellsThePlatform) {
  config.max_bytes = 1024 * 1024;
  boot();
  Device& press = add_device("press-01");
  network.partition("gateway", "platform");
  const std::string text(900, 'x');
  const std::int64_t start = unix_milliseconds(clock.wall_now());
  for (int i = 0; i < 4000; ++i) {
    press.publish(kTemperature, "{\"value\":\"" + text + "\",\"t\":" + std::to_string(start + i) + "}");
    run(std::chrono::milliseconds{20});
  }
  const GatewayStatus status = gateway->gateway->status();
  EXPECT_GT(status.forward.dropped, 2000U);
  EXPECT_LE(status.forward.journal_bytes, 1024U * 1024 * 5 / 4 + 4 * 65536);
  EXPECT_EQ(status.refused_newest, 0U);
  std::vector<std::string> events;
  VirtualExecutor listener(scheduler);
  auto consumer = platform->hub.consume(
      listener, {.name = "listener", .filters = {"$dunlin/things/+/events/dropped"}, .start = {}},
      [&](std::vector<hub::Delivery> batch, Task done) {
        for (const auto& one : batch) events.emplace_back(one.message.payload.text());
        done();
      });
  network.heal("gateway", "platform");
  ASSERT_TRUE(run_until([&] { return !events.empty(); }));
  run(std::chrono::seconds{20});
  std::uint64_t told = 0;
  for (const std::string& event : events)
    told += boost::json::parse(event).as_object().at("count").to_number<std::uint64_t>();
  EXPECT_EQ(told, gateway->gateway->status().forward.dropped);
  const auto kept = rows("press-01", "temperature");
  ASSERT_FALSE(kept.empty());
  // What was under way at the cut may arrive although it was counted as dropped.
  EXPECT_GE(kept.size() + told, 4000U);
  EXPECT_LE(kept.size() + told, 4100U);
  EXPECT_EQ(unix_milliseconds(kept.back().time), start + 3999);
}

TEST_F(GatewayTest, AlarmsOfDevicesWaitForTheLine) {
  boot();
  Device& press = add_device("press-01");
  press.subscribe("$dunlin/things/press-01/#");
  run(std::chrono::seconds{1});
  std::vector<std::string> words;
  VirtualExecutor listener(scheduler);
  auto consumer = platform->hub.consume(
      listener, {.name = "listener", .filters = {"$dunlin/things/+/alarms/+"}, .start = {}},
      [&](std::vector<hub::Delivery> batch, Task done) {
        for (const auto& one : batch)
          words.push_back(one.message.principal->name + " " + std::string(one.message.payload.text()));
        done();
      });
  network.partition("gateway", "platform");
  press.publish("$dunlin/things/press-01/alarms/oil", R"({"state":"raised"})");
  run(std::chrono::seconds{60});
  EXPECT_THAT(words, IsEmpty());
  network.heal("gateway", "platform");
  ASSERT_TRUE(run_until([&] { return !words.empty(); }));
  EXPECT_THAT(words, SizeIs(1));
  EXPECT_THAT(words, Contains(HasSubstr(R"({"state":"raised"})")));
}

TEST_F(GatewayTest, RefusesTheNewestWhenAskedTo) {
  config.max_bytes = 1024 * 1024;
  config.drop = "newest";
  boot();
  Device& press = add_device("press-01");
  network.partition("gateway", "platform");
  const std::string text(900, 'x');
  const std::int64_t start = unix_milliseconds(clock.wall_now());
  for (int i = 0; i < 2000; ++i) {
    press.publish(kTemperature, "{\"value\":\"" + text + "\",\"t\":" + std::to_string(start + i) + "}");
    run(std::chrono::milliseconds{20});
  }
  const GatewayStatus status = gateway->gateway->status();
  EXPECT_EQ(status.forward.dropped, 0U);
  EXPECT_GT(status.refused_newest, 500U);
  EXPECT_LE(status.forward.journal_bytes, 1024U * 1024);
  network.heal("gateway", "platform");
  run(std::chrono::seconds{90});
  const auto kept = rows("press-01", "temperature");
  EXPECT_EQ(kept.size() + status.refused_newest, 2000U);
  EXPECT_EQ(unix_milliseconds(kept.front().time), start);
}

TEST_F(GatewayTest, StopsInOrderAndSendsNothingTwiceAfterwards) {
  boot();
  Device& press = add_device("press-01");
  press.publish(kTemperature, "1");
  run(std::chrono::seconds{1});
  bool stopped = false;
  gateway->gateway->stop([&](Result<void> result) { stopped = result.has_value(); });
  ASSERT_TRUE(run_until([&] { return stopped; }));
  stop_gateway(Fault::kill);
  start_gateway();
  run(std::chrono::seconds{5});
  EXPECT_EQ(gateway->gateway->status().forward.acknowledged, 0U);
  EXPECT_THAT(rows("press-01", "temperature"), SizeIs(1));
}

TEST_F(GatewayTest, WorksWithoutAPlatform) {
  config.uplink_endpoint.clear();
  start_gateway();
  Device& press = add_device("press-01");
  press.subscribe("demo/#");
  run(std::chrono::seconds{1});
  press.publish(kTemperature, "1");
  run(std::chrono::seconds{1});
  EXPECT_THAT(press.got, SizeIs(1));
  EXPECT_EQ(gateway->gateway->status().link, GatewayStatus::Link::none);
  EXPECT_EQ(to_json(gateway->gateway->status()).at("link").as_string(), "none");
}

TEST_F(GatewayTest, ADeviceCannotSpeakForThePlatformOrTheGateway) {
  boot();
  Device& press = add_device("press-01");
  press.subscribe("$dunlin/#");
  run(std::chrono::seconds{1});
  for (const char* topic :
       {"$dunlin/things/other/presence", "$dunlin/things/press-01/shadow/update/delta", "$dunlin/alarms/x"}) {
    press.publish(topic, "{\"online\":true}");
  }
  run(std::chrono::seconds{2});
  EXPECT_THAT(press.got, IsEmpty());
  EXPECT_FALSE(platform->presence.find(kDefaultTenant, "other").has_value());
}

}  // namespace
}  // namespace dunlin::edge::testing
