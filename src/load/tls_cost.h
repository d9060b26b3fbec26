#pragma once
// TLS handshakes of our own server over real sockets, beside those of plain OpenSSL in memory.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "net/openssl_yardstick.h"

namespace dunlin::load {

/// "mutual", "server-only", "resumed".
std::string_view handshake_kind_name(net::HandshakeKind kind);
inline constexpr net::HandshakeKind kHandshakeKinds[] = {
    net::HandshakeKind::mutual, net::HandshakeKind::server_only, net::HandshakeKind::resumed};

/// The same number of the same handshakes, one after the other.
struct TlsRound {
  net::HandshakeCost server;
  net::HandshakeCost in_memory;
};

/// A server on a reactor and thread of its own, as `dunlin serve` has them, with a listener that does nothing
/// but TLS, and clients on the calling thread. Both sides of the comparison show the same chains (leaf,
/// intermediate; the root is what they trust).
class TlsBench {
 public:
  /// Throws std::system_error when the kernel gives no descriptors. Errors: unavailable (no listener),
  /// internal.
  static Result<std::unique_ptr<TlsBench>> make();
  ~TlsBench();

  /// Handshakes with our server, then as many in memory. The server's cost is everything that its thread has
  /// done meanwhile, from accept(2) to close(2). Errors: internal (a handshake failed or was not of its
  /// kind), timed_out.
  Result<TlsRound> round(net::HandshakeKind kind, std::uint64_t count);

 private:
  struct Parts;
  explicit TlsBench(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

/// All rounds of one kind.
struct TlsFigures {
  net::HandshakeKind kind{};
  net::HandshakeCost server;     // of the round in the middle
  net::HandshakeCost in_memory;  // likewise
  double ratio = 0;              // median of the rounds: in memory over ours; 1: ours costs no more
};
/// `rounds` are of that kind and not empty.
TlsFigures figures_of(net::HandshakeKind kind, const std::vector<TlsRound>& rounds);

/// What the server's handshakes should reach of those in memory.
inline constexpr double kHandshakeGoal = 0.8;

/// A plain table.
std::string tls_report_text(const std::vector<TlsFigures>& figures);
/// One JSON object on one line.
std::string tls_report_json(const std::vector<TlsFigures>& figures);

}  // namespace dunlin::load
