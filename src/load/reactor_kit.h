#pragma once
// What a load program runs on: a reactor of its own, and a network on it. Internal to the room.

#include <memory>

#include "base/clock.h"
#include "base/fs.h"
#include "base/metrics.h"
#include "base/rng.h"
#include "load/run.h"
#include "net/epoll_network.h"
#include "net/reactor.h"
#include "net/worker_pool.h"

namespace dunlin::load {

/// Throws std::system_error when the kernel gives no descriptors.
struct ReactorKit {
  SystemClock clock;
  SystemRng rng;
  std::unique_ptr<Fs> fs = make_system_fs();
  metrics::Registry metrics;
  net::Reactor reactor;
  net::ThreadWorkerPool workers{1};
  net::EpollNetwork network{{&reactor}, workers, metrics};

  LoadEnvironment environment() { return {network, reactor, clock, rng, *fs}; }
};

inline constexpr Duration kProgressInterval = std::chrono::seconds{1};

}  // namespace dunlin::load
