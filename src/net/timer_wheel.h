#pragma once
// Timers of one reactor: a hierarchy of wheels, so that a million timers cost no more per operation than one.

#include <array>
#include <cstdint>
#include <limits>
#include <vector>

#include "base/executor.h"

namespace dunlin::net {

/// Schedules and cancels in constant time; a timer moves at most kLevels - 1 times before it fires. Never
/// early, late by less than one tick and the time between two advance() calls. Timers of the same tick fire
/// in an unspecified but repeatable order. One thread.
class TimerWheel {
 public:
  static constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

  /// `start` is the current time, in ticks.
  explicit TimerWheel(std::uint64_t start = 0) : current_(start) { heads_.fill(kNone); }

  /// Runs `task` in the advance() that reaches `due`; a due tick that has passed counts as the next one.
  TimerId schedule(std::uint64_t due, Task task);
  /// True if the timer was pending.
  bool cancel(TimerId id);
  /// Fires everything due up to and including tick `now`. Tasks may schedule and cancel; they must not call
  /// advance(). Returns how many fired.
  std::size_t advance(std::uint64_t now);
  /// A tick at or before the next due one at which advance() must be called, or kNever.
  std::uint64_t next_tick() const;

  std::size_t size() const { return size_; }
  std::uint64_t current() const { return current_; }

 private:
  static constexpr int kBits = 8;
  static constexpr int kLevels = 5;
  static constexpr std::uint32_t kSlots = 1U << kBits;
  static constexpr std::size_t kHeads = std::size_t{kLevels} * kSlots;
  static constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();

  struct Node {
    Task task;
    std::uint64_t due = 0;
    std::uint32_t generation = 1;
    std::uint32_t next = kNone;
    std::uint32_t previous = kNone;
    std::uint32_t slot = kNone;  // kNone: free
  };

  std::uint32_t slot_of(std::uint64_t due) const;
  void link(std::uint32_t index);
  void unlink(std::uint32_t index);
  Task release(std::uint32_t index);
  void cascade(int level);
  std::size_t fire_current();

  std::uint64_t current_;
  std::size_t size_ = 0;
  std::uint32_t free_ = kNone;
  std::vector<Node> nodes_;
  std::array<std::uint32_t, kHeads> heads_;
  std::array<std::uint64_t, kHeads / 64> occupied_{};
};

}  // namespace dunlin::net
