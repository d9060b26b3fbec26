#include "net/reactor_threads.h"

#include "base/core/assert.h"

namespace dunlin::net {

ReactorThreads::ReactorThreads(std::size_t count) {
  DUNLIN_ASSERT(count > 0);
  for (std::size_t i = 0; i < count; ++i) reactors_.push_back(std::make_unique<Reactor>());
}

ReactorThreads::~ReactorThreads() {
  stop();
}

void ReactorThreads::start() {
  DUNLIN_ASSERT(threads_.empty());
  for (auto& reactor : reactors_) threads_.emplace_back([&loop = *reactor] { loop.run(); });
}

void ReactorThreads::stop() {
  if (threads_.empty()) return;
  for (auto& reactor : reactors_) reactor->stop();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

std::vector<Reactor*> ReactorThreads::all() const {
  std::vector<Reactor*> all;
  all.reserve(reactors_.size());
  for (const auto& reactor : reactors_) all.push_back(reactor.get());
  return all;
}

}  // namespace dunlin::net
