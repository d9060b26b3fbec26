#pragma once
// A disk that takes its time, so that a crash finds work under way.

#include "base/executor.h"
#include "base/rng.h"

namespace dunlin::sim {

/// Runs each piece of work after a random time, as a pool of several workers would: later work may overtake
/// earlier work.
class SlowDisk final : public WorkerPool {
 public:
  SlowDisk(Executor& executor, Rng& rng) : executor_(executor), rng_(rng) {}
  void run(Task work) override {
    const std::uint64_t microseconds = rng_.below(50) == 0 ? rng_.below(200'000) : rng_.below(3'000);
    executor_.schedule(std::chrono::microseconds{microseconds}, std::move(work));
  }

 private:
  Executor& executor_;
  Rng& rng_;
};

}  // namespace dunlin::sim
