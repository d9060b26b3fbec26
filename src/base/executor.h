#pragma once
// Where code runs. hub and service know only this; net::Reactor and the simulator implement it.

#include <functional>

#include "base/clock.h"
#include "base/core/id.h"

namespace dunlin {

using Task = std::move_only_function<void()>;
using TimerId = Id<struct TimerTag>;

/// One thread that runs tasks in the order they were posted, and timers when they are due.
class Executor {
 public:
  virtual ~Executor() = default;

  /// Runs `task` later on this executor's thread, never inside this call. Any thread.
  virtual void post(Task task) = 0;

  /// Runs `task` once after `delay` (granularity at most 100 ms, never early). Own thread only.
  virtual TimerId schedule(Duration delay, Task task) = 0;

  /// Forgets a timer; an id that has fired or was cancelled is ignored. Own thread only.
  virtual void cancel(TimerId timer) = 0;

  /// The time at the start of this loop turn. Any thread.
  virtual Instant now() const = 0;
  virtual WallTime wall_now() const = 0;

  /// True on this executor's own thread.
  virtual bool is_current() const = 0;
};

/// Runs work that may block (disk, signing, name look-up) away from the reactors.
class WorkerPool {
 public:
  virtual ~WorkerPool() = default;
  /// Runs `work` on some worker thread. `work` posts its own completion to the executor that waits. Any
  /// thread.
  virtual void run(Task work) = 0;
};

}  // namespace dunlin
