#pragma once
// For tests over real threads: the test's own thread as the executor, and a few workers.

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "base/executor.h"

namespace dunlin::store {

/// Runs what is posted on the thread that calls run_until(). It has no timers.
class TestExecutor final : public Executor {
 public:
  void post(Task task) override {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
    ready_.notify_one();
  }
  TimerId schedule(Duration, Task) override { return TimerId{1}; }
  void cancel(TimerId) override {}
  Instant now() const override { return clock_.now(); }
  WallTime wall_now() const override { return clock_.wall_now(); }
  bool is_current() const override { return true; }

  /// False if `done()` does not hold within a minute.
  bool run_until(const std::function<bool()>& done) {
    const Instant limit = clock_.now() + std::chrono::minutes{1};
    while (!done() && clock_.now() < limit) {
      std::deque<Task> tasks;
      {
        std::unique_lock lock(mutex_);
        ready_.wait_for(lock, std::chrono::milliseconds{100}, [this] { return !tasks_.empty(); });
        tasks.swap(tasks_);
      }
      for (Task& task : tasks) task();
    }
    return done();
  }

 private:
  SystemClock clock_;
  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<Task> tasks_;
};

/// Joins its threads, after all work has run, when it is destroyed.
class TestWorkers final : public WorkerPool {
 public:
  static constexpr std::size_t kThreads = 3;
  TestWorkers() {
    for (std::size_t i = 0; i < kThreads; ++i) threads_.emplace_back([this] { work(); });
  }
  ~TestWorkers() override {
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
    }
    ready_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }
  TestWorkers(const TestWorkers&) = delete;
  TestWorkers& operator=(const TestWorkers&) = delete;

  void run(Task task) override {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
    ready_.notify_one();
  }

 private:
  void work() {
    while (true) {
      Task task;
      {
        std::unique_lock lock(mutex_);
        ready_.wait(lock, [this] { return closed_ || !tasks_.empty(); });
        if (tasks_.empty()) return;
        task = std::move(tasks_.front());
        tasks_.pop_front();
      }
      task();
    }
  }

  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<Task> tasks_;
  bool closed_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace dunlin::store
