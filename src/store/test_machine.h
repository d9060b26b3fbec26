#pragma once
// For tests: a virtual machine's disk, time and threads.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/metrics.h"
#include "base/virtual_executor.h"
#include "base/virtual_fs.h"
#include "store/log.h"

namespace dunlin::store {

/// One process on a disk that outlives it. One thread.
struct TestMachine {
  VirtualFs fs;
  VirtualClock clock;
  VirtualScheduler scheduler{clock};
  std::unique_ptr<VirtualExecutor> executor = std::make_unique<VirtualExecutor>(scheduler);
  std::unique_ptr<VirtualWorkerPool> workers = std::make_unique<VirtualWorkerPool>(*executor);
  metrics::Registry metrics;

  LogEnvironment environment() { return {fs, *executor, *workers, metrics}; }
  /// The process dies with all that it had in memory; what it owned must be gone before.
  void restart_process() {
    executor = std::make_unique<VirtualExecutor>(scheduler);
    workers = std::make_unique<VirtualWorkerPool>(*executor);
  }
  void settle() { scheduler.run_ready(); }
};

/// Work that waits until the test lets it run: a slow disk.
class HeldWorkerPool final : public WorkerPool {
 public:
  void run(Task work) override { waiting.push_back(std::move(work)); }
  bool run_one() {
    if (waiting.empty()) return false;
    Task task = std::move(waiting.front());
    waiting.erase(waiting.begin());
    task();
    return true;
  }
  std::vector<Task> waiting;
};

inline std::string text_of(const Record& record) {
  return std::string{record.bytes.text()};
}

}  // namespace dunlin::store
