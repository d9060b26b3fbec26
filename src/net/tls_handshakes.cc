#include "net/tls_handshakes.h"

#include <utility>

#include "base/log.h"
#include "net/handshake_admission.h"

namespace dunlin::net {

struct TlsHandshakes::Handshake final : ConnectionHandler {
  Handshake(TlsHandshakes& all, std::uint64_t number) : owner(all), id(number) {}
  std::size_t on_data(ByteView bytes) override { return bytes.size(); }
  // A failed one has said its last word. Destroys this object.
  void on_closed(CloseReason) override { owner.let_go(id); }

  TlsHandshakes& owner;
  std::uint64_t id;
  std::unique_ptr<TlsConnection> connection;
  Executor* executor = nullptr;
  // The timer's task holds the other half: when its executor is gone, so is the timer.
  std::weak_ptr<const bool> deadline_alive;
  TimerId deadline;
  Done done;
  bool is_server = false;
};

TlsHandshakes::TlsHandshakes(NetMetrics& metrics, std::function<void()> ended)
    : metrics_(metrics), ended_(std::move(ended)) {}

TlsHandshakes::~TlsHandshakes() {
  for (auto& [id, handshake] : handshakes_) {
    if (!handshake->deadline_alive.expired()) handshake->executor->cancel(handshake->deadline);
  }
}

void TlsHandshakes::begin(std::unique_ptr<Connection> inner, std::unique_ptr<TlsState> state,
                          Duration deadline, Done done) {
  if (state == nullptr) return done(fail(Errc::unavailable, "no memory for a TLS connection"));
  const std::uint64_t id = next_id_++;
  auto made = std::make_unique<Handshake>(*this, id);
  Handshake& handshake = *made;
  handshakes_.emplace(id, std::move(made));
  handshake.is_server = state->server != nullptr;
  handshake.executor = &inner->executor();
  handshake.done = std::move(done);
  const auto alive = std::make_shared<const bool>(true);
  handshake.deadline_alive = alive;
  handshake.deadline = handshake.executor->schedule(deadline, [this, id, alive] { timed_out(id); });
  handshake.connection = std::make_unique<TlsConnection>(std::move(inner), std::move(state));
  handshake.connection->handshake([this, id](Result<void> result) { finished(id, std::move(result)); });
}

// Nothing of this object may be touched after a call of `done`: it may have destroyed the listener.
void TlsHandshakes::finished(std::uint64_t id, Result<void> result) {
  const auto found = handshakes_.find(id);
  if (found == handshakes_.end()) return;
  Handshake& handshake = *found->second;
  handshake.executor->cancel(std::exchange(handshake.deadline, TimerId{}));
  if (!result) return report_failure(handshake, std::move(result).error());
  metrics_.handshakes.add();
  if (handshake.connection->resumed()) metrics_.handshakes_resumed.add();
  const auto owned = let_go(id);
  owned->done(std::unique_ptr<Connection>(std::move(owned->connection)));
}

void TlsHandshakes::timed_out(std::uint64_t id) {
  const auto owned = let_go(id);
  owned->deadline = {};
  report_failure(*owned, Error{Errc::timed_out, "the TLS handshake passed its deadline"});
}

std::unique_ptr<TlsHandshakes::Handshake> TlsHandshakes::let_go(std::uint64_t id) {
  auto owned = std::move(handshakes_.at(id));
  handshakes_.erase(id);
  if (ended_) ended_();
  return owned;
}

void TlsHandshakes::report_failure(Handshake& handshake, Error error) {
  metrics_.handshake_failures.add();
  if (handshake.is_server) {
    // The reason is part of the message, so that each kind is seen once a minute.
    const Endpoint& peer = handshake.connection->peer().address;
    const bool late = error.code == Errc::timed_out;
    const RefusalKind kind = late ? RefusalKind::tls_timeout : handshake.connection->failure_kind();
    // Who goes away by itself (browsers open connections ahead of need) was not refused.
    if (error.code != Errc::unavailable) metrics_.tell(kind, peer, error.message);
    log::refusal("net", "TLS handshake failed: " + error.message, peer.host);
  }
  handshake.connection->set_handler(&handshake);
  Done done = std::move(handshake.done);
  done(std::unexpected(std::move(error)));
}

namespace {

class ListenerWithTls final : public Listener {
 public:
  ListenerWithTls(std::unique_ptr<Listener> listener, ListenerTlsRef tls)
      : listener_(std::move(listener)), tls_(std::move(tls)) {}
  Endpoint local() const override { return listener_->local(); }
  void replace_tls(std::shared_ptr<TlsServerContext> tls) override { tls_->context = std::move(tls); }

 private:
  std::unique_ptr<Listener> listener_;
  ListenerTlsRef tls_;
};

}  // namespace

ListenerTlsRef listener_tls(const ListenOptions& options) {
  if (options.tls == nullptr) return nullptr;
  return std::make_shared<ListenerTls>(options.tls);
}

std::unique_ptr<Listener> listener_with_tls(std::unique_ptr<Listener> listener, ListenerTlsRef tls) {
  if (tls == nullptr) return listener;
  return std::make_unique<ListenerWithTls>(std::move(listener), std::move(tls));
}

AcceptHandler accept_with_tls(const ListenOptions& options, ListenerTlsRef tls, NetMetrics& metrics,
                              AcceptHandler accept) {
  if (tls == nullptr) return accept;
  auto admission = std::make_unique<HandshakeAdmission>(options, std::move(tls), metrics, std::move(accept));
  return [admission = std::move(admission)](std::unique_ptr<Connection> connection) {
    admission->take(std::move(connection));
  };
}

ConnectHandler connect_with_tls(const ConnectOptions& options, Instant begun, TlsHandshakes& handshakes,
                                ConnectHandler done) {
  if (options.tls == nullptr) return done;
  return [options, begun, &handshakes,
          done = std::move(done)](Result<std::unique_ptr<Connection>> result) mutable {
    if (!result) return done(std::move(result));
    const Duration left = options.deadline - ((*result)->executor().now() - begun);
    handshakes.begin(*std::move(result), make_tls_state(options), left, std::move(done));
  };
}

}  // namespace dunlin::net
