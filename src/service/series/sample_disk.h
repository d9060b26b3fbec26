#pragma once
// For tests: a disk with the log of samples, which outlives the processes that use it.

#include <memory>

#include "base/metrics.h"
#include "base/virtual_executor.h"
#include "base/virtual_fs.h"
#include "store/log.h"

namespace dunlin::series {

/// One thread.
class SampleDisk {
 public:
  /// A process begins. What it opened before must be gone.
  store::Log& open(VirtualExecutor& executor, metrics::Registry& metrics) {
    log_.reset();
    workers_ = std::make_unique<VirtualWorkerPool>(executor);
    log_ = *store::open_log({fs, executor, *workers_, metrics},
                            {.folder = "/samples", .segment_bytes = 64 * 1024});
    return *log_;
  }
  void close() {
    log_.reset();
    workers_.reset();
  }
  store::Log& log() { return *log_; }
  /// As a full disk does. Filling it would not: the log has room of its own ahead.
  void refuse_next_write() { fs.fail_call(1, Errc::no_space); }

  VirtualFs fs;

 private:
  std::unique_ptr<VirtualWorkerPool> workers_;
  std::unique_ptr<store::Log> log_;
};

}  // namespace dunlin::series
