#include "apps/site_process.h"

#include "apps/blocking.h"
#include "base/metrics.h"
#include "base/rng.h"
#include "net/epoll_network.h"
#include "net/reactor_threads.h"
#include "net/worker_pool.h"

namespace dunlin::apps {
namespace {

class RunningSite final : public SiteProcess {
 public:
  RunningSite(const fleet::SiteConfig& config, fleet::CredentialSource credentials)
      : site_({threads_.at(0), network_, rng_, metrics_, std::move(credentials)}, config) {}
  ~RunningSite() override {
    (void)wait_on(threads_.at(0),
                  [this](auto done) { site_.stop([done = std::move(done)]() mutable { done({}); }); });
    threads_.stop();
  }

  Result<void> start() {
    threads_.start();
    return wait_on(threads_.at(0), [this](auto done) { done(site_.start()); });
  }
  std::size_t device_count() const override { return site_.config().devices.size(); }

 private:
  SystemRng rng_;
  metrics::Registry metrics_;
  net::ReactorThreads threads_{1};
  net::ThreadWorkerPool workers_{1};
  net::EpollNetwork network_{threads_.all(), workers_, metrics_};
  fleet::Site site_;
};

}  // namespace

Result<std::unique_ptr<SiteProcess>> SiteProcess::start(const fleet::SiteConfig& config,
                                                        fleet::CredentialSource credentials) {
  auto site = std::make_unique<RunningSite>(config, std::move(credentials));
  DUNLIN_CHECK(site->start());
  return site;
}

}  // namespace dunlin::apps
