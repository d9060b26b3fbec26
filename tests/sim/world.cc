#include "world.h"

#include <boost/json.hpp>
#include <cstdio>

#include "product_client.h"
#include "scripted_client.h"
#include "service/series/point.h"

namespace dunlin::sim {
namespace {

constexpr std::uint64_t kUnlimitedDisk = std::uint64_t{1} << 40;
constexpr Duration kServicesRest = std::chrono::seconds{20};  // for what services retry
constexpr std::size_t kMaxStored = 100'000;

net::VirtualLink slow_link(std::uint64_t pick) {
  net::VirtualLink link;
  link.delay = std::chrono::milliseconds{20 + pick % 300};
  link.jitter = std::chrono::milliseconds{pick / 7 % 400};
  link.chunks = net::VirtualChunks::random;
  link.max_chunk = 1 + pick / 11 % 600;
  link.reset_probability = pick % 3 == 0 ? 0.002 : 0;
  link.receive_window = 2048 + pick / 13 % 8192;
  return link;
}

void flatten(const boost::json::object& object, const std::string& prefix, ShadowState& state) {
  for (const auto& [key, value] : object) {
    const std::string member = prefix + std::string(key);
    if (value.is_object()) {
      flatten(value.get_object(), member + ".", state);
    } else {
      state[member] = value.to_number<std::int64_t>();
    }
  }
}

}  // namespace

World::World(WorldOptions options)
    : options_(std::move(options)),
      rng_(options_.seed),
      network_rng_(rng_.next()),
      network_(scheduler_, network_rng_, metrics_),
      control_(scheduler_),
      field_(scheduler_),
      bus_(options_.plant),
      platform_({scheduler_, network_, rng_, history_, bus_, 1 + rng_.below(2)}),
      gateway_({scheduler_, network_, rng_, history_}) {}

World::~World() = default;

History World::run() {
  add_devices();
  start_platform();
  gateway_.start();
  control_.schedule(std::chrono::seconds{2}, [this] { owner_turn(); });
  if (options_.faults == WorldOptions::Faults::by_seed) {
    for (const Fault& fault : make_faults(rng_, options_.active))
      later(fault.at, [this, fault] { begin(fault); });
  }
  scheduler_.run_for(options_.active);
  settle();
  return std::move(history_);
}

void World::say(const std::string& text) const {
  if (options_.talk == WorldOptions::Talk::silent) return;
  const double seconds = std::chrono::duration<double>(clock_.now().time_since_epoch()).count();
  std::printf("%9.3f  %s\n", seconds, text.c_str());
}

void World::add_devices() {
  for (std::size_t i = 0; i < options_.devices; ++i) {
    const std::string number = std::to_string(i);
    if (i % 10 == 7) {
      add(std::make_unique<RetainedDevice>("retained" + number, field_, rng_, history_));
    } else if (i % 10 == 8) {
      add(std::make_unique<ShadowDevice>("shadow" + number, field_, rng_, history_));
    } else if (i % 25 == 9) {
      add(std::make_unique<Subscriber>("reader" + number, static_cast<mqtt::QoS>(rng_.below(3)), field_, rng_,
                                       history_));
    } else if (i % 5 == 1) {
      gateway_.add_device("device" + number);
      add(std::make_unique<TelemetryDevice>("device" + number, "plant", Stream::Way::gateway, field_, rng_,
                                            history_));
    } else {
      add(std::make_unique<TelemetryDevice>("device" + number, "site", Stream::Way::direct, field_, rng_,
                                            history_));
    }
  }
}

void World::add(std::unique_ptr<Device> device) {
  Device& added = *devices_.emplace_back(std::move(device));
  field_.schedule(std::chrono::milliseconds{rng_.below(1500)},
                  [this, &added] { added.start(make_client(added)); });
}

/// Every tenth device has the product's own client, but readers, who must say when they have subscribed.
std::unique_ptr<Client> World::make_client(Device& device) {
  const auto version = rng_.below(2) == 0 ? mqtt::ProtocolVersion::v3_1_1 : mqtt::ProtocolVersion::v5;
  const bool behind = device.way() == Stream::Way::gateway;
  const net::Endpoint server{behind ? kGatewayHost : kPlatformHost, kMqttPort};
  net::Network& network = network_.host(device.name());
  const bool reader = device.name().starts_with("reader");
  if (!behind && !reader && rng_.below(10) == 0) {
    transport::ClientOptions options;
    options.connection.endpoint = server;
    options.client_id = device.name();
    options.version = version;
    options.keep_alive_seconds = 5;
    options.most_backoff = std::chrono::seconds{4};
    return std::make_unique<ProductClient>(network, field_, rng_, std::move(options), device.events());
  }
  return std::make_unique<ScriptedClient>(ClientSetup{network, field_, rng_, server, device.name(), version,
                                                      5, 1 + rng_.below(20), behind ? kGatewayToken : ""},
                                          device.events());
}

void World::start_platform() {
  platform_down_ = false;
  platform_.start([this] { platform_up(); });
}

void World::platform_up() {
  say("platform serves, life " + std::to_string(platform_.lives()));
  if (platform_.lives() > 1) look("after restart " + std::to_string(platform_.lives() - 1));
}

void World::crash_platform(Crash how, Duration pause) {
  if (platform_down_) return;
  platform_down_ = true;
  platform_.crash(how);
  later(std::max<Duration>(pause, std::chrono::milliseconds{60}), [this] { start_platform(); });
}

/// The call that fails may be one of the next life when the power was off meanwhile: then it is that one that
/// is ended.
void World::replace_broken(Crash how) {
  if (platform_down_) return later(std::chrono::milliseconds{500}, [this, how] { replace_broken(how); });
  crash_platform(how, std::chrono::milliseconds{200});
}

void World::restart_platform(Duration pause) {
  if (platform_down_ || !platform_.serving()) return;
  platform_down_ = true;
  platform_.stop([this, pause] {
    say("platform stopped");
    later(pause, [this] { start_platform(); });
  });
}

void World::begin(const Fault& fault) {
  say(std::string(fault_name(fault.kind)) + " for " +
      std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(fault.length).count()) + " ms");
  switch (fault.kind) {
    case FaultKind::cut:
      return network_.reset_some(static_cast<double>(fault.pick % 100) / 100);
    case FaultKind::isolate:
      network_.isolate(kPlatformHost);
      return later(fault.length, [this] { network_.rejoin(kPlatformHost); });
    case FaultKind::slow_network:
      network_.set_default_link(slow_link(fault.pick));
      return later(fault.length, [this] { network_.set_default_link({}); });
    case FaultKind::platform_kill:
      return crash_platform(Crash::kill, fault.length);
    case FaultKind::platform_power_cut:
      return crash_platform(Crash::power_cut, fault.length);
    case FaultKind::platform_power_mid_call:
      return crash_platform(Crash::power_mid_call, fault.length);
    case FaultKind::platform_restart:
      return restart_platform(fault.length);
    case FaultKind::disk_full:
      return fill_disk(platform_.disk(), fault);
    case FaultKind::disk_error:
      platform_.disk().fail_call(1 + fault.pick % 20, Errc::io);
      return later(fault.length, [this, how = fault.pick % 2 == 0 ? Crash::kill : Crash::power_cut] {
        replace_broken(how);
      });
    default:
      return begin_at_devices(fault);
  }
}

