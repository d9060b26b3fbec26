#pragma once
// A whole program's threads as one, in virtual time: the simulator and the unit tests run on it.

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <unordered_map>
#include <utility>

#include "base/executor.h"

namespace dunlin {

class VirtualExecutor;

/// Owns virtual time for any number of executors and runs them one task at a time, in an order that only the
/// calls decide. One thread.
class VirtualScheduler {
 public:
  explicit VirtualScheduler(VirtualClock& clock) : clock_(clock) {}

  /// Runs every task that is ready, without moving time. Returns how many ran; stops after `max_tasks` (a
  /// loop that never rests).
  std::size_t run_ready(std::size_t max_tasks = 10'000'000);
  /// Runs tasks and timers until `duration` of virtual time has passed.
  void run_for(Duration duration);
  /// Runs until `done()` holds or `limit` of virtual time has passed; says whether it holds.
  bool run_until(const std::function<bool()>& done, Duration limit);

  VirtualClock& clock() { return clock_; }

 private:
  friend class VirtualExecutor;
  struct Due {
    Instant at;
    std::uint64_t order;
    friend auto operator<=>(const Due&, const Due&) = default;
  };
  struct Ready {
    std::uint64_t executor;
    Task task;
  };
  struct Timer {
    std::uint64_t executor;
    TimerId id;
    Task task;
  };
  bool step();
  bool fire_next_timer(Instant limit);

  VirtualClock& clock_;
  std::uint64_t next_order_ = 1;
  std::uint64_t next_executor_ = 1;
  std::deque<Ready> ready_;
  std::map<Due, Timer> timers_;
  std::unordered_map<std::uint64_t, VirtualExecutor*> executors_;
};

/// One simulated thread. When it is destroyed (the simulated process dies), its tasks and timers are
/// forgotten without running.
class VirtualExecutor final : public Executor {
 public:
  explicit VirtualExecutor(VirtualScheduler& scheduler);
  ~VirtualExecutor() override;
  VirtualExecutor(const VirtualExecutor&) = delete;
  VirtualExecutor& operator=(const VirtualExecutor&) = delete;

  void post(Task task) override;
  TimerId schedule(Duration delay, Task task) override;
  void cancel(TimerId timer) override;
  Instant now() const override { return scheduler_.clock_.now(); }
  WallTime wall_now() const override { return scheduler_.clock_.wall_now(); }
  bool is_current() const override { return true; }

 private:
  friend class VirtualScheduler;
  VirtualScheduler& scheduler_;
  std::uint64_t id_;
  std::unordered_map<TimerId, VirtualScheduler::Due> timers_;
};

/// Runs blocking work as one more task of the executor, so that a run stays repeatable.
class VirtualWorkerPool final : public WorkerPool {
 public:
  explicit VirtualWorkerPool(Executor& executor) : executor_(executor) {}
  void run(Task work) override { executor_.post(std::move(work)); }

 private:
  Executor& executor_;
};

}  // namespace dunlin
