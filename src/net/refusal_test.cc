// What listeners refuse is told with its kind and its address: certificates by what is wrong with them, other
// handshakes, addresses that come too often.
#include <gmock/gmock.h>

#include "base/virtual_executor.h"
#include "net/rate_acceptor.h"
#include "net/test_support.h"
#include "net/tls_context.h"
#include "net/tls_test_pki.h"
#include "net/virtual_network.h"

namespace dunlin::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::Identity;
using testing::ElementsAre;

struct Told final : RefusalSink {
  void refused(const Refusal& refusal) override {
    lines.push_back(std::string(refusal_kind_name(refusal.kind)) + " " + std::string(refusal.address));
    reasons.emplace_back(refusal.reason);
  }
  std::vector<std::string> lines;
  std::vector<std::string> reasons;
};

/// One handshake over loopback with a server that asks for a certificate of `trusted`.
class TlsRefusalTest : public testing::Test {
 protected:
  void listen(Duration deadline = seconds{5}) {
    TlsServerOptions options;
    const Identity server = test::make_identity(trusted_, "server.test");
    options.certificate_chain_pem = server.certificate_pem;
    options.private_key_pem = server.key_pem;
    options.client_certificate = ClientCertificate::required;
    options.client_ca_pem = trusted_.certificate_pem;
    ListenOptions listen = test::on_loopback();
    listen.tls = *make_tls_server_context(options);
    listen.handshake_deadline = deadline;
    listener_ = *network_.listen(reactor_, std::move(listen),
                                 [this](std::unique_ptr<Connection> c) { server_.take(std::move(c)); });
  }
  void come(const Identity* shown) {
    TlsClientOptions options;
    options.trusted_ca_pem = trusted_.certificate_pem;
    if (shown != nullptr) {
      options.certificate_chain_pem = shown->certificate_pem;
      options.private_key_pem = shown->key_pem;
    }
    ConnectOptions connect = test::to(listener_->local());
    connect.tls = *make_tls_client_context(options);
    connect.server_name = "server.test";
    open(std::move(connect));
    EXPECT_TRUE(test::run_until(reactor_, [this] { return !told_.lines.empty() || server_.connection; }));
  }
  void open(ConnectOptions connect) {
    network_.connect(reactor_, std::move(connect), [this](Result<std::unique_ptr<Connection>> result) {
      if (result) client_.take(*std::move(result));
    });
  }

  const Identity trusted_ = test::make_authority("Test Root");
  Told told_;
  Reactor reactor_;
  ThreadWorkerPool workers_{1};
  metrics::Registry registry_;
  EpollNetwork network_{{&reactor_}, workers_, registry_, {}, &told_};
  std::unique_ptr<Listener> listener_;
  test::Recorder server_;
  test::Recorder client_;
};

TEST_F(TlsRefusalTest, ACertificateOfAStrangersAuthority) {
  listen();
  const Identity stranger = test::make_identity(test::make_authority("Other Root"), "press-01");
  come(&stranger);
  EXPECT_THAT(told_.lines, ElementsAre("certificate_authority 127.0.0.1"));
}

TEST_F(TlsRefusalTest, ACertificateThatIsOutOfDate) {
  listen();
  const Identity old = test::make_identity(
      trusted_, "press-01", {WallTime{seconds{1'500'000'000}}, WallTime{seconds{1'500'100'000}}});
  come(&old);
  EXPECT_THAT(told_.lines, ElementsAre("certificate_expired 127.0.0.1"));
  EXPECT_THAT(told_.reasons, ElementsAre(testing::HasSubstr("expired")));
}

TEST_F(TlsRefusalTest, NoCertificateWhereOneIsNeeded) {
  listen();
  come(nullptr);
  EXPECT_THAT(told_.lines, ElementsAre("tls_failed 127.0.0.1"));
}

TEST_F(TlsRefusalTest, WhoIsLetInIsNotTold) {
  listen();
  const Identity press = test::make_identity(trusted_, "press-01");
  come(&press);
  EXPECT_TRUE(server_.connection);
  EXPECT_TRUE(told_.lines.empty());
}

TEST_F(TlsRefusalTest, BytesThatAreNoHandshakeAndOneThatIsLate) {
  listen(milliseconds{50});
  open(test::to(listener_->local()));
  EXPECT_TRUE(test::run_until(reactor_, [this] { return !told_.lines.empty(); }));
  EXPECT_THAT(told_.lines, ElementsAre("tls_timeout 127.0.0.1"));
  told_.lines.clear();
  open(test::to(listener_->local()));
  EXPECT_TRUE(test::run_until(reactor_, [this] { return client_.connection != nullptr; }));
  client_.connection->write("GET / HTTP/1.1\r\n\r\n");
  EXPECT_TRUE(test::run_until(reactor_, [this] { return !told_.lines.empty(); }));
  EXPECT_EQ(told_.lines.front(), "tls_failed 127.0.0.1");
}

TEST(ListenerRefusals, TooManyConnectionsOfAnAddress) {
  VirtualClock clock;
  VirtualScheduler scheduler(clock);
  VirtualExecutor executor(scheduler);
  SeededRng rng(1);
  metrics::Registry registry;
  VirtualNetwork network(scheduler, rng, registry);
  Told told;
  NetMetrics metrics(registry, &told);
  const auto limiter = std::make_shared<ConnectionLimiter>(ConnectionRate{0, 2});
  std::vector<std::unique_ptr<Connection>> taken;
  AcceptHandler accept = [&taken](std::unique_ptr<Connection> c) { taken.push_back(std::move(c)); };
  accept = accept_within_rate(limiter, metrics, std::move(accept));
  auto listener = network.host("broker").listen(
      executor, {.endpoint = {"broker", 1883}, .tls = {}},
      [&accept](std::unique_ptr<Connection> connection) { accept(std::move(connection)); });
  ASSERT_TRUE(listener);
  std::vector<std::unique_ptr<Connection>> clients;
  for (int i = 0; i < 3; ++i) {
    network.host("device").connect(executor, test::to({"broker", 1883}),
                                   [&clients](Result<std::unique_ptr<Connection>> result) {
                                     if (result) clients.push_back(*std::move(result));
                                   });
  }
  scheduler.run_for(seconds{1});
  EXPECT_EQ(taken.size(), 2U);
  EXPECT_THAT(told.lines, ElementsAre("connection_rate device"));
  taken.clear();
  clients.clear();
}

}  // namespace
}  // namespace dunlin::net
