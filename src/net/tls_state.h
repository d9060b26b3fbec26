#pragma once
// Private to TLS: OpenSSL's objects behind owners, so that its headers stay in the .cc files.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/refusal.h"
#include "net/connection.h"
#include "net/crl.h"
#include "net/input_tail.h"
#include "net/limits.h"
#include "net/network.h"
#include "net/tls_session_store.h"

namespace dunlin::net {

class TlsServerContextImpl final : public TlsServerContext {
 public:
  SslContextPointer context;
  std::vector<std::uint8_t> protocols;  // ALPN's wire form, in order of preference
  std::vector<std::string> no_client_certificate_for;
  const Clock* clock = nullptr;
  StaleCrl stale_crl = StaleCrl::refuse;
  UnverifiedClient unverified = UnverifiedClient::refused;
  std::function<bool(ByteView der)> pinned;
  TlsSessionStore sessions;
};

class TlsClientContextImpl final : public TlsClientContext {
 public:
  SslContextPointer context;
  const Clock* clock = nullptr;

  void put_session(const std::string& server, SslSessionPointer session);
  /// Each session is used once.
  SslSessionPointer take_session(const std::string& server);
  void forget_sessions();

 private:
  std::mutex mutex_;
  std::map<std::string, SslSessionPointer> sessions_;
};

/// Errors: malformed, limit_exceeded, invalid_argument (key and certificate do not belong together).
Result<void> use_tls_identity(ssl_ctx_st* context, const std::string& chain_pem, const std::string& key_pem);
/// What the other side's chain has to lead to. Errors: malformed, limit_exceeded.
Result<void> trust_tls_anchors(ssl_ctx_st* context, const std::string& pem);

/// ALPN's wire form. Names of 1..255 bytes; others are left out.
std::vector<std::uint8_t> encode_protocols(const std::vector<std::string>& names);

/// What only a client has.
struct TlsClientPart {
  std::shared_ptr<TlsClientContextImpl> context;  // shared: as TlsState::server
  std::string session_key;                        // which server a session belongs to
  SslSessionPointer offered = nullptr;            // to be resumed
};

/// Everything of a TLS stream that travels with it from thread to thread.
struct TlsState {
  TlsState() = default;
  TlsState(const TlsState&) = delete;
  TlsState& operator=(const TlsState&) = delete;
  ~TlsState();

  // Shared by all connections made under a context: it must outlive each of them, also after its replacement.
  std::shared_ptr<TlsServerContextImpl> server;
  std::unique_ptr<TlsClientPart> client;  // null: this is the server's side
  SslPointer ssl;
  SessionCertificate resumed;  // of the session that a client of this server wants to resume

  // What the BIO works on.
  ByteView input;  // cipher text of the present on_data
  Connection* inner = nullptr;

  InputTail unread;
  std::vector<std::uint8_t> gathered;  // plain bytes of this turn, not yet encrypted
  std::uint32_t max_unconsumed = kDefaultMaxUnconsumed;
  std::unique_ptr<PeerInfo> peer;  // made when someone asks
};

/// Null if OpenSSL is out of memory.
std::unique_ptr<TlsState> make_tls_state(std::shared_ptr<TlsServerContext> context);
std::unique_ptr<TlsState> make_tls_state(const ConnectOptions& options);

/// All streams of a thread share one BIO. It works for this one during a call of OpenSSL.
class TlsBioScope {
 public:
  explicit TlsBioScope(TlsState& state);
  ~TlsBioScope();
  TlsBioScope(const TlsBioScope&) = delete;
  TlsBioScope& operator=(const TlsBioScope&) = delete;

 private:
  TlsState* outer_;
};

/// Why the last OpenSSL call of this thread failed, in words.
std::string describe_tls_failure(const TlsState& state);

/// Why a handshake failed: what the verdict on the peer's certificate says, or else tls_failed.
RefusalKind tls_failure_kind(const TlsState& state);

/// The stream has come to this thread and uses its BIO.
void use_thread_bio(TlsState& state);

/// What is known of the other side.
const PeerInfo& describe_tls_peer(TlsState& state);
/// Reads the peer's certificate once the handshake is complete. Errors: unauthenticated (a resumed session
/// whose certificate has expired meanwhile).
Result<void> complete_tls_state(TlsState& state);
/// Lets go of what OpenSSL would keep of a server's handshake for as long as the connection lives: the
/// client's chain and the keys.
void forget_tls_handshake(TlsState& state);

}  // namespace dunlin::net
