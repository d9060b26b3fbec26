#include "load/process.h"

#include <utility>

#include "base/metrics.h"
#include "load/run.h"
#include "net/epoll_network.h"
#include "net/reactor_threads.h"
#include "net/worker_pool.h"

namespace dunlin::load {
namespace {

constexpr Duration kProgressInterval = std::chrono::seconds{1};

}  // namespace

struct LoadProcess::Parts {
  Parts(const LoadOptions& options, OnProgress progress)
      : on_progress(std::move(progress)), run(LoadRun::make({network, reactor, clock, rng, *fs}, options)) {}

  void show_progress() {
    reactor.schedule(kProgressInterval, [this] {
      on_progress(run->progress());
      show_progress();
    });
  }

  OnProgress on_progress;
  SystemClock clock;
  SystemRng rng;
  std::unique_ptr<Fs> fs = make_system_fs();
  metrics::Registry metrics;
  net::Reactor reactor;
  net::ThreadWorkerPool workers{1};
  net::EpollNetwork network{{&reactor}, workers, metrics};
  std::unique_ptr<LoadRun> run;
};

LoadProcess::LoadProcess(const LoadOptions& options, OnProgress on_progress)
    : parts_(std::make_unique<Parts>(options, std::move(on_progress))) {}
LoadProcess::~LoadProcess() = default;

Result<LoadReport> LoadProcess::run() {
  Result<LoadReport> report = fail(Errc::internal, "the load has not ended");
  parts_->reactor.post([&] {
    parts_->run->start([&](Result<LoadReport> result) {
      report = std::move(result);
      parts_->reactor.stop();
    });
    if (parts_->on_progress) parts_->show_progress();
  });
  parts_->reactor.run();
  return report;
}

void LoadProcess::interrupt() {
  parts_->reactor.post([parts = parts_.get()] { parts->run->interrupt(); });
}

struct ForwarderProcess::Parts {
  explicit Parts(const ForwarderOptions& options) : forwarder(network, threads.at(0), options) {}
  ~Parts() { threads.stop(); }

  metrics::Registry metrics;
  net::ReactorThreads threads{1};
  net::ThreadWorkerPool workers{1};
  net::EpollNetwork network{threads.all(), workers, metrics};
  Forwarder forwarder;
};

ForwarderProcess::ForwarderProcess(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
ForwarderProcess::~ForwarderProcess() = default;

net::Endpoint ForwarderProcess::local() const {
  return parts_->forwarder.local();
}

Result<std::unique_ptr<ForwarderProcess>> ForwarderProcess::start(const ForwarderOptions& options) {
  auto parts = std::make_unique<Parts>(options);
  DUNLIN_CHECK(parts->forwarder.listen());
  parts->threads.start();
  return std::unique_ptr<ForwarderProcess>(
      new ForwarderProcess(std::move(parts)));  // NOLINT: private constructor
}

}  // namespace dunlin::load
