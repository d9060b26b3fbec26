#include <gmock/gmock.h>

#include "base/metrics.h"
#include "bench/load_run.h"
#include "hub/hub.h"
#include "net/epoll_network.h"
#include "net/reactor_threads.h"
#include "net/worker_pool.h"
#include "transport/mqtt/server.h"

namespace dunlin::bench {
namespace {

TEST(SequenceCheck, CountsNothingInOrder) {
  SequenceCheck check;
  for (std::uint32_t i = 0; i < 10; ++i) check.take(i);
  EXPECT_EQ(check.lost(10), 0U);
  EXPECT_EQ(check.doubled(), 0U);
  EXPECT_EQ(check.reordered(), 0U);
}

TEST(SequenceCheck, TellsLostFromReorderedAndDoubled) {
  SequenceCheck check;
  for (const std::uint32_t number : {0U, 1U, 4U, 3U, 4U, 0U, 6U}) check.take(number);
  EXPECT_EQ(check.reordered(), 1U);  // 3
  EXPECT_EQ(check.doubled(), 2U);    // 4 and 0
  EXPECT_EQ(check.lost(9), 4U);      // 2, 5, 7 and 8
}

TEST(Stamp, SurvivesItsBytes) {
  std::array<std::uint8_t, kStampBytes> bytes{};
  write_stamp({0x0102030405060708, 77, 0xFFFFFFFE}, bytes.data());
  const Stamp stamp = read_stamp(bytes);
  EXPECT_EQ(stamp.run, 0x0102030405060708U);
  EXPECT_EQ(stamp.publisher, 77U);
  EXPECT_EQ(stamp.number, 0xFFFFFFFEU);
}

TEST(LoadOptions, BoundWhatIsUnderWay) {
  LoadOptions options;
  options.mode = LoadMode::fan_in;
  options.publishers = 100;
  options.subscribers = 1;
  EXPECT_EQ(checked(options)->window, 200U);
  options.qos = mqtt::QoS::at_least_once;
  EXPECT_EQ(checked(options)->window, 100U);
  options.payload_bytes = 15;
  EXPECT_EQ(checked(options).error().code, Errc::invalid_argument);
  options.payload_bytes = 16;
  options.subscribers = kMaxConnections;
  EXPECT_EQ(checked(options).error().code, Errc::invalid_argument);
}

TEST(ProcessUsage, RefusesAProcessThatIsNotThere) {
  EXPECT_GT(process_usage({::getpid()})->resident_bytes, 0U);
  EXPECT_EQ(process_usage({0}).error().code, Errc::not_found);
}

class LoadTest : public testing::Test {
 protected:
  LoadTest() {
    std::vector<hub::ShardEnvironment> shards;
    for (net::Reactor* reactor : threads_.all()) shards.push_back({*reactor});
    hub_ = std::make_unique<hub::Hub>(hub::HubEnvironment{std::move(shards), nullptr, metrics_, rng_});
    const auto anyone = [](hub::Credentials, hub::Authenticated done) {
      done(std::make_shared<const Principal>());
    };
    const auto allow = [](const Principal&, hub::Action, std::string_view) -> Result<void> { return {}; };
    mqtt_ = std::make_unique<transport::MqttServer>(
        transport::ServerEnvironment{*hub_, anyone, allow, metrics_, rng_});
    net::ListenOptions options;
    options.endpoint = {"127.0.0.1", 0};
    listener_ = *network_.listen(
        threads_.at(0), options,
        [this](std::unique_ptr<net::Connection> connection) { mqtt_->accept(std::move(connection)); });
    hub_->start(threads_.at(0), [](const Result<void>&) {});
    threads_.start();
  }
  ~LoadTest() override { threads_.stop(); }

  LoadOptions options(LoadMode mode, int qos) {
    LoadOptions options;
    options.mode = mode;
    options.publishers = mode == LoadMode::fan_out ? 1 : 5;
    options.subscribers = mode == LoadMode::fan_in ? 1 : 5;
    options.qos = static_cast<mqtt::QoS>(qos);
    options.duration = std::chrono::milliseconds{100};
    options.settle = std::chrono::milliseconds{10};
    options.server = listener_->local();
    options.process_ids = {::getpid()};
    return options;
  }

  SystemRng rng_;
  metrics::Registry metrics_;
  net::ReactorThreads threads_{2};
  net::ThreadWorkerPool workers_{1};
  net::EpollNetwork network_{threads_.all(), workers_, metrics_};
  std::unique_ptr<hub::Hub> hub_;
  std::unique_ptr<transport::MqttServer> mqtt_;
  std::unique_ptr<net::Listener> listener_;
};

TEST_F(LoadTest, FindsNothingWrongInAnyModeAndQos) {
  for (const LoadMode mode : {LoadMode::pairs, LoadMode::fan_out, LoadMode::fan_in}) {
    for (int qos = 0; qos <= 2; ++qos) {
      SCOPED_TRACE(std::string(load_mode_name(mode)) + " QoS " + std::to_string(qos));
      const auto report = run_load(options(mode, qos));
      ASSERT_TRUE(report.has_value()) << report.error().message;
      EXPECT_TRUE(report->faultless()) << report_text(options(mode, qos), *report);
      EXPECT_GT(report->sent, 0U);
      EXPECT_EQ(report->delivered, report->sent * (mode == LoadMode::fan_out ? 5 : 1));
    }
  }
}

TEST_F(LoadTest, SpeaksTheOlderVersionAndLargerPayloads) {
  LoadOptions older = options(LoadMode::pairs, 2);
  older.version = mqtt::ProtocolVersion::v3_1_1;
  older.payload_bytes = 2000;
  const auto report = run_load(older);
  ASSERT_TRUE(report.has_value()) << report.error().message;
  EXPECT_TRUE(report->faultless());
  EXPECT_THAT(report_json(older, *report), testing::HasSubstr("\"payload_bytes\":2000"));
}

TEST_F(LoadTest, HoldsIdleConnections) {
  const auto report = run_load(options(LoadMode::idle, 0));
  ASSERT_TRUE(report.has_value()) << report.error().message;
  EXPECT_EQ(report->connections, 5U);
  EXPECT_EQ(report->sent, 0U);
}

TEST_F(LoadTest, SaysThatNobodyListens) {
  LoadOptions nobody = options(LoadMode::pairs, 0);
  nobody.server.port = 1;
  EXPECT_EQ(run_load(nobody).error().code, Errc::unavailable);
}

}  // namespace
}  // namespace dunlin::bench
