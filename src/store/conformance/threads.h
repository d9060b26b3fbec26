#pragma once
// For tests over real threads: the test's own thread as the executor, and a few workers.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "base/executor.h"

namespace dunlin::store {

/// Runs what is posted, and timers, on the thread that calls run_until().
class TestExecutor final : public Executor {
 public:
  void post(Task task) override {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
    ready_.notify_one();
  }
  TimerId schedule(Duration delay, Task task) override {
    ++last_timer_.value;
    timers_.emplace(std::pair(now() + delay, last_timer_), std::move(task));
    return last_timer_;
  }
  void cancel(TimerId timer) override {
    std::erase_if(timers_, [timer](const auto& waiting) { return waiting.first.second == timer; });
  }
  Instant now() const override { return clock_.now(); }
  WallTime wall_now() const override { return clock_.wall_now(); }
  /// Of the one that made it, until it runs.
  bool is_current() const override { return thread_.load() == std::this_thread::get_id(); }

  /// False if `done()` does not hold within a minute.
  bool run_until(const std::function<bool()>& done) {
    thread_ = std::this_thread::get_id();
    const Instant limit = clock_.now() + std::chrono::minutes{1};
    while (!done() && clock_.now() < limit) {
      for (Task& task : next_tasks()) task();
      while (!timers_.empty() && timers_.begin()->first.first <= now())
        timers_.extract(timers_.begin()).mapped()();
    }
    return done();
  }

 private:
  /// Waits for some, until a timer is due.
  std::deque<Task> next_tasks() {
    Duration most = std::chrono::milliseconds{100};
    if (!timers_.empty()) most = std::clamp(timers_.begin()->first.first - now(), Duration::zero(), most);
    std::deque<Task> tasks;
    std::unique_lock lock(mutex_);
    ready_.wait_for(lock, most, [this] { return !tasks_.empty(); });
    tasks.swap(tasks_);
    return tasks;
  }

  SystemClock clock_;
  std::atomic<std::thread::id> thread_{std::this_thread::get_id()};
  std::map<std::pair<Instant, TimerId>, Task> timers_;
  TimerId last_timer_;
  std::mutex mutex_;  // guards tasks_
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