void World::crash_gateway(Crash how, Duration pause) {
  if (gateway_down_) return;
  gateway_down_ = true;
  gateway_.crash(how);
  later(pause, [this] {
    gateway_down_ = false;
    gateway_.start();
  });
}

void World::begin_at_gateway(const Fault& fault) {
  switch (fault.kind) {
    case FaultKind::gateway_kill:
      return crash_gateway(Crash::kill, fault.length);
    case FaultKind::gateway_power_cut:
      return crash_gateway(Crash::power_cut, fault.length);
    case FaultKind::gateway_disk_full:
      return fill_disk(gateway_.disk(), fault);
    case FaultKind::uplink_cut:
      network_.partition(kGatewayHost, kPlatformHost);
      return later(fault.length, [this] { network_.heal(kGatewayHost, kPlatformHost); });
    default:
      return;
  }
}

void World::fill_disk(VirtualFs& disk, const Fault& fault) {
  const std::uint64_t used = kUnlimitedDisk - *disk.free_space("/");
  disk.set_capacity(used + fault.pick % 4096);
  later(fault.length, [&disk] { disk.set_capacity(kUnlimitedDisk); });
}

void World::begin_at_devices(const Fault& fault) {
  Device& device = *devices_[fault.pick % devices_.size()];
  const std::string host = device.name();
  switch (fault.kind) {
    case FaultKind::partition:
      network_.partition(host, kPlatformHost);
      return later(fault.length, [this, host] { network_.heal(host, kPlatformHost); });
    case FaultKind::half_open:
      for (const auto& each : devices_) {
        if (rng_.below(4) == 0 && each->client().connection())
          network_.half_open(*each->client().connection());
      }
      return;
    case FaultKind::slow_reader:
      for (const auto& each : devices_) {
        if (!each->name().starts_with("reader")) continue;
        each->client().pause_reading();
        later(fault.length, [&client = each->client()] { client.resume_reading(); });
      }
      return;
    case FaultKind::device_crash:
      for (const auto& each : devices_) {
        if (rng_.below(4) != 0) continue;
        if (each->client().connection()) network_.crash(each->name());
        each->client().drop(fault.length);
      }
      return;
    case FaultKind::device_leave:
      return device.client().leave(fault.length);
    default:
      return begin_at_gateway(fault);
  }
}

