#pragma once
// The platform as one process on a host of the virtual network: hub, MQTT server, stores on a virtual disk,
// and the services as the real server composes them.

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/virtual_executor.h"
#include "base/virtual_fs.h"
#include "history.h"
#include "hub/hub.h"
#include "net/virtual_network.h"
#include "planted_bus.h"
#include "platform/services.h"
#include "slow_disk.h"
#include "store/log.h"
#include "transport/mqtt/server.h"

namespace dunlin::sim {

inline constexpr const char* kPlatformHost = "platform";
inline constexpr std::uint16_t kMqttPort = 1883;

enum class Crash : std::uint8_t {
  kill,            // the process dies; what it wrote stays
  power_cut,       // what was not synced may be gone or torn
  power_mid_call,  // the disk stops at some call, and the power goes a little later
};

/// One thread. The process can be started again after each end; its disk lives on.
class PlatformProcess {
 public:
  struct Setup {
    VirtualScheduler& scheduler;
    net::VirtualNetwork& network;
    Rng& rng;
    History& history;
    PlantedBus& bus;
    std::size_t shards = 1;
  };
  explicit PlatformProcess(Setup setup);
  ~PlatformProcess();

  /// `up` runs when it serves. A start that fails is tried again until crash() or stop().
  void start(std::function<void()> up);
  void crash(Crash how);
  /// In an orderly way; kills what has not ended in time. `down` runs afterwards.
  void stop(std::function<void()> down);

  bool serving() const { return serving_; }
  /// Only while serving.
  platform::Services& services() { return *life_->services; }
  Executor& executor() { return *life_->executors.front(); }
  VirtualFs& disk() { return disk_; }
  std::size_t lives() const { return lives_; }

 private:
  struct Life;
  Result<void> open();
  void began(Result<void> result);
  void serve();
  void watch_shadows();
  void watch_journal();
  void witness(const hub::Delivery& delivery);
  void try_again(const std::string& why);
  void end();

  Setup setup_;
  VirtualExecutor init_;  // what starts and stops processes on this machine
  VirtualFs disk_;
  struct Life {
    metrics::Registry metrics;
    SeededRng rng;
    std::vector<std::unique_ptr<VirtualExecutor>> executors;
    std::unique_ptr<VirtualExecutor> disk_executor;
    std::unique_ptr<SlowDisk> workers;
    std::vector<std::unique_ptr<store::Log>> logs;
    std::unique_ptr<store::Log> samples;
    std::unique_ptr<store::Keyed> keyed;
    std::unique_ptr<store::Repository> repository;
    std::unique_ptr<hub::Hub> hub;
    std::unique_ptr<transport::MqttServer> server;
    std::vector<std::unique_ptr<net::Listener>> listeners;
    std::unique_ptr<platform::Services> services;
    std::unique_ptr<hub::Consumer> witness;
    std::set<std::pair<std::uint16_t, std::uint64_t>> witnessed;
    explicit Life(std::uint64_t seed) : rng(seed) {}
  };
  std::unique_ptr<Life> life_;
  std::function<void()> up_;
  TimerId retry_;
  TimerId stop_timer_;
  bool serving_ = false;
  std::size_t lives_ = 0;
  std::map<std::uint16_t, std::uint64_t> witnessed_to_;  // by journal; outlives crashes
};

}  // namespace dunlin::sim
