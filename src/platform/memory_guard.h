#pragma once
// Keeps the process within its memory budget: looks at what it has, tells the hub how short it is, and gives
// back to the system what the C library keeps.

#include <array>
#include <atomic>
#include <functional>

#include "base/executor.h"
#include "base/memory_level.h"
#include "base/metrics.h"

namespace dunlin::platform {

/// Between two looks at the resident set.
inline constexpr Duration kMemorySampleInterval = std::chrono::milliseconds{250};
/// Between two times at which freed memory goes back to the system: at rest, and while it is short.
inline constexpr Duration kMemoryReturnInterval = std::chrono::seconds{30};
inline constexpr Duration kShortMemoryReturnInterval = std::chrono::seconds{2};

/// The executor's thread, but for level(), used() and budget().
class MemoryGuard {
 public:
  struct Parts {
    Executor& executor;
    metrics::Registry& metrics;
    std::uint64_t budget_bytes = 0;                   // 0: none
    std::function<Result<std::uint64_t>()> resident;  // called on the executor
    std::function<void(MemoryLevel)> tell;            // at each change, on the executor
    std::function<void()> give_back;                  // may take long: away from the executor
  };
  explicit MemoryGuard(Parts parts);

  void start();

  MemoryLevel level() const { return level_.load(std::memory_order_relaxed); }
  std::uint64_t used() const { return used_.load(std::memory_order_relaxed); }
  std::uint64_t budget() const { return parts_.budget_bytes; }

 private:
  void sample();
  void change(MemoryLevel next);
  void give_back_when_due();

  Parts parts_;
  std::atomic<MemoryLevel> level_{MemoryLevel::normal};
  std::atomic<std::uint64_t> used_{0};
  std::array<metrics::Cell*, kMemoryLevels> reached_;
  Instant given_back_{};
  enum class Readable : std::uint8_t { yes, no } readable_ = Readable::yes;
};

}  // namespace dunlin::platform
