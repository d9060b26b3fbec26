#pragma once
// Keys, certificates and rules for TLS. Made at start-up and again at rotation; connections keep the one they
// began with.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/core/bytes.h"
#include "base/result.h"

namespace dunlin::net {

enum class ClientCertificate { none, requested, required };

struct TlsServerOptions {
  std::string certificate_chain_pem;  // leaf first, then intermediates
  std::string private_key_pem;        // or a URI of a key in a token: keys::load_private_key()
  std::string client_ca_pem;          // trust anchors for client certificates; may hold several
  ClientCertificate client_certificate = ClientCertificate::none;
  std::vector<std::string> application_protocols;  // in order of preference, e.g. {"mqtt", "http/1.1"}
  /// Protocols whose clients are not asked for a certificate, whatever client_certificate says: a browser
  /// would ask its user to choose one.
  std::vector<std::string> no_client_certificate_for;
  const Clock* clock = nullptr;  // certificate validity is judged by this clock; null: the system's
  /// Whether a client's certificate (DER) is taken whatever its chain, its dates and revocation lists say;
  /// its key must have 112 bits of security all the same. Asked in handshakes, on any thread. Null: none is.
  std::function<bool(ByteView der)> pinned{};
};

struct TlsClientOptions {
  std::string trusted_ca_pem;
  std::string certificate_chain_pem;  // empty: no client certificate
  std::string private_key_pem;
  const Clock* clock = nullptr;
};

/// TLS 1.2 (AEAD suites with forward secrecy) and 1.3, stateful session resumption. Opaque; any thread.
class TlsServerContext {
 public:
  virtual ~TlsServerContext() = default;
};
class TlsClientContext {
 public:
  virtual ~TlsClientContext() = default;
};

/// Errors: malformed (PEM), invalid_argument (key and certificate do not belong together).
Result<std::shared_ptr<TlsServerContext>> make_tls_server_context(const TlsServerOptions& options);
Result<std::shared_ptr<TlsClientContext>> make_tls_client_context(const TlsClientOptions& options);

}  // namespace dunlin::net
