#pragma once
// The gateway as one process on a host of the virtual network, with a disk of its own.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/virtual_executor.h"
#include "base/virtual_fs.h"
#include "edge/gateway.h"
#include "history.h"
#include "net/virtual_network.h"
#include "platform_process.h"
#include "slow_disk.h"

namespace dunlin::sim {

inline constexpr const char* kGatewayHost = "gateway";
/// The token of every device behind the gateway.
inline constexpr const char* kGatewayToken = "simulated";

/// One thread. Can be started again after each crash; its disk lives on.
class GatewayProcess {
 public:
  struct Setup {
    VirtualScheduler& scheduler;
    net::VirtualNetwork& network;
    Rng& rng;
    History& history;
  };
  explicit GatewayProcess(Setup setup) : setup_(setup), init_(setup.scheduler) {}
  ~GatewayProcess();

  /// Before the first start().
  void add_device(const std::string& name);
  /// A start that fails is tried again until crash().
  void start();
  void crash(Crash how);
  bool serving() const { return serving_; }
  /// Serving, and everything that it holds for the platform has been acknowledged.
  bool at_rest() const;
  VirtualFs& disk() { return disk_; }

 private:
  struct Life {
    metrics::Registry metrics;
    SeededRng rng;
    VirtualExecutor executor;
    VirtualExecutor disk_executor;
    SlowDisk workers;
    std::unique_ptr<store::Keyed> keyed;
    std::unique_ptr<store::Repository> repository;
    std::unique_ptr<edge::Gateway> gateway;
    Life(VirtualScheduler& scheduler, std::uint64_t seed)
        : rng(seed), executor(scheduler), disk_executor(scheduler), workers(disk_executor, rng) {}
  };
  Result<void> open();
  edge::GatewayConfig config() const;
  void try_again();
  void end();

  Setup setup_;
  VirtualExecutor init_;  // what starts processes on this machine
  VirtualFs disk_;
  std::vector<std::string> devices_;
  std::unique_ptr<Life> life_;
  TimerId retry_;
  bool serving_ = false;
};

}  // namespace dunlin::sim
