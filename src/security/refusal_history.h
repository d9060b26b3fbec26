#pragma once
// How many refusals of each kind there were, over an hour and over a day, in memory that does not grow.

#include <array>
#include <cstdint>
#include <vector>

#include "base/clock.h"
#include "base/refusal.h"

namespace dunlin::security {

/// One ring of steps. One thread at a time.
class RefusalHistory {
 public:
  using Counts = std::array<std::uint32_t, kRefusalKinds>;

  RefusalHistory(Duration step, std::size_t steps) : step_(step), ring_(steps) {}

  void add(RefusalKind kind, Instant now);
  /// Each step's counts, the oldest first; the last is the present one, which is not over. The oldest begin
  /// with the first refusal, or the ring's length ago.
  struct Row {
    Duration ago{};  // how long before `now` the step began
    Counts counts{};
  };
  std::vector<Row> read(Instant now) const;
  Duration step() const { return step_; }

 private:
  std::int64_t number_of(Instant now) const { return now.time_since_epoch() / step_; }
  Counts& at(std::int64_t number) { return ring_[static_cast<std::size_t>(number) % ring_.size()]; }

  Duration step_;
  std::vector<Counts> ring_;
  std::int64_t first_ = -1;  // the step of the first refusal of all; less than zero: there was none
  std::int64_t newest_ = -1;
};

}  // namespace dunlin::security
