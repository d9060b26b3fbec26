// Loads on servers in the same process, over real sockets: one that is right, one with planted faults, and
// the null forwarder.
#include <gmock/gmock.h>
#include <unistd.h>

#include <thread>

#include "base/metrics.h"
#include "base/rng.h"
#include "hub/hub.h"
#include "load/process.h"
#include "load/testing/faulty_server.h"
#include "net/epoll_network.h"
#include "net/reactor_threads.h"
#include "net/worker_pool.h"
#include "transport/mqtt/server.h"

namespace dunlin::load {
namespace {

using testing::AllOf;
using testing::HasSubstr;

Result<LoadReport> run_load(const LoadOptions& wanted) {
  DUNLIN_TRY(const LoadOptions options, checked(wanted));
  return LoadProcess(options).run();
}

LoadOptions options_for(net::Endpoint server, LoadMode mode, int qos) {
  LoadOptions options;
  options.mode = mode;
  options.publishers = mode == LoadMode::fan_out ? 1 : 5;
  options.subscribers = mode == LoadMode::fan_in ? 1 : 5;
  options.qos = static_cast<mqtt::QoS>(qos);
  options.duration = std::chrono::milliseconds{100};
  options.settle = std::chrono::milliseconds{10};
  options.retained_messages = 500;
  options.server.endpoint = std::move(server);
  options.process_ids = {::getpid()};
  return options;
}

class ServerTest : public testing::Test {
 protected:
  ServerTest() {
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
  ~ServerTest() override { threads_.stop(); }

  LoadOptions options(LoadMode mode, int qos) { return options_for(listener_->local(), mode, qos); }

  SystemRng rng_;
  metrics::Registry metrics_;
  net::ReactorThreads threads_{2};
  net::ThreadWorkerPool workers_{1};
  net::EpollNetwork network_{threads_.all(), workers_, metrics_};
  std::unique_ptr<hub::Hub> hub_;
  std::unique_ptr<transport::MqttServer> mqtt_;
  std::unique_ptr<net::Listener> listener_;
};

TEST_F(ServerTest, FindsNothingWrongInAnyModeAndQos) {
  for (const LoadMode mode : {LoadMode::pairs, LoadMode::fan_out, LoadMode::fan_in}) {
    for (int qos = 0; qos <= 2; ++qos) {
      SCOPED_TRACE(std::string(load_mode_name(mode)) + " QoS " + std::to_string(qos));
      const auto report = run_load(options(mode, qos));
      ASSERT_TRUE(report.has_value()) << report.error().message;
      EXPECT_TRUE(report->faultless(options(mode, qos))) << report_text(options(mode, qos), *report);
      EXPECT_GT(report->sent, 0U);
      EXPECT_EQ(report->delivered, report->sent * (mode == LoadMode::fan_out ? 5 : 1));
      EXPECT_EQ(report->latency.count, report->delivered);
      EXPECT_GT(report->latency.p50, Duration::zero());
    }
  }
}

TEST_F(ServerTest, SendsEveryMessageAtItsMoment) {
  for (const std::size_t batch : {1, 4}) {
    LoadOptions paced = options(LoadMode::pairs, 1);
    paced.rate = 2000;
    paced.batch = batch;
    const auto report = run_load(paced);
    ASSERT_TRUE(report.has_value()) << report.error().message;
    EXPECT_TRUE(report->faultless(paced)) << report_text(paced, *report);
    EXPECT_EQ(report->sent, 200U);  // a tenth of a second
    EXPECT_EQ(report->send_delay.count, 200U);
    EXPECT_EQ(report->unsent, 0U);
  }
}

TEST_F(ServerTest, SpeaksTheOlderVersionAndLargerPayloads) {
  LoadOptions older = options(LoadMode::pairs, 2);
  older.version = mqtt::ProtocolVersion::v3_1_1;
  older.payload_bytes = 2000;
  older.batch = 10;
  const auto report = run_load(older);
  ASSERT_TRUE(report.has_value()) << report.error().message;
  EXPECT_TRUE(report->faultless(older));
  EXPECT_THAT(report_json(older, *report), HasSubstr("\"payload_bytes\":2000"));
  EXPECT_THAT(report_text(older, *report), AllOf(HasSubstr("pairs on mqtt://"), HasSubstr("lost 0")));
}

TEST_F(ServerTest, HoldsIdleConnections) {
  const auto report = run_load(options(LoadMode::idle, 0));
  ASSERT_TRUE(report.has_value()) << report.error().message;
  EXPECT_EQ(report->connections, 5U);
  EXPECT_EQ(report->sent, 0U);
}

TEST_F(ServerTest, ConnectsAndEndsAgainAndAgain) {
  LoadOptions churn = options(LoadMode::churn, 0);
  churn.duration = std::chrono::seconds{1};  // busy machines need a while for a second one each
  const auto report = run_load(churn);
  ASSERT_TRUE(report.has_value()) << report.error().message;
  EXPECT_GT(report->connects, 5U);
  EXPECT_EQ(report->latency.count, report->connects);
  EXPECT_TRUE(report->faultless(options(LoadMode::churn, 0))) << report->failure;
}

TEST_F(ServerTest, StoresReadsAndClearsRetainedMessages) {
  for (int qos = 0; qos <= 1; ++qos) {
    LoadOptions retained = options(LoadMode::retained, qos);
    retained.topic_prefix = "kept";
    for (int round = 0; round < 2; ++round) {  // the second finds nothing of the first
      const auto report = run_load(retained);
      ASSERT_TRUE(report.has_value()) << report.error().message;
      EXPECT_TRUE(report->faultless(retained)) << report_text(retained, *report);
      EXPECT_EQ(report->sent, 500U);
      EXPECT_EQ(report->delivered, 2500U);
    }
  }
}

TEST_F(ServerTest, EndsWithTheFiguresSoFar) {
  LoadOptions long_one = *checked(options(LoadMode::pairs, 1));
  long_one.duration = std::chrono::hours{1};
  LoadProcess* running = nullptr;
  LoadProcess process(long_one, [&](const LoadProgress& progress) {
    if (progress.delivered > 0) running->interrupt();
  });
  running = &process;
  const auto report = process.run();
  ASSERT_TRUE(report.has_value()) << report.error().message;
  EXPECT_EQ(report->end, LoadReport::End::interrupted);
  EXPECT_TRUE(report->faultless(long_one)) << report_text(long_one, *report);
  EXPECT_GT(report->delivered, 0U);
}

TEST(LoadProcess, SaysThatNobodyListens) {
  const auto report = run_load(options_for({"127.0.0.1", 1}, LoadMode::pairs, 0));
  EXPECT_EQ(report.error().code, Errc::unavailable);
  EXPECT_THAT(report.error().message, HasSubstr("cannot connect to 127.0.0.1:1"));
  EXPECT_THAT(run_load(options_for({"127.0.0.1", 1}, LoadMode::churn, 0)).error().message,
              HasSubstr("cannot connect"));
}

class FaultTest : public testing::Test {
 protected:
  using Server = test::FaultyServer;
  ~FaultTest() override { threads_.stop(); }

