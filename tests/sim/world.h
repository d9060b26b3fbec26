#pragma once
// Platform, gateway and devices in one process and one thread, under virtual time, on a virtual network and
// virtual disks.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/virtual_executor.h"
#include "devices.h"
#include "faults.h"
#include "gateway_process.h"
#include "history.h"
#include "net/virtual_network.h"
#include "planted_bus.h"
#include "platform_process.h"

namespace dunlin::sim {

struct WorldOptions {
  std::uint64_t seed = 1;
  std::size_t devices = 50;
  Duration active = std::chrono::seconds{60};     // how long devices send and faults happen
  Duration patience = std::chrono::seconds{180};  // for everything to come to rest afterwards
  enum class Faults : std::uint8_t { none, by_seed } faults = Faults::by_seed;
  enum class Talk : std::uint8_t { silent, verbose } talk = Talk::silent;
  Plant plant;
};

/// One run. Nothing outside of it has an influence on it but the options.
class World {
 public:
  explicit World(WorldOptions options);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  /// Runs everything and returns what there is to judge. Once.
  History run();
  bool planted() const { return bus_.planted(); }

 private:
  void add_devices();
  void add(std::unique_ptr<Device> device);
  std::unique_ptr<Client> make_client(Device& device);
  void start_platform();
  void platform_up();
  void begin(const Fault& fault);
  void begin_at_devices(const Fault& fault);
  void crash_platform(Crash how, Duration pause);
  void replace_broken(Crash how);
  void restart_platform(Duration pause);
  void begin_at_gateway(const Fault& fault);
  void fill_disk(VirtualFs& disk, const Fault& fault);
  void crash_gateway(Crash how, Duration pause);
  void later(Duration delay, Task task) { control_.schedule(delay, std::move(task)); }
  void owner_turn();
  void settle();
  bool at_rest() const;
  void look(const std::string& when);
  void look_at_shadow(ShadowThing& thing, bool final_look);
  void collect();
  void collect_series(Stream& stream);
  void say(const std::string& text) const;

  WorldOptions options_;
  History history_;
  VirtualClock clock_;
  VirtualScheduler scheduler_{clock_};
  SeededRng rng_;
  SeededRng network_rng_;
  metrics::Registry metrics_;
  net::VirtualNetwork network_;
  VirtualExecutor control_;  // faults and looks
  VirtualExecutor field_;    // the devices
  PlantedBus bus_;
  PlatformProcess platform_;
  GatewayProcess gateway_;
  std::vector<std::unique_ptr<Device>> devices_;
  bool platform_down_ = false;  // on purpose
  bool gateway_down_ = false;
  bool working_ = true;
  std::size_t open_looks_ = 0;
};

}  // namespace dunlin::sim
