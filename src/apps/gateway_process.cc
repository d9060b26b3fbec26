#include "apps/gateway_process.h"

#include "apps/blocking.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/rng.h"
#include "edge/tls_files.h"
#include "net/epoll_network.h"
#include "net/reactor_threads.h"
#include "net/worker_pool.h"
#include "platform/stores.h"
#include "store/rocks/rocks_keyed.h"
#include "store/sqlite/sqlite_repository.h"

namespace dunlin::apps {
namespace {

class RunningGateway final : public GatewayProcess {
 public:
  explicit RunningGateway(Fs& fs) : fs_(fs) {}
  ~RunningGateway() override {
    if (gateway_) {
      const auto stopped = wait_on(threads_.at(0), [this](auto done) { gateway_->stop(std::move(done)); });
      if (!stopped)
        log::error("apps", "the gateway did not stop in order", {{"why", stopped.error().message}});
    }
    threads_.stop();
  }

  Result<void> open(const edge::GatewayConfig& config, const store::BrokenDisk& broken) {
    DUNLIN_TRY(lock_, platform::lock_data_folder(fs_, config.data_folder));
    DUNLIN_TRY(keyed_, store::open_rocks_keyed({fs_, workers_, metrics_, broken},
                                               {.folder = config.data_folder + "/keyed"}));
    DUNLIN_TRY(repository_, store::open_sqlite_repository({fs_, workers_, metrics_},
                                                          config.data_folder + "/records.sqlite"));
    DUNLIN_TRY(auto uplink, edge::load_uplink_tls(fs_, config));
    DUNLIN_TRY(auto listen, edge::load_listen_tls(fs_, config));
    DUNLIN_TRY(gateway_, edge::Gateway::open({network_, threads_.at(0), workers_, fs_, *keyed_, *repository_,
                                              metrics_, rng_, std::move(uplink), std::move(listen), broken},
                                             config));
    threads_.start();
    return wait_on(threads_.at(0), [this](auto done) { gateway_->start(std::move(done)); });
  }

  std::vector<net::Endpoint> listeners() override {
    std::vector<net::Endpoint> found;
    (void)wait_on(threads_.at(0), [&](auto done) {
      found = gateway_->listeners();
      done({});
    });
    return found;
  }

 private:
  Fs& fs_;
  SystemRng rng_;
  metrics::Registry metrics_;
  std::unique_ptr<File> lock_;
  net::ReactorThreads threads_{1};
  net::ThreadWorkerPool workers_{2};
  net::EpollNetwork network_{threads_.all(), workers_, metrics_};
  std::unique_ptr<store::Keyed> keyed_;
  std::unique_ptr<store::Repository> repository_;
  std::unique_ptr<edge::Gateway> gateway_;
};

}  // namespace

Result<std::unique_ptr<GatewayProcess>> GatewayProcess::start(const edge::GatewayConfig& config, Fs& fs,
                                                              const store::BrokenDisk& broken) {
  auto gateway = std::make_unique<RunningGateway>(fs);
  DUNLIN_CHECK(gateway->open(config, broken));
  return gateway;
}

}  // namespace dunlin::apps
