#pragma once
// TLS handshakes under way on one listener or one side of a network.

#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>

#include "net/net_metrics.h"
#include "net/network.h"
#include "net/tls_connection.h"

namespace dunlin::net {

/// Owns the connections until their handshake is complete, has failed (and its alert is sent) or has passed
/// its deadline. Destroying it breaks those under way without calling anyone. The connections' thread only.
class TlsHandshakes {
 public:
  using Done = std::move_only_function<void(Result<std::unique_ptr<Connection>>)>;

  /// `ended` is called when one fewer is under way; it may begin another.
  explicit TlsHandshakes(NetMetrics& metrics, std::function<void()> ended = {});
  ~TlsHandshakes();

  /// Calls `done` once. Failures are counted, and written as refusals where this side is the server.
  /// Errors: unauthenticated (with OpenSSL's reason), timed_out, unavailable (the peer went away).
  void begin(std::unique_ptr<Connection> inner, std::unique_ptr<TlsState> state, Duration deadline,
             Done done);
  std::size_t under_way() const { return handshakes_.size(); }

 private:
  struct Handshake;
  void finished(std::uint64_t id, Result<void> result);
  void timed_out(std::uint64_t id);
  void report_failure(Handshake& handshake, Error error);
  std::unique_ptr<Handshake> let_go(std::uint64_t id);

  NetMetrics& metrics_;
  std::function<void()> ended_;
  std::uint64_t next_id_ = 1;
  std::unordered_map<std::uint64_t, std::unique_ptr<Handshake>> handshakes_;
};

/// What a listener's next handshakes are made under.
struct ListenerTls {
  std::shared_ptr<TlsServerContext> context;  // shared with the connections made under it
};
using ListenerTlsRef = std::shared_ptr<ListenerTls>;  // shared by a listener and its acceptor; null: plain

ListenerTlsRef listener_tls(const ListenOptions& options);
/// Puts TLS (if any) between a plain acceptor and `accept`.
AcceptHandler accept_with_tls(const ListenOptions& options, ListenerTlsRef tls, NetMetrics& metrics,
                              AcceptHandler accept);
/// The listener, able to replace what its acceptor uses.
std::unique_ptr<Listener> listener_with_tls(std::unique_ptr<Listener> listener, ListenerTlsRef tls);

/// Likewise for one connect. `begun` is when the connect began: the deadline covers both. `handshakes` must
/// outlive the connect.
ConnectHandler connect_with_tls(const ConnectOptions& options, Instant begun, TlsHandshakes& handshakes,
                                ConnectHandler done);

}  // namespace dunlin::net
