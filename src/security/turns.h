#pragma once
// Changes that count what is there before they add to it: of one key one at a time.

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "base/executor.h"
#include "base/result.h"

namespace dunlin::security {

/// Any thread. Must outlive what waits in it.
class Turns {
 public:
  /// Runs `step` when the changes of the key before it have answered: at once, or posted to `executor`. What
  /// it gives to its `done` is given on to `done`. Errors to `done`: unavailable (kMaxTurnsWaiting wait).
  template <class T>
  void run(Executor& executor, std::string key, std::move_only_function<void(Result<T>)> done,
           std::move_only_function<void(std::move_only_function<void(Result<T>)>)> step) {
    // Shared by the two ends that it may have: its turn, or none.
    auto answer = std::make_shared<std::move_only_function<void(Result<T>)>>(std::move(done));
    const bool has_room = take(executor, key, [this, key, answer, step = std::move(step)]() mutable {
      step([this, key, answer](Result<T> result) {
        end(key);
        (*answer)(std::move(result));
      });
    });
    if (has_room) return;
    executor.post(
        [answer] { (*answer)(fail(Errc::unavailable, "too many of these changes wait; try again")); });
  }

 private:
  struct Waiting {
    Executor* executor;
    Task step;
  };
  /// False: too many wait.
  bool take(Executor& executor, const std::string& key, Task step);
  void end(const std::string& key);

  std::mutex mutex_;
  std::map<std::string, std::deque<Waiting>> busy_;  // by key: who waits while one is at work
};

}  // namespace dunlin::security
