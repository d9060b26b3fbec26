#pragma once
// For tests: a site on the virtual network, a server and its shadow service, and an application that listens.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "fleet/site.h"
#include "service/shadow/shadow_service.h"
#include "transport/mqtt/server_fixture.h"

namespace dunlin::fleet::testing {

struct Received {
  std::string topic;
  std::string payload;
  std::string content_type;
  WallTime at;
};

class SiteTest : public transport::testing::ServerTest {
 protected:
  void SetUp() override {
    start(2);
    shadows =
        std::make_unique<shadow::ShadowService>(*world->executors[0], hub(), world->keyed, world->metrics);
    bool started = false;
    shadows->start([&](Result<void> result) { started = result.has_value(); });
    ASSERT_TRUE(scheduler.run_until([&] { return started; }, std::chrono::seconds{5}));
    transport::ClientOptions options;
    options.connection.endpoint = {"broker", 1883};
    options.client_id = "application";
    listener = std::make_unique<transport::MqttClient>(network.host("office"), application_executor,
                                                       server_rng, std::move(options));
    listener->on_message([this](transport::ClientMessage message, Task handled) {
      received.push_back({std::string(message.topic.text()), std::string(message.payload.text()),
                          message.properties ? message.properties->content_type : "", clock.wall_now()});
      handled();
    });
    listener->subscribe("demo/#", {.qos = hub::QoS::exactly_once}, {});
    listener->start();
    run(std::chrono::seconds{1});
  }
  void TearDown() override {
    site.reset();
    listener.reset();
    shadows.reset();
    ServerTest::TearDown();
  }

  /// A site file's text without [connect].
  static SiteConfig config(const std::string& text) {
    config::Schema::Source source;
    source.file_text = text;
    auto loaded = load_site(source);
    EXPECT_TRUE(loaded.has_value()) << loaded.error().message;
    return loaded.value_or(SiteConfig{});
  }
  void start_site(SiteConfig wish) {
    wish.connect.endpoints = {"broker:1883"};
    site = std::make_unique<Site>(
        Environment{client_executor, network.host("plant"), site_rng, site_metrics, {}}, std::move(wish));
    const auto started = site->start();
    ASSERT_TRUE(started.has_value()) << started.error().message;
  }
  void stop_site() {
    bool stopped = false;
    site->stop([&] { stopped = true; });
    ASSERT_TRUE(scheduler.run_until([&] { return stopped; }, std::chrono::seconds{10}));
    run(std::chrono::seconds{1});
  }
  void want(const std::string& thing, const std::string& desired) {
    bool done = false;
    shadows->update(kDefaultTenant, thing, R"({"state":{"desired":)" + desired + "}}",
                    [&](Result<shadow::Document> result) { done = result.has_value(); });
    ASSERT_TRUE(scheduler.run_until([&] { return done; }, std::chrono::seconds{5}));
  }
  shadow::Document shadow_of(const std::string& thing) {
    std::optional<Result<shadow::Document>> found;
    shadows->get(kDefaultTenant, thing, [&](Result<shadow::Document> result) { found = std::move(result); });
    EXPECT_TRUE(scheduler.run_until([&] { return found.has_value(); }, std::chrono::seconds{5}));
    EXPECT_TRUE(found->has_value()) << thing << " has no shadow";
    return found->value_or(shadow::Document{});
  }
  const DeviceStatus status(const std::string& name) {
    for (const DeviceStatus& device : site->devices()) {
      if (device.name == name) return device;
    }
    ADD_FAILURE() << "no device " << name;
    return {};
  }
  /// The number after a key in a payload.
  static double number(const std::string& payload, const std::string& key) {
    const std::size_t at = payload.find("\"" + key + "\":");
    return at == std::string::npos ? -1e99 : std::stod(payload.substr(at + key.size() + 3));
  }
  std::vector<Received> on(const std::string& topic) const {
    std::vector<Received> found;
    for (const Received& one : received) {
      if (one.topic == topic) found.push_back(one);
    }
    return found;
  }
  std::vector<double> sequence_on(const std::string& topic) const {
    std::vector<double> numbers;
    for (const Received& one : on(topic)) numbers.push_back(number(one.payload, "seq"));
    return numbers;
  }

  VirtualExecutor application_executor{scheduler};
  SeededRng site_rng{11};
  metrics::Registry site_metrics;
  std::unique_ptr<shadow::ShadowService> shadows;
  std::unique_ptr<transport::MqttClient> listener;
  std::vector<Received> received;
  std::unique_ptr<Site> site;
};

}  // namespace dunlin::fleet::testing
