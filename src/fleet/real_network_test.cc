// The same site in real time over real sockets.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "fleet/site.h"
#include "hub/hub.h"
#include "net/epoll_network.h"
#include "net/reactor_threads.h"
#include "net/worker_pool.h"
#include "transport/mqtt/server.h"

namespace dunlin::fleet {
namespace {

class RealNetwork : public ::testing::Test {
 protected:
  RealNetwork() {
    hub = std::make_unique<hub::Hub>(
        hub::HubEnvironment{.shards = {{threads.at(0), nullptr}}, .metrics = metrics, .rng = rng});
    server = std::make_unique<transport::MqttServer>(transport::ServerEnvironment{
        *hub,
        [](hub::Credentials credentials, hub::Authenticated done) {
          if (credentials.password != "token of " + credentials.client_id)
            return done(fail(Errc::unauthenticated, "wrong token"));
          auto principal = std::make_shared<Principal>();
          principal->name = credentials.client_id;
          done(principal);
        },
        [](const Principal&, hub::Action, std::string_view) { return Result<void>{}; }, metrics, rng});
    auto made = network.listen(
        threads.at(0), {.endpoint = {"127.0.0.1", 0}, .tls = {}},
        [this](std::unique_ptr<net::Connection> connection) { server->accept(std::move(connection)); });
    EXPECT_TRUE(made.has_value());
    listener = std::move(*made);
  }
  ~RealNetwork() override {
    threads.stop();
    site.reset();
    listener.reset();
    server.reset();
  }
  bool wait_for(const std::function<bool()>& done) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{20};
    while (!done()) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds{5});
    }
    return true;
  }

  metrics::Registry metrics;
  SystemRng rng;
  net::ReactorThreads threads{2};
  net::ThreadWorkerPool workers{1};
  net::EpollNetwork network{threads.all(), workers, metrics};
  std::unique_ptr<hub::Hub> hub;
  std::unique_ptr<transport::MqttServer> server;
  std::unique_ptr<net::Listener> listener;
  std::unique_ptr<Site> site;
};

TEST_F(RealNetwork, TheFactoryPublishesLosesADeviceAndStops) {
  SiteConfig factory = default_factory();
  factory.faults = false;
  factory.connect.endpoints = {listener->local().to_string()};
  const auto count = static_cast<std::int64_t>(factory.devices.size());
  site = std::make_unique<Site>(
      Environment{threads.at(1), network, rng, metrics,
                  [](const std::string& device) {
                    return Credentials{.username = device, .password = "token of " + device, .tls = {}};
                  }},
      factory);
  threads.start();
  std::atomic<bool> started{false}, stopped{false};
  threads.at(1).post([&] { started = site->start().has_value(); });
  ASSERT_TRUE(wait_for([&] { return started.load(); }));
  EXPECT_TRUE(wait_for([&] { return site->online() == static_cast<std::size_t>(count); }));
  EXPECT_TRUE(wait_for([&] { return site->counters().acknowledged > 100; }));
  threads.at(1).post(
      [&] { EXPECT_TRUE(site->cut_power("press-01", std::chrono::milliseconds{200}).has_value()); });
  EXPECT_TRUE(wait_for([&] { return site->counters().connects == count + 1; }));
  threads.at(1).post([&] { site->stop([&] { stopped = true; }); });
  ASSERT_TRUE(wait_for([&] { return stopped.load(); }));
  EXPECT_EQ(site->online(), 0U);
  EXPECT_EQ(site->counters().dropped, 0);
  EXPECT_EQ(site->counters().power_losses, 1);
}

}  // namespace
}  // namespace dunlin::fleet
