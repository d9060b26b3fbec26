#pragma once
// A second try of what the store or the hub did not take.

#include <chrono>
#include <string>
#include <string_view>

#include "base/executor.h"
#include "base/metrics.h"
#include "base/result.h"

namespace dunlin::model {

inline constexpr Duration kRetryInterval = std::chrono::seconds{1};

/// Keeps one task and runs it kRetryInterval later; forgets it when destroyed. The journal keeps what is not
/// stored yet, so waiting loses nothing that was acknowledged. The executor's thread only.
class Retry {
 public:
  /// Tries are counted in dunlin_{service}_write_retries_total and logged as room "service/{service}".
  Retry(Executor& executor, metrics::Registry& metrics, std::string_view service);
  ~Retry();
  Retry(const Retry&) = delete;
  Retry& operator=(const Retry&) = delete;

  /// There must be no other task waiting. `what` says what did not happen ("shadows are not stored"), `peer`
  /// whose it is: the log has one line a minute for both.
  void later(std::string_view what, std::string_view peer, const Error& why, Task task);
  /// Without a line in the log.
  void later(Task task);

 private:
  Executor& executor_;
  std::string room_;
  metrics::Cell& tries_;
  TimerId timer_;
};

}  // namespace dunlin::model
