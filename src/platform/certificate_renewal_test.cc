#include "platform/certificate_renewal.h"

#include <gtest/gtest.h>

#include <future>

#include "base/rng.h"
#include "base/virtual_executor.h"
#include "net/epoll_network.h"
#include "net/reactor_threads.h"
#include "net/worker_pool.h"
#include "platform/listeners.h"
#include "security/memory_fs.h"

namespace dunlin::platform {
namespace {

using std::chrono::days;

struct CertificateRenewalTest : testing::Test {
  VirtualClock clock;
  VirtualScheduler scheduler{clock};
  VirtualExecutor executor{scheduler};
  VirtualWorkerPool workers{executor};
  SystemRng rng;
  metrics::Registry metrics;
  security::MemoryFs fs;
  std::unique_ptr<security::Pki> pki = security::Pki::open(fs, clock, rng, "data", {}).value();
  int adopted = 0;
  int refusals_left = 0;
  CertificateRenewal renewal{{executor, workers, *pki, metrics}, [this]() -> Result<void> {
                               if (refusals_left-- > 0) return fail(Errc::internal, "not this time");
                               ++adopted;
                               return {};
                             }};

  std::string fingerprint() const { return pki->server_identity().info.fingerprint; }
  double renewals() const { return metrics.value("dunlin_server_certificate_renewals_total"); }
  double failures() const { return metrics.value("dunlin_server_certificate_renewal_failures_total"); }
};

TEST_F(CertificateRenewalTest, TheCertificateRanOutUnderARunningServer) {
  const std::string first = fingerprint();
  renewal.start();
  scheduler.run_for(days{59});
  EXPECT_EQ(fingerprint(), first);
  EXPECT_EQ(adopted, 0);
  scheduler.run_for(days{2});
  EXPECT_NE(fingerprint(), first) << "two thirds of 90 days";
  EXPECT_EQ(adopted, 1);
  for (int day = 0; day < 300; ++day) {
    scheduler.run_for(days{1});
    ASSERT_GT(pki->server_identity().info.not_after, clock.wall_now() + days{28}) << "day " << day;
  }
  EXPECT_EQ(adopted, 1 + 5);
  EXPECT_EQ(renewals(), adopted);
  EXPECT_EQ(failures(), 0);
}

TEST_F(CertificateRenewalTest, ARenewalThatFailsIsTriedAgainTheNextDay) {
  const std::string first = fingerprint();
  renewal.start();
  scheduler.run_for(days{59});
  fs.fail_from = fs.changes;
  scheduler.run_for(days{3});
  EXPECT_EQ(fingerprint(), first);
  EXPECT_GE(failures(), 2);
  fs.fail_from = -1;
  scheduler.run_for(days{1});
  EXPECT_NE(fingerprint(), first);
  EXPECT_EQ(adopted, 1);
}

TEST_F(CertificateRenewalTest, ACertificateThatWasNotTakenIntoUseIsOfferedAgain) {
  refusals_left = 2;
  renewal.start();
  scheduler.run_for(days{61});
  EXPECT_EQ(renewals(), 1);
  EXPECT_EQ(adopted, 0);
  scheduler.run_for(days{3});
  EXPECT_EQ(renewals(), 1);
  EXPECT_EQ(adopted, 1) << "once, and not each day after";
}

/// A client that sends one word and keeps its connection.
struct Client final : net::ConnectionHandler {
  std::size_t on_data(ByteView bytes) override { return bytes.size(); }
  void on_closed(net::CloseReason) override { closed = true; }
  std::unique_ptr<net::Connection> connection;
  std::atomic<bool> closed{false};
};

struct ListenersTlsTest : testing::Test {
  SystemClock clock;
  SystemRng rng;
  metrics::Registry metrics;
  net::ReactorThreads threads{2};
  net::ThreadWorkerPool workers{1};
  net::EpollNetwork network{threads.all(), workers, metrics};
  Listeners listeners{network, threads};
  net::Endpoint address;
  std::array<std::vector<std::unique_ptr<net::Connection>>, 2> accepted;  // by reactor
  std::vector<std::unique_ptr<Client>> clients;

