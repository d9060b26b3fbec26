// A bridge between two servers in virtual time: outages, crashes, duplicates, refusals, a full queue.

#include "transport/bridge/bridge.h"

#include <boost/json.hpp>

#include "base/virtual_fs.h"
#include "hub/testing/fake_bus.h"
#include "transport/mqtt/server_fixture.h"

namespace dunlin::bridge {
namespace {

using transport::testing::ServerTest;

/// The fixture's server is the peer ("broker"). The near side has disks of its own, which outlive its
/// process.
class BridgeTest : public ServerTest {
 protected:
  struct Near {
    Near(BridgeTest& test, BridgeSettings settings)
        : world(test.scheduler, test.near_journals, test.near_keyed, {}, true), workers(*world.executors[0]) {
      bool started = false;
      world.hub->start(*world.executors[0],
                       [&started](Result<void> result) { started = result.has_value(); });
      EXPECT_TRUE(test.scheduler.run_until([&] { return started; }, std::chrono::seconds{1}));
      bridge = std::make_unique<Bridge>(
          BridgeEnvironment{*world.executors[0], test.network.host("near"), workers, test.fs, *world.hub,
                            world.keyed, world.metrics, test.server_rng, "/secrets"},
          std::move(settings), Source::configuration, "near");
      bridge->start();
    }
    ~Near() { bridge.reset(); }
    Executor& executor() { return *world.executors[0]; }
    hub::testing::World world;
    VirtualWorkerPool workers;
    std::unique_ptr<Bridge> bridge;
  };

  void SetUp() override {
    start(1);
    near_journals.resize(2);
  }
  void TearDown() override {
    near.reset();
    ServerTest::TearDown();
  }
  static BridgeSettings settings(std::vector<std::string> topics) {
    BridgeSettings made;
    made.name = "b";
    made.address = "mqtt://broker:1883";
    made.topics = std::move(topics);
    return made;
  }
  void boot_near(BridgeSettings wish) {
    near.reset();
    near = std::make_unique<Near>(*this, std::move(wish));
  }
  bool connected() {
    return scheduler.run_until([this] { return near->bridge->state() == Bridge::State::connected; },
                               std::chrono::minutes{5});
  }
  void say(const std::string& topic, const std::string& payload, int qos) {
    hub::Message message;
    message.topic = Slice::copy_of(topic);
    message.payload = Slice::copy_of(payload);
    message.qos = static_cast<hub::QoS>(qos);
    near->world.hub->publish(near->executor(), std::move(message), [this](Result<void> result) {
      if (result) ++taken;
    });
  }
  /// Everything that the peer's hub was given on "#", by payload.
  void watch_peer() {
    hub::ConsumerOptions options;
    options.name = "watch";
    options.filters = {"#"};
    peer_watch = hub().consume(client_executor, options, [this](std::vector<hub::Delivery> batch, Task done) {
      for (const hub::Delivery& delivery : batch) {
        ++got[std::string(delivery.message.payload.text())];
        order.emplace_back(delivery.message.topic.text());
      }
      done();
    });
  }

