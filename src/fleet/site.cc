#include "fleet/site.h"

#include <algorithm>
#include <utility>

#include "base/core/assert.h"
#include "fleet/limits.h"

namespace dunlin::fleet {

Result<net::Endpoint> parse_endpoint(std::string_view text) {
  DUNLIN_TRY(net::Endpoint endpoint, net::parse_endpoint(text));
  // A listener may ask for a free port; a device has to know where it connects.
  if (endpoint.port == 0)
    return fail(Errc::invalid_argument, "the endpoint \"" + std::string(text) + "\" has no port");
  return endpoint;
}

Site::Site(Environment environment, SiteConfig config)
    : environment_(std::move(environment)), config_(std::move(config)), metrics_(environment_.metrics) {}

Site::~Site() {
  environment_.executor.cancel(timer_);
}

Result<std::unique_ptr<Device>> Site::make_device(const DeviceConfig& config, std::size_t number,
                                                  std::uint64_t seed) {
  const auto& endpoints = config_.connect.endpoints;
  net::ConnectOptions connection;
  DUNLIN_TRY(
      connection.endpoint,
      parse_endpoint(config.endpoint.empty() ? endpoints[number % endpoints.size()] : config.endpoint));
  connection.server_name =
      config_.connect.server_name.empty() ? connection.endpoint.host : config_.connect.server_name;
  Credentials credentials;
  if (environment_.credentials) {
    DUNLIN_TRY(credentials, environment_.credentials(config.name));
  }
  const DeviceSurroundings around{environment_.executor, environment_.network, plant_, metrics_, config_};
  return std::make_unique<Device>(around, config, std::move(connection), std::move(credentials), seed);
}

Result<void> Site::start() {
  DUNLIN_ASSERT(devices_.empty());
  DUNLIN_CHECK(check_site(config_));
  const bool own_seed = config_.seed != 0;
  SeededRng seeds(own_seed ? static_cast<std::uint64_t>(config_.seed) : environment_.rng.next());
  std::vector<std::unique_ptr<Device>> made;
  for (const DeviceConfig& config : config_.devices) {
    auto device = make_device(config, made.size(), seeds.next());
    if (!device) return fail(device.error().code, "device " + config.name + ": " + device.error().message);
    made.push_back(std::move(*device));
  }
  devices_ = std::move(made);
  start_from(0);
  return {};
}

void Site::start_from(std::size_t number) {
  // Ten steps a second, each with its share.
  const auto share = static_cast<std::size_t>(std::max<std::int64_t>(1, config_.connect.per_second / 10));
  const std::size_t end = std::min(devices_.size(), number + share);
  for (; number < end; ++number)
    devices_[number]->start(config_.faults ? RandomFaults::yes : RandomFaults::no);
  if (number == devices_.size()) return;
  const auto pause = std::chrono::nanoseconds{std::chrono::seconds{1}} * share / config_.connect.per_second;
  timer_ = environment_.executor.schedule(pause, [this, number] {
    timer_ = {};
    start_from(number);
  });
}

void Site::stop(std::move_only_function<void()> done) {
  environment_.executor.cancel(std::exchange(timer_, TimerId{}));
  for (const auto& device : devices_) device->stop();
  await_stop(environment_.executor.now() + kStopDeadline, std::move(done));
}

void Site::await_stop(Instant deadline, std::move_only_function<void()> done) {
  const bool stopped = std::ranges::all_of(devices_, [](const auto& device) { return device->stopped(); });
  if (stopped || environment_.executor.now() >= deadline) return done();
  timer_ = environment_.executor.schedule(std::chrono::milliseconds{20},
                                          [this, deadline, done = std::move(done)]() mutable {
                                            timer_ = {};
                                            await_stop(deadline, std::move(done));
                                          });
}

std::vector<DeviceStatus> Site::devices() const {
  std::vector<DeviceStatus> all;
  for (const auto& device : devices_) all.push_back(device->status());
  return all;
}

Result<Device*> Site::find(std::string_view name) {
  const auto found =
      std::ranges::find(devices_, name, [](const auto& device) { return std::string_view(device->name()); });
  if (found == devices_.end()) return fail(Errc::not_found, "the site has no device " + std::string(name));
  return found->get();
}

Result<void> Site::cut_power(std::string_view device, Duration time) {
  DUNLIN_TRY(Device * found, find(device));
  found->cut_power(time);
  return {};
}

Result<void> Site::cut_signal(std::string_view device, Duration time) {
  DUNLIN_TRY(Device * found, find(device));
  found->cut_signal(time);
  return {};
}

}  // namespace dunlin::fleet
