#pragma once
// Private to TLS: OpenSSL's objects behind owners, so that its headers stay in the .cc files.

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "net/connection.h"
#include "net/crl.h"
#include "net/input_tail.h"
#include "net/network.h"

struct ssl_st;
struct ssl_ctx_st;
struct ssl_session_st;

namespace dunlin::net {

struct SslDeleter {
  void operator()(ssl_st* ssl) const;
  void operator()(ssl_ctx_st* context) const;
  void operator()(ssl_session_st* session) const;
};
using SslPointer = std::unique_ptr<ssl_st, SslDeleter>;
using SslContextPointer = std::unique_ptr<ssl_ctx_st, SslDeleter>;
using SslSessionPointer = std::unique_ptr<ssl_session_st, SslDeleter>;

/// Sessions of one server context by their id, serialised; the oldest goes when there are kMaxTlsSessions.
/// Any thread.
class TlsSessionStore {
 public:
  void put(std::string id, std::vector<std::uint8_t> session);
  /// Empty if unknown.
  std::vector<std::uint8_t> get(const std::string& id) const;
  std::size_t size() const;

 private:
  mutable std::mutex mutex_;
  std::unordered_map<std::string, std::vector<std::uint8_t>> sessions_;
  std::deque<std::string> by_age_;
};

class TlsServerContextImpl final : public TlsServerContext {
 public:
  SslContextPointer context;
  std::vector<std::uint8_t> protocols;  // ALPN's wire form, in order of preference
  std::vector<std::string> no_client_certificate_for;
  const Clock* clock = nullptr;
  StaleCrl stale_crl = StaleCrl::refuse;
  TlsSessionStore sessions;
};

class TlsClientContextImpl final : public TlsClientContext {
 public:
  SslContextPointer context;
  const Clock* clock = nullptr;

  void put_session(const std::string& server, SslSessionPointer session);
  /// Each session is used once.
  SslSessionPointer take_session(const std::string& server);

 private:
  std::mutex mutex_;
  std::map<std::string, SslSessionPointer> sessions_;
};

/// ALPN's wire form. Names of 1..255 bytes; others are left out.
std::vector<std::uint8_t> encode_protocols(const std::vector<std::string>& names);

/// Everything of a TLS stream that travels with it from thread to thread.
struct TlsState {
  // Shared by all connections made under a context: it must outlive each of them, also after its replacement.
  std::shared_ptr<TlsServerContextImpl> server;
  std::shared_ptr<TlsClientContextImpl> client;
  SslPointer ssl;
  std::string session_key;  // client: which server a session belongs to

  // What the BIO works on.
  ByteView input;  // cipher text of the present on_data
  Connection* inner = nullptr;

  InputTail unread;
  std::vector<std::uint8_t> gathered;  // plain bytes of this turn, not yet encrypted
  std::size_t max_unconsumed = 64 * 1024;
  PeerInfo peer;
};

/// Null if OpenSSL is out of memory.
std::unique_ptr<TlsState> make_tls_state(std::shared_ptr<TlsServerContext> context);
std::unique_ptr<TlsState> make_tls_state(const ConnectOptions& options);

/// Why the last OpenSSL call of this thread failed, in words.
std::string describe_tls_failure(const TlsState& state);

/// Fills state.peer once the handshake is complete. Errors: unauthenticated (a resumed session whose
/// certificate has expired meanwhile).
Result<void> complete_tls_state(TlsState& state);
/// Lets go of the client's chain, which the session would keep for as long as the connection lives.
void drop_tls_peer_chain(TlsState& state);

}  // namespace dunlin::net
