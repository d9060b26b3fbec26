#pragma once
// Work that must run one after another, on whichever worker is free.

#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>

#include "base/executor.h"

namespace dunlin::store {

/// Tasks run in the order of run(), never two at once. Any thread. Tasks that wait when the strand is
/// destroyed still run: they own what they need.
class Strand {
 public:
  explicit Strand(WorkerPool& workers);
  void run(Task task);

 private:
  struct Queue {
    explicit Queue(WorkerPool& pool) : workers(pool) {}
    WorkerPool& workers;
    std::mutex mutex;
    std::deque<Task> tasks;
    enum class State { idle, scheduled } state = State::idle;
  };
  static void drain(const std::shared_ptr<Queue>& queue);

  // Shared with the worker that drains it: the strand may go first.
  std::shared_ptr<Queue> queue_;
};

}  // namespace dunlin::store
