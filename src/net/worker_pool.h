#pragma once
// Threads for work that may block.

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "base/executor.h"

namespace dunlin::net {

/// A fixed number of threads with one queue. The queue has no bound of its own: whoever submits bounds what
/// it has under way. The destructor finishes what is queued, so executors that the work posts to must outlive
/// the pool.
class ThreadWorkerPool final : public WorkerPool {
 public:
  explicit ThreadWorkerPool(std::size_t threads);
  ~ThreadWorkerPool() override;
  ThreadWorkerPool(const ThreadWorkerPool&) = delete;
  ThreadWorkerPool& operator=(const ThreadWorkerPool&) = delete;

  void run(Task work) override;
  /// Blocks until nothing is queued and nothing runs. Only running work may submit meanwhile.
  void finish();
  /// Work that no thread has begun. Any thread.
  std::size_t queued() const;

 private:
  void serve();

  mutable std::mutex mutex_;
  std::condition_variable ready_;
  std::condition_variable idle_;
  std::deque<Task> queue_;
  std::size_t running_ = 0;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace dunlin::net