  std::unique_ptr<security::Pki> make_pki() {
    security::MemoryFs fs;
    return security::Pki::open(fs, clock, rng, "data", {}).value();
  }
  static std::shared_ptr<net::TlsServerContext> server_side(const security::Pki& pki) {
    const security::ServerIdentity identity = pki.server_identity();
    net::TlsServerOptions options;
    options.certificate_chain_pem = identity.certificate_chain_pem;
    options.private_key_pem = identity.private_key_pem;
    return net::make_tls_server_context(options).value();
  }
  template <class T>
  T on_home(std::function<void(std::move_only_function<void(T)>)> begin) {
    std::promise<T> promise;
    auto future = promise.get_future();
    threads.at(0).post([&] { begin([&](T value) { promise.set_value(std::move(value)); }); });
    return future.get();
  }
  void open(const security::Pki& pki) {
    threads.start();
    using Opened = Result<std::vector<ListenerInfo>>;
    const auto opened = on_home<Opened>([&](auto done) {
      const auto accept = [this](std::unique_ptr<net::Connection> connection) {
        const std::size_t lane = threads.at(0).is_current() ? 0 : 1;
        accepted[lane].push_back(std::move(connection));
      };
      listeners.open({{"mqtts", "127.0.0.1:0", server_side(pki), ListenerRequest::On::every_reactor, accept}},
                     BusyPort::is_error, std::move(done));
    });
    ASSERT_TRUE(opened) << opened.error().message;
    address = opened->front().address;
  }
  /// Whether a client that trusts only this authority gets in. The connection stays.
  bool gets_in(const security::Pki& trusted) {
    net::TlsClientOptions tls;
    tls.trusted_ca_pem = trusted.root_pem();
    net::ConnectOptions options;
    options.endpoint = address;
    options.server_name = "localhost";
    options.tls = net::make_tls_client_context(tls).value();
    auto result = on_home<Result<std::unique_ptr<net::Connection>>>(
        [&](auto done) { network.connect(threads.at(0), options, std::move(done)); });
    if (!result) return false;
    auto client = std::make_unique<Client>();
    on_home<int>([&](auto done) {
      client->connection = *std::move(result);
      client->connection->set_handler(client.get());
      done(0);
    });
    clients.push_back(std::move(client));
    return true;
  }
  void TearDown() override {
    (void)on_home<Result<void>>([&](auto done) { listeners.close(std::move(done)); });
    threads.stop();
    for (auto& lane : accepted) lane.clear();
    clients.clear();
  }
};

TEST_F(ListenersTlsTest, ANewCertificateReachesEveryReactorAndSparesOpenConnections) {
  const auto before = make_pki();
  const auto after = make_pki();
  open(*before);
  constexpr int kEach = 12;  // the kernel spreads them over the reactors
  for (int i = 0; i < kEach; ++i) EXPECT_TRUE(gets_in(*before));
  EXPECT_FALSE(gets_in(*after));
  on_home<int>([&](auto done) {
    listeners.replace_tls("another", server_side(*after));
    done(0);
  });
  EXPECT_TRUE(gets_in(*before)) << "only the named ones";
  on_home<int>([&](auto done) {
    listeners.replace_tls("mqtts", server_side(*after));
    // Behind the replacement on the other reactor, too.
    threads.at(1).post([this, done = std::move(done)]() mutable {
      threads.at(0).post([done = std::move(done)]() mutable { done(0); });
    });
  });
  for (int i = 0; i < kEach; ++i) {
    EXPECT_TRUE(gets_in(*after));
    EXPECT_FALSE(gets_in(*before));
  }
  for (const auto& client : clients) EXPECT_FALSE(client->closed);
}

}  // namespace
}  // namespace dunlin::platform
