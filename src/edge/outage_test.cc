// Acceptance: whatever is cut, every sample is in the platform's storage once and in order.

#include "edge/edge_fixture.h"

namespace dunlin::edge::testing {
namespace {

constexpr int kDevices = 4;
constexpr Duration kStep = std::chrono::milliseconds{20};  // one sample of each device: 200 messages a second

class OutageTest : public EdgeTest {
 protected:
  void boot() {
    start_platform();
    start_gateway();
    for (int i = 0; i < kDevices; ++i) add_device("press-0" + std::to_string(i));
    ASSERT_TRUE(run_until([&] { return link_is_up(); }));
  }
  enum class Payload { bare, with_time };
  void publish_for(Duration time, Payload payload = Payload::bare) {
    for (Duration passed{}; passed < time; passed += kStep) {
      for (auto& device : devices) {
        std::string text = std::to_string(published);
        if (payload == Payload::with_time) {
          text = "{\"value\":" + text + ",\"t\":" + std::to_string(unix_milliseconds(clock.wall_now())) + "}";
        }
        device->publish("demo/plant1/machine/press-0" + std::to_string(&device - devices.data()) + "/temperature", text);
      }
      ++published;
      run(kStep);
    }
  }
  /// Every device's values are 0, 1, 2 ... in the order of their times.
  void expect_all_once() {
    ASSERT_TRUE(run_until([&] {
      for (int i = 0; i < kDevices; ++i) {
        if (count(i) < static_cast<std::size_t>(published)) return false;
      }
      return true;
    })) << count(0) << " of " << published << ", " << boost::json::serialize(to_json(gateway->gateway->status()));
    run(std::chrono::seconds{5});
    for (int i = 0; i < kDevices; ++i) {
      const auto points = rows("press-0" + std::to_string(i), "temperature");
      ASSERT_EQ(points.size(), static_cast<std::size_t>(published)) << "device " << i;
      for (int value = 0; value < published; ++value) {
        ASSERT_EQ(std::get<std::int64_t>(points[static_cast<std::size_t>(value)].value), value) << "device " << i;
      }
    }
  }
  /// Asked seldom: it reads the whole series.
  std::size_t count(int device) {
    run(std::chrono::seconds{1});
    return rows("press-0" + std::to_string(device), "temperature").size();
  }
  int published = 0;
};

TEST_F(OutageTest, LineCutFor60Seconds) {
  boot();
  publish_for(std::chrono::seconds{5});
  network.partition("gateway", "platform");
  publish_for(std::chrono::seconds{60});
  EXPECT_FALSE(link_is_up());
  EXPECT_GT(gateway->gateway->status().forward.waiting_records, 5000U);
  network.heal("gateway", "platform");
  publish_for(std::chrono::seconds{5});
  expect_all_once();
  EXPECT_EQ(gateway->gateway->status().forward.dropped, 0U);
  EXPECT_GE(gateway_machine.metrics->value("dunlin_edge_uplink_connections_total"), 2);
}

TEST_F(OutageTest, ShortCutThatNobodyNotices) {
  boot();
  publish_for(std::chrono::seconds{2});
  network.partition("gateway", "platform");
  publish_for(std::chrono::seconds{8});
  network.heal("gateway", "platform");
  publish_for(std::chrono::seconds{2});
  expect_all_once();
}

TEST_F(OutageTest, LineThatBreaksAgainAndAgain) {
  boot();
  network.set_link("gateway", "platform", {.delay = std::chrono::milliseconds{20}, .reset_probability = 0.002});
  publish_for(std::chrono::seconds{60});
  network.set_link("gateway", "platform", {});
  expect_all_once();
  EXPECT_GE(gateway_machine.metrics->value("dunlin_edge_uplink_connections_total"), 4);
}

class PlatformFaultTest : public OutageTest, public ::testing::WithParamInterface<Fault> {};

TEST_P(PlatformFaultTest, PlatformIsAwayFor60Seconds) {
  boot();
  publish_for(std::chrono::seconds{5});
  stop_platform(GetParam());
  publish_for(std::chrono::seconds{60});
  start_platform();
  publish_for(std::chrono::seconds{5});
  expect_all_once();
}

TEST_P(PlatformFaultTest, PlatformDiesWhileItCatchesUp) {
  boot();
  network.partition("gateway", "platform");
  publish_for(std::chrono::seconds{40});
  network.heal("gateway", "platform");
  for (int round = 0; round < 5; ++round) {
    run_until([&] { return link_is_up(); });
    run(std::chrono::milliseconds{static_cast<int>(5 + rng.below(60))});
    stop_platform(GetParam());
    start_platform();
  }
  expect_all_once();
}

INSTANTIATE_TEST_SUITE_P(Faults, PlatformFaultTest, ::testing::Values(Fault::kill, Fault::power_cut),
                         [](const auto& fault) { return fault.param == Fault::kill ? "kill" : "power_cut"; });

class GatewayFaultTest : public OutageTest, public ::testing::WithParamInterface<Fault> {};

TEST_P(GatewayFaultTest, GatewayDiesDuringAnOutage) {
  boot();
  publish_for(std::chrono::seconds{5}, Payload::with_time);
  network.partition("gateway", "platform");
  publish_for(std::chrono::seconds{20}, Payload::with_time);
  stop_gateway(GetParam());
  publish_for(std::chrono::seconds{2}, Payload::with_time);
  start_gateway();
  publish_for(std::chrono::seconds{20}, Payload::with_time);
  network.heal("gateway", "platform");
  publish_for(std::chrono::seconds{5}, Payload::with_time);
  expect_all_once();
}

TEST_P(GatewayFaultTest, GatewayDiesAgainAndAgain) {
  boot();
  for (int round = 0; round < 10; ++round) {
    publish_for(std::chrono::milliseconds{static_cast<int>(500 + rng.below(2500))}, Payload::with_time);
    run(std::chrono::microseconds{static_cast<int>(rng.below(3000))});
    stop_gateway(GetParam());
    start_gateway();
  }
  expect_all_once();
}

/// Without times of their own the samples are told apart by the gateway's stamps, which must be the same after a restart.
TEST_P(GatewayFaultTest, StampsAreTheSameAfterARestart) {
  boot();
  for (int round = 0; round < 10; ++round) {
    publish_for(std::chrono::milliseconds{static_cast<int>(500 + rng.below(2500))});
    // Every device has its acknowledgement, so none repeats; the platform's are still on their way.
    ASSERT_TRUE(run_until([&] {
      return std::ranges::all_of(devices, [](const auto& device) { return device->client.pending() == 0; });
    }));
    stop_gateway(GetParam());
    start_gateway();
  }
  expect_all_once();
}

INSTANTIATE_TEST_SUITE_P(Faults, GatewayFaultTest, ::testing::Values(Fault::kill, Fault::power_cut),
                         [](const auto& fault) { return fault.param == Fault::kill ? "kill" : "power_cut"; });

/// A disk that forgets what it was told to keep must be noticed, or the tests above show nothing.
TEST_F(OutageTest, AForgottenSyncLosesSamples) {
  boot();
  network.partition("gateway", "platform");
  gateway_machine.fs.set_sync_ignored(SyncIgnored::all);
  publish_for(std::chrono::seconds{20});
  ASSERT_TRUE(run_until([&] { return devices[0]->client.pending() == 0; }));
  const std::uint64_t acknowledged = gateway->gateway->status().forward.waiting_records;
  ASSERT_GE(acknowledged, 4000U);
  stop_gateway(Fault::power_cut);
  auto log = store::open_log({gateway_machine.fs, *gateway_machine.executor, *gateway_machine.workers, *gateway_machine.metrics},
                             {.folder = config.data_folder + "/journal/0"});
  const std::uint64_t left = log ? (*log)->committed() : 0;
  EXPECT_LT(left, acknowledged);
}

}  // namespace
}  // namespace dunlin::edge::testing
