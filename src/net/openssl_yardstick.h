#pragma once
// What a TLS handshake costs a server at least: plain OpenSSL on both sides, in memory, with nothing around
// it. The measure that our own server is held against.

#include <cstdint>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/result.h"

namespace dunlin::net {

enum class HandshakeKind : std::uint8_t {
  mutual,       // both sides show a chain and prove their key
  server_only,  // the client shows none
  resumed,      // of a session that a mutual handshake made
};

/// Both sides of a handshake, PEM. Chains are leaf first, then intermediates.
struct HandshakeParties {
  std::string server_chain_pem;
  std::string server_key_pem;
  std::string client_chain_pem;
  std::string client_key_pem;
  std::string root_pem;  // what both trust
};

struct HandshakeCost {
  std::uint64_t handshakes = 0;
  Duration cpu{};  // of the server's side alone

  double microseconds() const;  // of one handshake; 0 without any
  double per_second() const;    // of that CPU time; 0 without any
};

/// Two contexts of OpenSSL with its defaults, but for one session ticket instead of two, as our server gives.
/// One thread.
class OpensslYardstick {
 public:
  /// Errors: malformed (PEM), invalid_argument (key and certificate do not belong together).
  static Result<std::unique_ptr<OpensslYardstick>> make(const HandshakeParties& parties);
  ~OpensslYardstick();

  /// `count` handshakes of TLS 1.3, one after the other, each followed by the ticket and one byte from the
  /// server. Counts the server's object from its making to its end. Errors: internal (one failed, or was not
  /// of that kind).
  Result<HandshakeCost> measure(HandshakeKind kind, std::uint64_t count);

 private:
  struct Contexts;
  explicit OpensslYardstick(std::unique_ptr<Contexts> contexts);
  std::unique_ptr<Contexts> contexts_;
};

}  // namespace dunlin::net
