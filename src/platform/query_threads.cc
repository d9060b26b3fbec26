#include "platform/query_threads.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include "service/query/limits.h"

namespace dunlin::platform {
namespace {

/// About a third of what a thread that serves connections gets of a core that both want.
constexpr int kNiceness = 5;

std::size_t count_of(std::int64_t wanted) {
  const std::size_t count =
      wanted > 0 ? static_cast<std::size_t>(wanted) : std::thread::hardware_concurrency();
  return std::clamp<std::size_t>(count, 1, query::kMaxQueryThreads);
}

}  // namespace

QueryThreads::QueryThreads(std::int64_t wanted) : threads_(count_of(wanted)) {}

void QueryThreads::start() {
  threads_.start();
  for (net::Reactor* thread : threads_.all()) {
    // Linux takes a thread's number for a process; where that is refused, all are equal.
    thread->post([] { (void)::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kNiceness); });
  }
}

std::vector<Executor*> QueryThreads::executors() const {
  const std::vector<net::Reactor*> all = threads_.all();
  return {all.begin(), all.end()};
}

}  // namespace dunlin::platform
