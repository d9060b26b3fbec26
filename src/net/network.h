#pragma once
// Opening and accepting connections, real or virtual. Composed once by platform, edge, fleet or the
// simulator.

#include <functional>
#include <memory>
#include <string>

#include "net/address_blocks.h"
#include "net/address_guard.h"
#include "net/address_range.h"
#include "net/connection.h"
#include "net/connection_rate.h"
#include "net/tls_context.h"

namespace dunlin::net {

/// An open listener; destroying it stops accepting. Connections already accepted live on.
class Listener {
 public:
  virtual ~Listener() = default;
  /// The address in use (the port that was found, where port 0 was asked for).
  virtual Endpoint local() const = 0;
  /// Handshakes that begin from now on are made under `tls` (never null); connections and handshakes that
  /// have begun keep theirs. A plain listener stays plain. Executor's thread only.
  virtual void replace_tls(std::shared_ptr<TlsServerContext> /*tls*/) {}
};

using AcceptHandler = std::move_only_function<void(std::unique_ptr<Connection>)>;
using ConnectHandler = std::move_only_function<void(Result<std::unique_ptr<Connection>>)>;

/// A listener behind a load balancer: each connection begins with a PROXY header (version 1 or 2), before
/// TLS. Peers outside `trusted`, and headers that are bad, missing or late, are refused.
struct ProxyProtocol {
  std::vector<AddressRange> trusted;
  Duration deadline = std::chrono::seconds{5};
  /// Connections that may wait for their header at once on this listener; more are refused.
  std::size_t max_waiting = 1024;
};

struct ListenOptions {
  Endpoint endpoint;
  std::shared_ptr<TlsServerContext>
      tls;  // null: plain. Shared by every connection made under it, also after its replacement.
  int backlog = 4096;
  Duration handshake_deadline = std::chrono::seconds{5};
  /// Half-open handshakes allowed at once on this listener; more wait.
  std::size_t max_handshakes = 1024;
  /// Connections that may wait for a handshake at once, and for how long each; others are refused. Enough for
  /// a fleet that comes back at once: who is refused comes again, and has cost the time of a handshake.
  std::size_t max_waiting_handshakes = 16'384;
  Duration longest_handshake_wait = std::chrono::seconds{20};
  /// Null: connections may come at any rate. Shared by the listeners of one port on all reactors, which it
  /// counts together. Judged by the address that a PROXY header names.
  std::shared_ptr<ConnectionLimiter> limiter = nullptr;
  /// Whose connections are closed at once; null: nobody's. Judged by the same address.
  std::shared_ptr<const AddressBlocks> blocks = nullptr;
  /// Who may use a Unix socket, as chmod(2) has it.
  unsigned unix_mode = 0660;
  /// Real networks and TCP only.
  std::optional<ProxyProtocol> proxy_protocol = std::nullopt;
};

struct ConnectOptions {
  Endpoint endpoint;
  std::shared_ptr<TlsClientContext> tls;  // null: plain
  std::string server_name;                // for SNI and for the check of the certificate's name
  std::vector<std::string> application_protocols;
  Duration deadline = std::chrono::seconds{10};
  /// Judges the addresses that `endpoint` means; null: any may be connected to. Shared by who connects for
  /// others.
  std::shared_ptr<const AddressGuard> guard = nullptr;
};

class Network {
 public:
  virtual ~Network() = default;
  /// Accepts on `executor`; with several reactors, call once for each (they share the port through
  /// SO_REUSEPORT). `accept` gets connections whose TLS handshake is complete. Executor's thread only.
  /// Errors: unavailable (address in use), permission_denied, invalid_argument (no address to listen on).
  virtual Result<std::unique_ptr<Listener>> listen(Executor& executor, ListenOptions options,
                                                   AcceptHandler accept) = 0;
  /// Calls `done` on `executor` exactly once, later. Host names are resolved on the worker pool. Executor's
  /// thread only. Errors: not_found (no such host), unavailable, timed_out, unauthenticated (TLS),
  /// permission_denied (the guard lets no address of the host through).
  virtual void connect(Executor& executor, ConnectOptions options, ConnectHandler done) = 0;
};

}  // namespace dunlin::net
