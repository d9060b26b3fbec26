#pragma once
// For tests: a platform, a gateway and devices as processes of a virtual world, each of which can be killed
// or lose its power.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/virtual_fs.h"
#include "edge/gateway.h"
#include "hub/hub.h"
#include "net/virtual_network.h"
#include "security/crypto.h"
#include "service/presence/presence.h"
#include "service/series/series_service.h"
#include "service/shadow/shadow_service.h"
#include "store/reference_keyed.h"
#include "store/reference_repository.h"
#include "transport/mqtt/client.h"
#include "transport/mqtt/server.h"

namespace dunlin::edge::testing {

/// A computer: its disk outlives its processes.
struct Machine {
  explicit Machine(VirtualScheduler& scheduler) : scheduler_(scheduler) { restart(); }
  /// What ran there must be gone before.
  void restart() {
    executor = std::make_unique<VirtualExecutor>(scheduler_);
    workers = std::make_unique<VirtualWorkerPool>(*executor);
    metrics = std::make_unique<metrics::Registry>();
  }
  VirtualFs fs;
  std::unique_ptr<metrics::Registry> metrics;
  std::unique_ptr<VirtualExecutor> executor;
  std::unique_ptr<VirtualWorkerPool> workers;

 private:
  VirtualScheduler& scheduler_;
};

/// The parts of a platform that a gateway meets.
struct Platform {
  Platform(Machine& machine, net::Network& network, Rng& rng)
      : log(*store::open_log({machine.fs, *machine.executor, *machine.workers, *machine.metrics},
                             {.folder = "/journal"})),
        samples(*store::open_log({machine.fs, *machine.executor, *machine.workers, *machine.metrics},
                                 {.folder = "/samples"})),
        keyed(*store::open_reference_keyed(machine.fs, *machine.workers, "/keyed")),
        hub({.shards = {{*machine.executor, log.get()}},
             .keyed = keyed.get(),
             .metrics = *machine.metrics,
             .rng = rng}),
        series(*machine.executor, hub, *keyed, *samples, *machine.metrics, model::Mapping::standard()),
        presence(*machine.executor, hub, *keyed, *machine.metrics),
        shadow(*machine.executor, hub, *keyed, *machine.metrics),
        server({.hub = hub,
                .authenticate = authenticate,
                .authorize = [](const Principal&, hub::Action, std::string_view) { return Result<void>{}; },
                .metrics = *machine.metrics,
                .rng = rng}) {
    hub.start(*machine.executor, [this, &machine, &network](Result<void> result) {
      ASSERT_TRUE(result.has_value()) << result.error().message;
      const auto one = [this](Result<void> started) {
        ASSERT_TRUE(started.has_value()) << started.error().message;
        ++ready;
      };
      series.start(one);
      presence.start(one);
      shadow.start(one);
      auto opened = network.listen(
          *machine.executor, {.endpoint = {"platform", 8883}, .tls = {}},
          [this](std::unique_ptr<net::Connection> connection) { server.accept(std::move(connection)); });
      ASSERT_TRUE(opened.has_value());
      listener = *std::move(opened);
    });
  }
  static void authenticate(hub::Credentials credentials, hub::Authenticated done) {
    auto principal = std::make_shared<Principal>();
    principal->kind = PrincipalKind::gateway;
    principal->proof = Proof::certificate;
    principal->name = principal->client_id = credentials.client_id;
    done(std::move(principal));
  }
  std::unique_ptr<store::Log> log;
  std::unique_ptr<store::Log> samples;
  std::unique_ptr<store::Keyed> keyed;
  hub::Hub hub;
  series::SeriesService series;
  presence::PresenceService presence;
  shadow::ShadowService shadow;
  transport::MqttServer server;
  std::unique_ptr<net::Listener> listener;
  int ready = 0;
};

struct GatewayProcess {
  GatewayProcess(Machine& machine, net::Network& network, Rng& rng, GatewayConfig config)
      : keyed(*store::open_reference_keyed(machine.fs, *machine.workers, "/keyed")),
        repository(*store::open_reference_repository(machine.fs, *machine.workers, "/repository")) {
    auto opened = Gateway::open({network, *machine.executor, *machine.workers, machine.fs, *keyed,
                                 *repository, *machine.metrics, rng, nullptr, nullptr},
                                std::move(config));
    EXPECT_TRUE(opened.has_value()) << opened.error().message;
    gateway = *std::move(opened);
    gateway->start([this](Result<void> result) {
      EXPECT_TRUE(result.has_value()) << result.error().message;
      ready = result.has_value();
    });
  }
  std::unique_ptr<store::Keyed> keyed;
  std::unique_ptr<store::Repository> repository;
  std::unique_ptr<Gateway> gateway;
  bool ready = false;
};

/// A device behind the gateway.
struct Device {
  Device(VirtualScheduler& scheduler, net::Network& network, Rng& rng, const std::string& name)
      : executor(scheduler), client(network, executor, rng, options(name)) {
    client.on_message([this](transport::ClientMessage message, Task handled) {
      got.push_back(std::string(message.topic.text()) + " " + std::string(message.payload.text()));
      handled();
    });
    client.start();
  }
  static transport::ClientOptions options(const std::string& name) {
    transport::ClientOptions made;
    made.connection.endpoint = {"gateway", 1883};
    made.client_id = name;
    made.username = name;
    made.password = name;  // the tests' token
    made.keep_alive_seconds = 10;
    made.most_backoff = std::chrono::seconds{2};
    return made;
  }
  void publish(const std::string& topic, const std::string& payload, hub::QoS qos = hub::QoS::at_least_once) {
    transport::ClientMessage message;
    message.topic = Slice::copy_of(topic);
    message.payload = Slice::copy_of(payload);
    message.qos = qos;
    client.publish(std::move(message), {});
  }
  void subscribe(const std::string& filter) {
    client.subscribe(filter, {.qos = hub::QoS::at_least_once}, {});
  }
  VirtualExecutor executor;
  transport::MqttClient client;
  std::vector<std::string> got;
};

enum class Fault { kill, power_cut };

class EdgeTest : public ::testing::Test {
 protected:
  EdgeTest() {
    config.name = "gateway-1";
    config.uplink_endpoint = "platform:8883";
    config.uplink_ca_file = config.uplink_certificate_file = config.uplink_key_file =
        "not read: the line of the test is plain";
    for (const char* name : {"press-00", "press-01", "press-02", "press-03", "fan-01"}) {
      config.devices.push_back({.name = name,
                                .token_sha256 = security::sha256_hex(as_bytes(std::string_view(name))),
                                .allow = {"#"}});
    }
  }
  ~EdgeTest() override {
    devices.clear();
    gateway.reset();
    platform.reset();
  }

