#pragma once
// Private to TLS: what a server remembers of its sessions.

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/clock.h"

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

/// The client's leaf certificate of a session. OpenSSL would decode it anew for each resumption, most of all
/// its key, which costs more than the rest of the handshake: it is kept apart from the session.
struct SessionCertificate {
  std::vector<std::uint8_t> der;  // empty: none was shown
  WallTime not_after{};
};

/// Sessions of one server context by their id; the oldest goes when there are kMaxTlsSessions. A session
/// whose connection is there is that connection's own; of one that has gone a serialised copy is left. So no
/// other connection ever works on the same object. Any thread.
class TlsSessionStore {
 public:
  using Bytes = std::vector<std::uint8_t>;
  struct Kept {
    Bytes session;  // serialised, without its certificate; empty: unknown
    SessionCertificate certificate;
  };

  /// Shares the session with the connection that has made it. `resumed` is the certificate of the session
  /// that it follows, if any. False for an id that no server gives.
  bool put(std::span<const std::uint8_t> id, SslSessionPointer session, SessionCertificate resumed = {});
  Kept get(std::span<const std::uint8_t> id) const;
  /// The connection goes: what it shares becomes a copy.
  void let_go(const ssl_session_st& session);
  std::size_t size() const;

 private:
  using Id = std::array<std::uint8_t, 32>;  // shorter ones are padded
  struct IdHash {
    std::size_t operator()(const Id& id) const noexcept;
  };
  struct Entry {
    SslSessionPointer shared;
    Kept copy;  // when it is not shared any more; before, only a certificate that `shared` does not have
  };
  static Id to_id(std::span<const std::uint8_t> id);
  static Kept copy_of(const Entry& entry);

  mutable std::mutex mutex_;
  std::unordered_map<Id, Entry, IdHash> sessions_;
  std::deque<const Id*> by_age_;  // the keys above
};

}  // namespace dunlin::net
