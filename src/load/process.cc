#include "load/process.h"

#include <utility>

#include "load/reactor_kit.h"
#include "net/reactor_threads.h"

namespace dunlin::load {

struct LoadProcess::Parts {
  Parts(const LoadOptions& options, OnProgress progress)
      : on_progress(std::move(progress)), run(LoadRun::make(kit.environment(), options)) {}

  void show_progress() {
    kit.reactor.schedule(kProgressInterval, [this] {
      on_progress(run->progress());
      show_progress();
    });
  }

  OnProgress on_progress;
  ReactorKit kit;
  std::unique_ptr<LoadRun> run;
};

LoadProcess::LoadProcess(const LoadOptions& options, OnProgress on_progress)
    : parts_(std::make_unique<Parts>(options, std::move(on_progress))) {}
LoadProcess::~LoadProcess() = default;

Result<LoadReport> LoadProcess::run() {
  Result<LoadReport> report = fail(Errc::internal, "the load has not ended");
  parts_->kit.reactor.post([&] {
    parts_->run->start([&](Result<LoadReport> result) {
      report = std::move(result);
      parts_->kit.reactor.stop();
    });
    if (parts_->on_progress) parts_->show_progress();
  });
  parts_->kit.reactor.run();
  return report;
}

void LoadProcess::interrupt() {
  parts_->kit.reactor.post([parts = parts_.get()] { parts->run->interrupt(); });
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