/// The owner of each thing desires something now and then; what crashed with the platform is asked again.
void World::owner_turn() {
  for (auto& [name, thing] : history_.shadows) {
    if (!platform_.serving()) break;
    if (thing.desired.size() == thing.desired_acknowledged) {
      if (!working_) continue;
      thing.desired.push_back(random_change(thing.desired.size() + 1, rng_));
    }
    const std::size_t number = thing.desired.size();
    platform_.services().shadow().update(
        kDefaultTenant, thing.thing, shadow_update("desired", thing.desired.back()),
        [&thing, number](Result<shadow::Document> document) {
          if (!document) return;
          thing.desired_acknowledged = std::max(thing.desired_acknowledged, number);
          thing.seen.push_back({document->version(), ShadowThing::Seen::By::answer});
        });
  }
  control_.schedule(std::chrono::milliseconds{1500 + rng_.below(2000)}, [this] { owner_turn(); });
}

/// Heals everything and waits until every device has been answered and the services have caught up.
void World::settle() {
  say("healing");
  working_ = false;
  for (const auto& device : devices_) device->rest();
  network_.heal_all();
  network_.set_default_link({});
  platform_.disk().set_capacity(kUnlimitedDisk);
  gateway_.disk().set_capacity(kUnlimitedDisk);
  const bool rested = scheduler_.run_until([this] { return at_rest(); }, options_.patience);
  scheduler_.run_for(kServicesRest);
  if (!rested || !at_rest()) {
    std::string who = platform_.serving() ? "" : " platform";
    if (!gateway_.at_rest()) who += gateway_.serving() ? " gateway (line)" : " gateway";
    for (const auto& device : devices_) who += device->idle() ? "" : " " + device->name();
    history_.broken.push_back("rest: after the faults these did not come to rest:" + who);
  }
  if (!platform_.serving()) return;
  say("collecting");
  look("at the end");
  collect();
  scheduler_.run_until([this] { return open_looks_ == 0; }, std::chrono::seconds{30});
  if (open_looks_ != 0) history_.broken.push_back("rest: the stores did not answer at the end");
}

bool World::at_rest() const {
  if (!platform_.serving() || !gateway_.at_rest()) return false;
  for (const auto& device : devices_) {
    if (!device->idle()) return false;
  }
  for (const auto& [name, thing] : history_.shadows) {
    if (thing.desired.size() != thing.desired_acknowledged) return false;
  }
  return true;
}

/// What was acknowledged before must be there now.
void World::look(const std::string& when) {
  for (auto& [name, topic] : history_.retained) {
    const RetainedTopic::Look then{topic.acknowledged, 0, {}, when};
    bus_.retained(platform_.executor(), kDefaultTenant, topic.topic,
                  [&topic, then](std::optional<hub::Message> found) {
                    RetainedTopic::Look now = then;
                    now.sent = topic.writes.size();
                    if (found) now.value = std::string(found->payload.text());
                    topic.looks.push_back(std::move(now));
                  });
  }
  for (auto& [name, thing] : history_.shadows) look_at_shadow(thing, false);
}

void World::look_at_shadow(ShadowThing& thing, bool final_look) {
  if (final_look) ++open_looks_;
  platform_.services().shadow().get(
      kDefaultTenant, thing.thing, [this, &thing, final_look](Result<shadow::Document> document) {
        if (document) {
          thing.seen.push_back({document->version(), ShadowThing::Seen::By::look});
          thing.final_version = document->version();
        }
        if (!final_look) return;
        --open_looks_;
        if (!document) return;
        flatten(document->reported(), "", thing.final_reported);
        flatten(document->desired(), "", thing.final_desired);
      });
}

void World::collect() {
  for (auto& [name, thing] : history_.shadows) look_at_shadow(thing, true);
  for (auto& [name, stream] : history_.streams) collect_series(stream);
}

void World::collect_series(Stream& stream) {
  series::SeriesStore& store = platform_.services().series().store();
  const series::SeriesInfo* info = store.find(kDefaultTenant, stream.device, stream.channel);
  if (info == nullptr) return;
  ++open_looks_;
  store.points(info->id, kDefaultTenant, from_unix_nanoseconds(0), from_unix_milliseconds(9'000'000'000'000),
               kMaxStored, [this, &stream](Result<std::vector<series::Point>> points) {
                 --open_looks_;
                 if (!points) {
                   history_.broken.push_back("rest: a series cannot be read: " + points.error().message);
                   return;
                 }
                 for (const series::Point& point : *points) {
                   const auto number = series::number_of(point.value);
                   stream.stored.push_back(number ? static_cast<Sequence>(*number) : 0);
                 }
               });
}

}  // namespace dunlin::sim
