#pragma once
// Calls at a steady pace, more punctual than an executor's timers and without keeping a core busy.

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "base/clock.h"
#include "base/executor.h"

namespace dunlin::load {

/// A thread of its own that sleeps until each moment and then posts. A call that the executor has not run yet
/// is not posted twice. Destroyed before the executor; calls already posted may still come.
class Ticker {
 public:
  /// The time of call `number`; they rise. Called on the ticker's thread.
  using Moment = std::function<Instant(std::uint64_t number)>;

  /// Calls `tick` on `executor` at each moment by `clock`. Both outlive the ticker; what `tick` needs
  /// outlives the executor's last task.
  Ticker(Executor& executor, const Clock& clock, Moment moment, std::function<void()> tick);
  ~Ticker();
  Ticker(const Ticker&) = delete;
  Ticker& operator=(const Ticker&) = delete;

 private:
  void run(const std::stop_token& done);

  struct Call {
    std::function<void()> tick;
    std::atomic<bool> waiting{false};
  };
  Executor& executor_;
  const Clock& clock_;
  Moment moment_;
  std::shared_ptr<Call> call_;  // shared with what was posted, which may come after the ticker
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::jthread thread_;
};

}  // namespace dunlin::load