  void start_platform() {
    platform = std::make_unique<Platform>(platform_machine, network.host("platform"), rng);
    ASSERT_TRUE(run_until([&] { return platform->ready == 3; }));
  }
  void start_gateway() {
    gateway = std::make_unique<GatewayProcess>(gateway_machine, network.host("gateway"), rng, config);
    ASSERT_TRUE(run_until([&] { return gateway->ready; }));
  }
  void stop_platform(Fault fault) {
    network.crash("platform");
    end(platform, platform_machine, fault);
  }
  /// The devices are computers of their own; only their connections end.
  void stop_gateway(Fault fault) {
    network.crash("gateway");
    end(gateway, gateway_machine, fault);
  }
  Device& add_device(const std::string& name) {
    devices.push_back(std::make_unique<Device>(scheduler, network.host("floor"), rng, name));
    Device& device = *devices.back();
    EXPECT_TRUE(run_until([&] { return device.client.state() == transport::ClientState::online; }));
    return device;
  }
  bool run_until(const std::function<bool()>& done, Duration limit = std::chrono::seconds{120}) {
    return scheduler.run_until(done, limit);
  }
  void run(Duration time) { scheduler.run_for(time); }
  bool link_is_up() const { return gateway->gateway->status().link == GatewayStatus::Link::up; }
  std::size_t stored() const {
    return static_cast<std::size_t>(platform_machine.metrics->value("dunlin_series_samples_stored_total"));
  }

  std::vector<series::Point> rows(const std::string& device, const std::string& channel) {
    const series::SeriesInfo* info = platform->series.store().find(kDefaultTenant, device, channel);
    if (info == nullptr) return {};
    std::optional<std::vector<series::Point>> found;
    platform->series.store().points(info->id, kDefaultTenant, WallTime::min(), WallTime::max(), 1'000'000,
                                    [&](auto points) {
                                      EXPECT_TRUE(points.has_value());
                                      found = std::move(points).value_or(std::vector<series::Point>{});
                                    });
    EXPECT_TRUE(run_until([&] { return found.has_value(); }));
    return found.value_or(std::vector<series::Point>{});
  }

  VirtualClock clock;
  VirtualScheduler scheduler{clock};
  SeededRng rng{11};
  metrics::Registry network_metrics;
  net::VirtualNetwork network{scheduler, rng, network_metrics};
  Machine platform_machine{scheduler};
  Machine gateway_machine{scheduler};
  GatewayConfig config;
  std::unique_ptr<Platform> platform;
  std::unique_ptr<GatewayProcess> gateway;
  std::vector<std::unique_ptr<Device>> devices;

 private:
  template <class Process>
  void end(Process& process, Machine& machine, Fault fault) {
    if (fault == Fault::power_cut) machine.fs.cut_power(rng);
    if (fault == Fault::kill) machine.fs.kill_process();
    process.reset();
    machine.restart();
  }
};

}  // namespace dunlin::edge::testing
