#include "net/worker_pool.h"

#include "base/core/assert.h"

namespace dunlin::net {

ThreadWorkerPool::ThreadWorkerPool(std::size_t threads) {
  DUNLIN_ASSERT(threads > 0);
  threads_.reserve(threads);
  for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { serve(); });
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
      lock.unlock();
      work();
    }
    lock.lock();
  }
}

}  // namespace dunlin::net