  std::vector<hub::testing::JournalDisk> near_journals;
  hub::testing::KeyedDisk near_keyed;
  VirtualFs fs;
  std::unique_ptr<Near> near;
  std::unique_ptr<hub::Consumer> peer_watch;
  std::map<std::string, int> got;
  std::vector<std::string> order;
  int taken = 0;
};

TEST_F(BridgeTest, GoesOutWithItsNewTopicAndMarkAndNotBack) {
  watch_peer();
  boot_near(settings({"a/# both 1 l/ r/"}));
  ASSERT_TRUE(connected());
  say("l/a/1", "x", 1);
  run(std::chrono::seconds{2});
  EXPECT_EQ(order, std::vector<std::string>{"r/a/1"});
  EXPECT_EQ(near->bridge->out().acknowledged, 1U);
  EXPECT_EQ(near->bridge->in().received, 0U);
}

TEST_F(BridgeTest, WhatComesInIsMarkedAndIsNotTakenASecondTime) {
  boot_near(settings({"a/# in 1"}));
  ASSERT_TRUE(connected());
  const auto publish = [this](std::shared_ptr<const hub::Properties> properties) {
    hub::Message message;
    message.topic = Slice::copy_of("a/1");
    message.qos = hub::QoS::at_least_once;
    message.properties = std::move(properties);
    hub().publish(client_executor, std::move(message), {});
    run(std::chrono::seconds{1});
  };
  std::shared_ptr<const hub::Properties> came_in;
  hub::ConsumerOptions options;
  options.name = "watch";
  options.filters = {"a/#"};
  const auto watch = near->world.hub->consume(client_executor, options,
                                              [&came_in](std::vector<hub::Delivery> batch, Task done) {
                                                came_in = batch.back().message.properties;
                                                done();
                                              });
  publish(nullptr);
  ASSERT_NE(came_in, nullptr);
  ASSERT_EQ(came_in->user.size(), 1U);
  EXPECT_EQ(came_in->user[0].second, "near");
  EXPECT_EQ(near->bridge->in().stored, 1U);
  publish(came_in);  // as the peer's own bridge would bring it back
  EXPECT_EQ(near->bridge->in().stored, 1U);
  EXPECT_EQ(near->bridge->in().stopped_loops, 1U);
}

TEST_F(BridgeTest, OutagesAndCrashesLoseNothingAndDoubleNoQos2) {
  watch_peer();
  boot_near(settings({"q/# out 2"}));
  ASSERT_TRUE(connected());
  int said = 0;
  for (int round = 0; round < 30; ++round) {
    for (int i = 0; i < 20; ++i, ++said) say("q/2", "two-" + std::to_string(said), 2);
    for (int i = 0; i < 20; ++i) say("q/1", "one-" + std::to_string(said * 20 + i), 1);
    run(std::chrono::milliseconds{5});  // the journal has them
    run(std::chrono::milliseconds{round});
    if (round % 3 == 0) network.reset_some(1);
    if (round % 3 == 1) boot_near(settings({"q/# out 2"}));
  }
  run(std::chrono::minutes{10});
  EXPECT_EQ(taken, 1200);
  EXPECT_EQ(got.size(), 1200U);
  for (const auto& [payload, times] : got) {
    if (!payload.starts_with("two")) continue;
    EXPECT_EQ(times, 1) << payload;
  }
}

TEST_F(BridgeTest, WhatComesInIsTakenOnceOverCrashes) {
  boot_near(settings({"q/# in 2"}));
  ASSERT_TRUE(connected());
  std::map<std::string, int> seen;
  const auto publish = [this](const std::string& payload) {
    hub::Message message;
    message.topic = Slice::copy_of("q/2");
    message.payload = Slice::copy_of(payload);
    message.qos = hub::QoS::exactly_once;
    hub().publish(client_executor, std::move(message), {});
  };
  for (int i = 0; i < 200; ++i) {
    publish(std::to_string(i));
    run(std::chrono::milliseconds{3});
    if (i % 40 == 17) network.reset_some(1);
    if (i % 40 == 33) boot_near(settings({"q/# in 2"}));
  }
  run(std::chrono::minutes{10});
  hub::MessageDecoder decoder;
  for (const auto& disk : near_journals) {
    for (const store::Record& record : disk.records) {
      if (record.kind != static_cast<std::uint8_t>(hub::RecordKind::message)) continue;
      const auto decoded = decoder.decode(record.bytes);
      ASSERT_TRUE(decoded.has_value());
      ++seen[std::string(decoded->message.payload.text())];
    }
  }
  EXPECT_EQ(seen.size(), 200U);
  for (const auto& [payload, times] : seen) EXPECT_EQ(times, 1) << payload;
}

TEST_F(BridgeTest, WhatNoRuleAllowsIsRefusedAndARefusalOfThePeerIsCounted) {
  boot_near(settings({"forbidden/# out 1", "ok/# in 1"}));
  ASSERT_TRUE(connected());
  say("forbidden/1", "x", 1);
  run(std::chrono::seconds{2});
  EXPECT_EQ(near->bridge->out().refused, 1U);
  EXPECT_EQ(near->bridge->out().waiting_records, 0U);
}

TEST_F(BridgeTest, PastItsBytesTheOldestGoUnlessItHolds) {
  for (const std::string full : {"drop_oldest", "hold"}) {
    BridgeSettings wish = settings({"q/# out 1"});
    wish.address = "mqtt://nowhere:1883";
    wish.full = full;
    wish.max_queue_bytes = 500;  // the log of the tests says one byte a record
    boot_near(wish);
    run(std::chrono::seconds{1});
    for (int i = 0; i < 2000; ++i) say("q/1", std::to_string(i), 1);
    run(std::chrono::seconds{30});
    const OutStatus out = near->bridge->out();
    if (full == "hold") {
      EXPECT_EQ(out.dropped, 0U);
    } else {
      EXPECT_GE(out.dropped, 1500U);
      EXPECT_LE(out.dropped, 1700U);
    }
    near.reset();
    near_journals.assign(2, {});
    near_keyed.clear();
  }
}

TEST_F(BridgeTest, ANewBridgeBeginsWithWhatComesFromThenOn) {
  watch_peer();
  boot_near(settings({"other/# out 1"}));
  say("q/1", "before", 1);
  run(std::chrono::seconds{1});
  near_keyed[store::Table::meta].clear();
  for (auto& disk : near_journals) disk.cursors.clear();
  boot_near(settings({"q/# out 1"}));
  ASSERT_TRUE(connected());
  say("q/1", "after", 1);
  run(std::chrono::seconds{2});
  EXPECT_EQ(got, (std::map<std::string, int>{{"after", 1}}));
}

}  // namespace
}  // namespace dunlin::bridge
