#include "net/handshake_admission.h"

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace dunlin::net {

struct HandshakeAdmission::Waiting final : ConnectionHandler {
  Waiting(HandshakeAdmission& all, std::unique_ptr<Connection> one, Instant until)
      : owner(all), connection(std::move(one)), place_by(until) {}
  std::size_t on_data(ByteView) override { return 0; }
  // Destroys this object.
  void on_closed(CloseReason) override { owner.leave(place); }

  HandshakeAdmission& owner;
  std::unique_ptr<Connection> connection;
  Instant place_by;
  std::list<Waiting>::iterator place;
};

HandshakeAdmission::HandshakeAdmission(const ListenOptions& options, ListenerTlsRef tls, NetMetrics& metrics,
                                       AcceptHandler accept)
    : deadline_(options.handshake_deadline),
      longest_wait_(options.longest_handshake_wait),
      max_handshakes_(options.max_handshakes),
      max_waiting_(options.max_waiting_handshakes),
      tls_(std::move(tls)),
      metrics_(metrics),
      accept_(std::move(accept)),
      handshakes_(metrics, [this] { begin_next(); }) {}

HandshakeAdmission::~HandshakeAdmission() {
  metrics_.handshakes_waiting.add(-static_cast<std::int64_t>(waiting_.size()));
  if (!late_alive_.expired()) executor_->cancel(late_);
}

void HandshakeAdmission::take(std::unique_ptr<Connection> connection) {
  // Who came first goes first.
  if (waiting_.empty() && handshakes_.under_way() < max_handshakes_) return begin(std::move(connection));
  if (waiting_.size() >= max_waiting_) return refuse(*connection);
  wait(std::move(connection));
}

/// May destroy this object.
void HandshakeAdmission::begin(std::unique_ptr<Connection> connection) {
  handshakes_.begin(std::move(connection), make_tls_state(tls_->context), deadline_,
                    [this](Result<std::unique_ptr<Connection>> result) {
                      if (result) accept_(*std::move(result));
                    });
}

void HandshakeAdmission::wait(std::unique_ptr<Connection> connection) {
  executor_ = &connection->executor();
  Waiting& waiting = waiting_.emplace_back(*this, std::move(connection), executor_->now() + longest_wait_);
  waiting.place = std::prev(waiting_.end());
  waiting.connection->set_handler(&waiting);
  waiting.connection->pause_reading();
  metrics_.handshakes_waiting.add(1);
  if (late_alive_.expired()) await_deadline();
}

void HandshakeAdmission::begin_next() {
  if (waiting_.empty() || handshakes_.under_way() >= max_handshakes_) return;
  auto connection = std::move(waiting_.front().connection);
  waiting_.pop_front();
  metrics_.handshakes_waiting.add(-1);
  begin(std::move(connection));
}

/// The timer is that of who waited longest when it was set; whoever has got a place since is not here.
void HandshakeAdmission::await_deadline() {
  auto alive = std::make_shared<const bool>(true);
  late_alive_ = alive;
  const Duration left = waiting_.front().place_by - executor_->now();
  late_ = executor_->schedule(std::max(left, Duration::zero()), [this, alive = std::move(alive)]() mutable {
    alive.reset();
    drop_late();
  });
}

void HandshakeAdmission::drop_late() {
  const Instant now = executor_->now();
  while (!waiting_.empty() && waiting_.front().place_by <= now) {
    refuse(*waiting_.front().connection);
    waiting_.pop_front();
    metrics_.handshakes_waiting.add(-1);
  }
  if (!waiting_.empty()) await_deadline();
}

void HandshakeAdmission::leave(std::list<Waiting>::iterator place) {
  waiting_.erase(place);
  metrics_.handshakes_waiting.add(-1);
}

void HandshakeAdmission::refuse(const Connection& connection) {
  const Endpoint& peer = connection.peer().address;
  metrics_.handshakes_refused.add();
  metrics_.tell(RefusalKind::tls_limit, peer, "too many TLS handshakes are under way");
  log::refusal("net", "connection refused: too many TLS handshakes are under way", peer.host);
}

}  // namespace dunlin::net
