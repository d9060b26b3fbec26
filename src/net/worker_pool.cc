#include "net/worker_pool.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

#include "base/core/assert.h"

namespace dunlin::net {
namespace {

/// struct sched_attr of sched_setattr(2), which the C library does not declare.
struct SchedulingAttributes {
  std::uint32_t size = sizeof(SchedulingAttributes);
  std::uint32_t policy = 0;
  std::uint64_t flags = 0;
  std::int32_t nice = 0;
  std::uint32_t priority = 0;
  std::uint64_t runtime_ns = 0;
  std::uint64_t deadline_ns = 0;
  std::uint64_t period_ns = 0;
};

constexpr std::uint64_t kWorkerSliceNs = 100'000;

/// A worker mostly waits for the disk, and others for it: on a core that a reactor keeps busy a thread with a
/// short slice gets its turn soon after each wait (Linux 6.12; an older kernel does not look at it).
void ask_for_short_slices() {
  SchedulingAttributes attributes;
  if (::syscall(SYS_sched_getattr, 0, &attributes, sizeof attributes, 0) != 0) return;
  attributes.runtime_ns = kWorkerSliceNs;
  ::syscall(SYS_sched_setattr, 0, &attributes, 0);
}

}  // namespace

ThreadWorkerPool::ThreadWorkerPool(std::size_t threads) {
  DUNLIN_ASSERT(threads > 0);
  threads_.reserve(threads);
  for (std::size_t i = 0; i < threads; ++i) {
    threads_.emplace_back([this] {
      ask_for_short_slices();
      serve();
    });
  }
}

ThreadWorkerPool::~ThreadWorkerPool() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  ready_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void ThreadWorkerPool::run(Task work) {
  {
    const std::scoped_lock lock(mutex_);
    queue_.push_back(std::move(work));
  }
  ready_.notify_one();
}

void ThreadWorkerPool::finish() {
  std::unique_lock lock(mutex_);
  idle_.wait(lock, [this] { return queue_.empty() && running_ == 0; });
}

std::size_t ThreadWorkerPool::queued() const {
  const std::scoped_lock lock(mutex_);
  return queue_.size();
}

void ThreadWorkerPool::serve() {
  std::unique_lock lock(mutex_);
  while (true) {
    ready_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (queue_.empty()) return;
    {
      Task work = std::move(queue_.front());
      queue_.pop_front();
      ++running_;
      lock.unlock();
      work();
    }
    lock.lock();
    if (--running_ == 0 && queue_.empty()) idle_.notify_all();
  }
}

}  // namespace dunlin::net
