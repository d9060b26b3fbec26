#pragma once
// How long cleared alarms stay, and who removes them.

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/executor.h"
#include "base/metrics.h"
#include "service/alarm/alarm.h"
#include "service/alarm/options.h"
#include "store/keyed.h"

namespace dunlin::alarm {

inline constexpr Duration kFirstSweep = std::chrono::minutes{1};   // after the start
inline constexpr Duration kSweepInterval = std::chrono::hours{1};  // from the end of one to the next

/// Goes through the stored alarms again and again and removes the cleared ones that are too old or too many.
/// The alarms' executor only.
class Retention {
 public:
  /// Whether the alarm is open now, whatever is stored of it: such a one is never removed.
  using IsOpen = std::function<bool(const Alarm&)>;

  Retention(Executor& executor, store::Keyed& keyed, metrics::Registry& metrics, RetentionOptions options,
            IsOpen is_open);
  ~Retention();
  Retention(const Retention&) = delete;
  Retention& operator=(const Retention&) = delete;

  void start();

 private:
  struct Sweep;
  void schedule(Duration delay);
  void next_page();
  void take(const std::vector<store::Entry>& entries);
  void remove(std::string next);
  void finish();

  Executor& executor_;
  store::Keyed& keyed_;
  RetentionOptions options_;
  IsOpen is_open_;
  std::shared_ptr<Sweep> sweep_;  // shared: completions that come after the end find it gone
  TimerId timer_;
  metrics::Cell& removed_;
};

}  // namespace dunlin::alarm
