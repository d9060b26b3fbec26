#include "load/tls_cost.h"

#include <sched.h>

#include <algorithm>
#include <future>
#include <map>
#include <thread>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "base/cpu_time.h"
#include "base/metrics.h"
#include "load/fleet_pki.h"
#include "load/limits.h"
#include "net/epoll_network.h"
#include "net/reactor_threads.h"
#include "net/tls_sessions.h"
#include "net/worker_pool.h"

namespace dunlin::load {
namespace {

using net::HandshakeKind;

/// Connections whose handshake is complete; each gets one byte, and goes when its client does.
class Guests {
 public:
  void take(std::unique_ptr<net::Connection> connection) {
    const std::uint64_t number = next_++;
    auto guest = std::make_unique<Guest>(*this, number, std::move(connection));
    guest->greet();
    guests_.emplace(number, std::move(guest));
  }
  bool empty() const { return guests_.empty(); }

 private:
  class Guest final : public net::ConnectionHandler {
   public:
    Guest(Guests& all, std::uint64_t number, std::unique_ptr<net::Connection> connection)
        : all_(all), number_(number), connection_(std::move(connection)) {}
    void greet() {
      connection_->set_handler(this);
      connection_->settle();
      connection_->write(std::string_view("+"));
    }
    std::size_t on_data(ByteView bytes) override { return bytes.size(); }
    void on_closed(net::CloseReason) override { all_.guests_.erase(number_); }

   private:
    Guests& all_;
    const std::uint64_t number_;
    std::unique_ptr<net::Connection> connection_;
  };

  std::uint64_t next_ = 0;
  std::unordered_map<std::uint64_t, std::unique_ptr<Guest>> guests_;
};

/// One client at a time; it waits for the byte, behind which its ticket has come, and connects again.
class Lane final : public net::ConnectionHandler {
 public:
  using Ended = std::function<void(Result<void>)>;  // of one handshake

  Lane(net::Network& network, net::Reactor& reactor, net::ConnectOptions options, HandshakeKind kind)
      : network_(network), reactor_(reactor), options_(std::move(options)), kind_(kind) {}

  void run(std::uint64_t count, Ended ended) {
    left_ = count;
    ended_ = std::move(ended);
    next();
  }

  void stop() {
    left_ = 0;
    leave();
  }

 private:
  /// Without a goodbye, so that no port stays in TIME_WAIT.
  void leave() {
    if (connection_ == nullptr) return;
    connection_->set_handler(nullptr);
    connection_->abort();
    connection_.reset();
  }
  void next() {
    leave();
    if (left_ == 0) return;
    --left_;
    if (kind_ != HandshakeKind::resumed) net::forget_tls_sessions(*options_.tls);
    network_.connect(reactor_, options_, [this](Result<std::unique_ptr<net::Connection>> made) {
      if (!made) return ended_(std::unexpected(made.error()));
      connection_ = *std::move(made);
      connection_->set_handler(this);
    });
  }
  std::size_t on_data(ByteView bytes) override {
    // From a later turn: a connection may not go inside on_data() of its own TLS. After the last one nothing
    // may be left to run, since the reactor stops here and goes on with the next round.
    if (left_ > 0) reactor_.post([this] { next(); });
    ended_({});
    return bytes.size();
  }
  void on_closed(net::CloseReason) override { ended_(fail(Errc::internal, "the server ended a connection")); }

  net::Network& network_;
  net::Reactor& reactor_;
  const net::ConnectOptions options_;
  const HandshakeKind kind_;
  std::unique_ptr<net::Connection> connection_;
  std::uint64_t left_ = 0;
  Ended ended_;
};

/// A byte for the clients does not stop the server in the middle of a handshake: they would not be on its
/// core. Without effect where the system does not allow it.
void let_others_finish() {
  constexpr sched_param kNone{};
  std::ignore = ::sched_setscheduler(0, SCHED_BATCH, &kNone);
}

}  // namespace

std::string_view handshake_kind_name(HandshakeKind kind) {
  switch (kind) {
    case HandshakeKind::mutual:
      return "mutual";
    case HandshakeKind::server_only:
      return "server-only";
    case HandshakeKind::resumed:
      return "resumed";
  }
  return "unknown";
}

struct TlsBench::Parts {
  explicit Parts(net::HandshakeParties shown) : parties(std::move(shown)) {}
  ~Parts() { server_threads.stop(); }

  Result<void> listen();
  Result<std::unique_ptr<net::Listener>> open(net::ClientCertificate asked);
  Result<void> make_lanes();
  Result<net::HandshakeCost> our_handshakes(HandshakeKind kind, std::uint64_t count);
  Result<void> shake_hands(HandshakeKind kind, std::uint64_t count);
  /// On the server's thread.
  template <class Read>
  auto at_server(Read read) {
    std::promise<decltype(read())> answer;
    auto future = answer.get_future();
    server_threads.at(0).post([&] { answer.set_value(read()); });
    return future.get();
  }

