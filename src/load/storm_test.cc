// A fleet with certificates on a server in the same process, over TLS: all come back, with and without their
// sessions, also where the server takes few handshakes at once; and what the files of devices may hold.
#include <gmock/gmock.h>
#include <unistd.h>

#include <boost/json.hpp>

#include "base/metrics.h"
#include "base/rng.h"
#include "hub/hub.h"
#include "load/fleet_pki.h"
#include "load/storm_process.h"
#include "net/epoll_network.h"
#include "net/reactor_threads.h"
#include "net/worker_pool.h"
#include "transport/mqtt/server.h"

namespace dunlin::load {
namespace {

using testing::HasSubstr;

constexpr std::size_t kDevices = 40;

class StormTest : public testing::Test {
 protected:
  StormTest() : pki_(*FleetPki::make(rng_)) {
    hub_ = std::make_unique<hub::Hub>(hub::HubEnvironment{{{threads_.at(0)}}, nullptr, metrics_, rng_});
    const auto anyone = [](hub::Credentials, hub::Authenticated done) {
      done(std::make_shared<const Principal>());
    };
    const auto allow = [](const Principal&, hub::Action, std::string_view) -> Result<void> { return {}; };
    mqtt_ = std::make_unique<transport::MqttServer>(
        transport::ServerEnvironment{*hub_, anyone, allow, metrics_, rng_});
    plain_ = listen({});
  }
  ~StormTest() override { threads_.stop(); }

  std::unique_ptr<net::Listener> listen(net::ListenOptions options) {
    options.endpoint = {"127.0.0.1", 0};
    return *network_.listen(threads_.at(0), options, [this](std::unique_ptr<net::Connection> connection) {
      mqtt_->accept(std::move(connection));
    });
  }

  /// Opens the devices' listener and starts the server.
  void start(std::size_t max_handshakes) {
    const Identity server = *pki_.server();
    net::TlsServerOptions tls;
    tls.certificate_chain_pem = server.chain_pem;
    tls.private_key_pem = server.key_pem;
    tls.client_ca_pem = pki_.root_pem();
    tls.client_certificate = net::ClientCertificate::required;
    net::ListenOptions options;
    options.tls = *net::make_tls_server_context(tls);
    options.max_handshakes = max_handshakes;
    options.max_waiting_handshakes = 0;
    encrypted_ = listen(std::move(options));
    hub_->start(threads_.at(0), [](const Result<void>&) {});
    threads_.start();
  }

  std::string device_lines(std::size_t count) {
    std::string lines;
    for (std::size_t i = 0; i < count; ++i) {
      const std::string name = "device-" + std::to_string(i);
      const Identity identity = *pki_.device(name);
      lines += boost::json::serialize(boost::json::object{
                   {"name", name}, {"certificate", identity.chain_pem}, {"private_key", identity.key_pem}}) +
               "\n";
    }
    return lines;
  }

  StormPlan plan(Resumption resumption) {
    StormPlan made;
    made.storm.server = {Transport::tls, encrypted_->local(), {}};
    made.storm.devices = *read_devices(device_lines(kDevices), pki_.root_pem());
    made.storm.resumption = resumption;
    made.storm.spread = std::chrono::milliseconds{20};
    made.storm.first_pause = made.storm.longest_pause = std::chrono::milliseconds{50};
    LoadOptions live;
    live.server.endpoint = plain_->local();
    live.qos = mqtt::QoS::at_least_once;
    live.rate = 500;
    live.duration = std::chrono::milliseconds{100};
    made.live = *checked(live);
    made.process_ids = {::getpid()};
    return made;
  }
  double resumed() const { return metrics_.value("dunlin_net_tls_resumed_total"); }

  SystemRng rng_;
  FleetPki pki_;
  metrics::Registry metrics_;
  net::ReactorThreads threads_{1};
  net::ThreadWorkerPool workers_{1};
  net::EpollNetwork network_{threads_.all(), workers_, metrics_};
  std::unique_ptr<hub::Hub> hub_;
  std::unique_ptr<transport::MqttServer> mqtt_;
  std::unique_ptr<net::Listener> plain_;
  std::unique_ptr<net::Listener> encrypted_;
};

TEST_F(StormTest, AllDevicesComeBackWithTheirSessions) {
  start(1024);
  const StormPlan wanted = plan(Resumption::when_possible);
  const auto report = StormProcess(wanted).run();
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_TRUE(report->faultless(wanted));
  EXPECT_EQ(report->gathered.connected, kDevices);
  EXPECT_EQ(report->storm.connected, kDevices);
  EXPECT_EQ(report->storm.until_connected.count, kDevices);
  EXPECT_EQ(report->storm.refused, 0U);
  EXPECT_GT(report->quiet.delivered, 0U);
  EXPECT_GT(report->live.delivered, 0U);
  EXPECT_EQ(resumed(), kDevices);
  const auto json = boost::json::parse(storm_report_json(wanted, *report));
  EXPECT_EQ(json.at("storm").at("connected").to_number<std::uint64_t>(), kDevices);
  EXPECT_THAT(storm_report_text(wanted, *report), HasSubstr("40 of 40 connected"));
}

TEST_F(StormTest, WithoutSessionsEveryHandshakeIsAFullOne) {
  start(1024);
  const StormPlan wanted = plan(Resumption::never);
  const auto report = StormProcess(wanted).run();
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->storm.connected, kDevices);
  EXPECT_EQ(resumed(), 0);
}

TEST_F(StormTest, ThoseThatAreRefusedTryAgain) {
  start(2);
  const StormPlan wanted = plan(Resumption::never);
  const auto report = StormProcess(wanted).run();
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->storm.connected, kDevices);
  EXPECT_GT(report->gathered.refused, 0U);
  EXPECT_FALSE(report->gathered.refusal.empty());
  EXPECT_GE(report->storm.attempts, kDevices);
}

TEST_F(StormTest, SaysWhenNobodyCanConnect) {
  start(1024);
  StormPlan wanted = plan(Resumption::never);
  wanted.storm.server.endpoint.port = 1;
  wanted.storm.patience = std::chrono::milliseconds{200};
  const auto report = StormProcess(wanted).run();
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, Errc::unavailable);
  EXPECT_THAT(report.error().message, HasSubstr("not all devices could connect"));
}

TEST_F(StormTest, ReadsDevicesAndNamesTheLineThatIsWrong) {
  start(1024);
  EXPECT_EQ(read_devices(device_lines(2) + "\n", pki_.root_pem())->size(), 2U);
  const auto expect_wrong = [&](const std::string& lines, const std::string& why) {
    const auto devices = read_devices(lines, pki_.root_pem());
    ASSERT_FALSE(devices);
    EXPECT_THAT(devices.error().message, HasSubstr(why));
  };
  expect_wrong("", "no device");
  expect_wrong(device_lines(1) + "{\"name\": \"a\"}\n", "line 2: no object with");
  expect_wrong("[]", "line 1: no object with");
  expect_wrong("{\"name\":", "line 1: no object with");
  expect_wrong(R"({"name": "a", "certificate": "b", "private_key": "c"})", "line 1: ");
}

TEST(OpenFilesTest, SaysWhatIsMissing) {
  EXPECT_TRUE(allow_open_files(1));
  const auto allowed = allow_open_files(2'000'000'000);
  ASSERT_FALSE(allowed);
  EXPECT_EQ(allowed.error().code, Errc::limit_exceeded);
  EXPECT_THAT(allowed.error().message, HasSubstr("open files"));
}

}  // namespace
}  // namespace dunlin::load