  LoadOptions serve(Server::Fault fault, int qos = 0, Server::Answers answers = {}) {
    server_ = std::make_unique<Server>(network_, threads_.at(0), std::move(fault), answers);
    threads_.start();
    LoadOptions options = options_for(server_->local(), LoadMode::pairs, qos);
    options.publishers = 1;
    options.rate = 1000;  // 100 messages
    options.process_ids = {};
    options.patience = std::chrono::milliseconds{500};
    return options;
  }

  metrics::Registry metrics_;
  net::ReactorThreads threads_{1};
  net::ThreadWorkerPool workers_{1};
  net::EpollNetwork network_{threads_.all(), workers_, metrics_};
  std::unique_ptr<Server> server_;
};

TEST_F(FaultTest, FindsNothingWhereNothingIs) {
  const LoadOptions options = serve([](auto, ByteView packet, Server& server) { server.deliver(packet); });
  const auto report = run_load(options);
  ASSERT_TRUE(report.has_value()) << report.error().message;
  EXPECT_TRUE(report->faultless(options)) << report_text(options, *report);
  EXPECT_EQ(report->delivered, 100U);
}

TEST_F(FaultTest, FindsDoubledMessages) {
  const LoadOptions options = serve([](std::uint64_t number, ByteView packet, Server& server) {
    server.deliver(packet);
    if (number % 10 == 0) server.deliver(packet);
  });
  const auto report = run_load(options);
  ASSERT_TRUE(report.has_value()) << report.error().message;
  EXPECT_EQ(report->doubled, 10U);
  EXPECT_EQ(report->lost + report->reordered, 0U);
  EXPECT_FALSE(report->faultless(options));
}

TEST_F(FaultTest, FindsReorderedMessages) {
  const LoadOptions options = serve([](std::uint64_t number, ByteView packet, Server& server) {
    if (number == 50) return server.held.assign(packet.begin(), packet.end());
    server.deliver(packet);
    if (number == 53) server.deliver(server.held);
  });
  const auto report = run_load(options);
  ASSERT_TRUE(report.has_value()) << report.error().message;
  EXPECT_EQ(report->reordered, 1U);
  EXPECT_EQ(report->lost + report->doubled, 0U);
  EXPECT_FALSE(report->faultless(options));
}

TEST_F(FaultTest, FindsLostMessagesAndDoesNotWaitForever) {
  const LoadOptions options = serve([](std::uint64_t number, ByteView packet, Server& server) {
    if (number != 7 && number != 99) server.deliver(packet);
  });
  const auto report = run_load(options);
  ASSERT_TRUE(report.has_value()) << report.error().message;
  EXPECT_EQ(report->lost, 2U);
  EXPECT_EQ(report->delivered, 98U);
  EXPECT_FALSE(report->faultless(options));
}

TEST_F(FaultTest, MeasuresFromTheIntendedMoment) {
  // The server stops once for a fifth of a second; every message that was due meanwhile has waited.
  const LoadOptions options = serve([](std::uint64_t number, ByteView packet, Server& server) {
    if (number == 10) std::this_thread::sleep_for(std::chrono::milliseconds{200});
    server.deliver(packet);
  });
  const auto report = run_load(options);
  ASSERT_TRUE(report.has_value()) << report.error().message;
  EXPECT_EQ(report->delivered, 100U);
  EXPECT_GE(report->latency.largest, std::chrono::milliseconds{190});
  // Of 100 messages at one a millisecond 90 came during the stop, whose middle one waited for 155 ms.
  EXPECT_GE(report->latency.p50, std::chrono::milliseconds{100});
}

TEST_F(FaultTest, KeepsTheReceiveMaximum) {
  LoadOptions options =
      serve([](auto, ByteView packet, Server& server) { server.deliver(packet); }, 1, {.receive_maximum = 7});
  options.rate = 0;
  const auto report = run_load(options);
  ASSERT_TRUE(report.has_value()) << report.error().message;
  EXPECT_TRUE(report->faultless(options)) << report_text(options, *report);
  EXPECT_GT(report->sent, 7U);
  EXPECT_LE(server_->most_unanswered, 7U);
}

TEST_F(FaultTest, GivesUpWhatTheServerDoesNotTake) {
  // Fifty messages a second at most: each answer takes 20 ms, and only one may be under way.
  LoadOptions options = serve(
      [](auto, ByteView packet, Server& server) {
        std::this_thread::sleep_for(std::chrono::milliseconds{20});
        server.deliver(packet);
      },
      1, {.receive_maximum = 1});
  const auto report = run_load(options);
  ASSERT_TRUE(report.has_value()) << report.error().message;
  EXPECT_GT(report->unsent, 0U);
  EXPECT_EQ(report->sent + report->unsent, 100U);
  EXPECT_EQ(report->lost + report->unconfirmed, 0U);
  EXPECT_GT(report->latency.largest, std::chrono::milliseconds{100});
}

TEST_F(FaultTest, SaysWhyItWasRefused) {
  const LoadOptions options =
      serve([](auto, ByteView, Server&) {}, 0, {.connect = mqtt::ReasonCode::bad_user_name_or_password});
  const auto report = run_load(options);
  ASSERT_FALSE(report.has_value());
  EXPECT_THAT(report.error().message,
              AllOf(HasSubstr("CONNECT: bad_user_name_or_password"), HasSubstr("as the test wants it")));
}

TEST_F(FaultTest, SaysThatASubscriptionWasRefused) {
  const LoadOptions options =
      serve([](auto, ByteView, Server&) {}, 0, {.subscribe = mqtt::ReasonCode::not_authorized});
  EXPECT_THAT(run_load(options).error().message, HasSubstr("SUBSCRIBE: not_authorized"));
}

TEST_F(FaultTest, ReportsAConnectionThatBreaks) {
  const LoadOptions options = serve([](std::uint64_t number, ByteView packet, Server& server) {
    if (number < 20) return server.deliver(packet);
    if (number == 20) server.cut();
  });
  const auto report = run_load(options);
  ASSERT_TRUE(report.has_value()) << report.error().message;
  EXPECT_EQ(report->failed_connections, 1U);
  EXPECT_THAT(report->failure, HasSubstr("the server ended the connection of load-"));
  EXPECT_LE(report->delivered, 20U);  // the load gives up at once, with some still under way to it
  EXPECT_FALSE(report->faultless(options));
}

TEST(ForwarderTest, CarriesEveryModeAndQos) {
  for (const auto target : {ForwarderOptions::Target::one, ForwarderOptions::Target::all}) {
    auto forwarder = ForwarderProcess::start({.target = target});
    ASSERT_TRUE(forwarder.has_value()) << forwarder.error().message;
    const bool all = target == ForwarderOptions::Target::all;
    for (const LoadMode mode : {LoadMode::pairs, LoadMode::fan_in, LoadMode::fan_out, LoadMode::shared}) {
      if (all != (mode == LoadMode::fan_out)) continue;
      for (int qos = 0; qos <= 2; ++qos) {
        SCOPED_TRACE(std::string(load_mode_name(mode)) + " QoS " + std::to_string(qos));
        LoadOptions options = options_for((*forwarder)->local(), mode, qos);
        options.payload_bytes = 3000;
        const auto report = run_load(options);
        ASSERT_TRUE(report.has_value()) << report.error().message;
        EXPECT_TRUE(report->faultless(options)) << report_text(options, *report);
        EXPECT_GT(report->sent, 0U);
      }
    }
  }
}

TEST(ForwarderTest, ListensOnThisMachineOnly) {
  const auto forwarder = ForwarderProcess::start({.endpoint = {"0.0.0.0", 0}});
  ASSERT_FALSE(forwarder.has_value());
  EXPECT_THAT(forwarder.error().message, HasSubstr("loopback"));
}

}  // namespace
}  // namespace dunlin::load