  const net::HandshakeParties parties;
  metrics::Registry server_metrics;
  metrics::Registry client_metrics;
  net::ThreadWorkerPool workers{1};
  net::ReactorThreads server_threads{1};
  net::EpollNetwork server_network{server_threads.all(), workers, server_metrics};
  Guests guests;
  std::unique_ptr<net::Listener> mutual;
  std::unique_ptr<net::Listener> anyone;
  net::Reactor reactor;
  net::EpollNetwork network{{&reactor}, workers, client_metrics};
  std::map<HandshakeKind, std::vector<std::unique_ptr<Lane>>> lanes;
  std::unique_ptr<net::OpensslYardstick> yardstick;
};

Result<std::unique_ptr<net::Listener>> TlsBench::Parts::open(net::ClientCertificate asked) {
  net::TlsServerOptions tls;
  tls.certificate_chain_pem = parties.server_chain_pem;
  tls.private_key_pem = parties.server_key_pem;
  tls.client_ca_pem = parties.root_pem;
  tls.client_certificate = asked;
  net::ListenOptions options;
  options.endpoint = {"127.0.0.1", 0};
  DUNLIN_TRY(options.tls, net::make_tls_server_context(tls));
  return server_network.listen(server_threads.at(0), std::move(options),
                               [this](auto connection) { guests.take(std::move(connection)); });
}

Result<void> TlsBench::Parts::listen() {
  DUNLIN_TRY(mutual, open(net::ClientCertificate::required));
  DUNLIN_TRY(anyone, open(net::ClientCertificate::none));
  server_threads.start();
  return {};
}

Result<void> TlsBench::Parts::make_lanes() {
  for (const HandshakeKind kind : kHandshakeKinds) {
    for (std::size_t i = 0; i < kTlsBenchLanes; ++i) {
      net::TlsClientOptions tls;
      tls.trusted_ca_pem = parties.root_pem;
      tls.certificate_chain_pem = parties.client_chain_pem;
      tls.private_key_pem = parties.client_key_pem;
      net::ConnectOptions options;
      options.endpoint = (kind == HandshakeKind::server_only ? anyone : mutual)->local();
      DUNLIN_TRY(options.tls, net::make_tls_client_context(tls));
      lanes[kind].push_back(std::make_unique<Lane>(network, reactor, std::move(options), kind));
    }
  }
  return {};
}

/// `count` on each of the lanes.
Result<void> TlsBench::Parts::shake_hands(HandshakeKind kind, std::uint64_t count) {
  auto& some = lanes.at(kind);
  std::uint64_t left = count * some.size();
  Result<void> outcome;
  TimerId limit;
  // Inside the loop: while it rests, its clock does.
  reactor.post([&] {
    limit = reactor.schedule(kTlsBenchPatience, [&] {
      outcome = fail(Errc::timed_out, "the handshakes take too long");
      reactor.stop();
    });
    for (const auto& lane : some) {
      lane->run(count, [&](Result<void> ended) {
        if (!ended) outcome = std::move(ended);
        if (!outcome || --left == 0) reactor.stop();
      });
    }
  });
  reactor.run();
  reactor.cancel(limit);
  for (const auto& lane : some) lane->stop();
  return outcome;
}

Result<net::HandshakeCost> TlsBench::Parts::our_handshakes(HandshakeKind kind, std::uint64_t count) {
  // What is to be resumed has to be there.
  if (kind == HandshakeKind::resumed) DUNLIN_CHECK(shake_hands(kind, 1));
  const std::uint64_t each = std::max<std::uint64_t>(1, count / kTlsBenchLanes);
  const double resumed_before = server_metrics.value("dunlin_net_tls_resumed_total");
  const Duration before = at_server(thread_cpu_time);
  DUNLIN_CHECK(shake_hands(kind, each));
  while (!at_server([this] { return guests.empty(); })) std::this_thread::yield();
  net::HandshakeCost cost{each * kTlsBenchLanes, at_server(thread_cpu_time) - before};
  const double resumed = server_metrics.value("dunlin_net_tls_resumed_total") - resumed_before;
  const double wanted = kind == HandshakeKind::resumed ? static_cast<double>(cost.handshakes) : 0.0;
  if (resumed < wanted || resumed > wanted)
    return fail(Errc::internal, "a session was not resumed by the server");
  return cost;
}

TlsBench::TlsBench(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
TlsBench::~TlsBench() = default;

Result<std::unique_ptr<TlsBench>> TlsBench::make() {
  SystemRng rng;
  DUNLIN_TRY(const FleetPki pki, FleetPki::make(rng));
  DUNLIN_TRY(Identity server, pki.server());
  DUNLIN_TRY(Identity device, pki.device("device"));
  auto parts = std::make_unique<Parts>(
      net::HandshakeParties{std::move(server.chain_pem), std::move(server.key_pem),
                            std::move(device.chain_pem), std::move(device.key_pem), pki.root_pem()});
  DUNLIN_TRY(parts->yardstick, net::OpensslYardstick::make(parts->parties));
  DUNLIN_CHECK(parts->listen());
  DUNLIN_CHECK(parts->make_lanes());
  let_others_finish();
  return std::unique_ptr<TlsBench>(new TlsBench(std::move(parts)));  // NOLINT: private constructor
}

Result<TlsRound> TlsBench::round(HandshakeKind kind, std::uint64_t count) {
  TlsRound round;
  DUNLIN_TRY(round.server, parts_->our_handshakes(kind, count));
  DUNLIN_TRY(round.in_memory, parts_->yardstick->measure(kind, round.server.handshakes));
  return round;
}

}  // namespace dunlin::load
