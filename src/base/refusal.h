#pragma once
// What was refused, as every room tells it to whoever keeps the picture of an attack.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace dunlin {

/// The kinds, in the order in which a peer meets them. Their names are in the API and in metrics: a kind is
/// added, never renamed.
enum class RefusalKind : std::uint8_t {
  address_blocked,           // by an operator
  connection_rate,           // too many new connections in a second
  connection_limit,          // too many connections, or too many that wait
  first_bytes,               // a PROXY header, or neither of a shared port's protocols
  tls_limit,                 // too many handshakes under way
  tls_timeout,               // the handshake passed its deadline
  tls_failed,                // it failed for another reason than the client's certificate
  certificate_authority,     // of nobody who is trusted here
  certificate_expired,       // or not valid yet
  certificate_revoked,       // by this server or by a list of another authority
  certificate_invalid,       // damaged, not meant for this, or its chain is wrong
  certificate_unregistered,  // valid, but of no thing that may come in
  connect_timeout,           // no CONNECT in time
  malformed,                 // bytes that are no packet
  protocol_error,            // packets that may not follow
  packet_too_large,
  memory,     // the server is short of it
  client_id,  // not this principal's, not valid, or fought for
  no_credentials,
  password,
  second_factor,
  token,
  jwt,
  sas_token,
  identity_disabled,  // proven, but disabled, decommissioned or unknown
  penalty,            // turned away without a look, for earlier failures
  server_busy,        // too many passwords at once, or a store that does not answer
  connect_denied,     // by the policies, as are the next two
  publish_denied,
  subscribe_denied,
  publish_limit,  // too fast, or too much waits
  behaviour,      // a thing's limits of behaviour
  tamper,         // a thing says that somebody is at it
  enrolment,
  http_unauthenticated,  // 401 without any proof
  http_forbidden,        // 403
};
inline constexpr std::size_t kRefusalKinds = static_cast<std::size_t>(RefusalKind::http_forbidden) + 1;

/// "connection_rate" ...
std::string_view refusal_kind_name(RefusalKind kind);

/// One refusal. The texts live for the call; what is not known is empty. They may be anything that a peer has
/// sent, but never a secret.
struct Refusal {
  RefusalKind kind = RefusalKind::malformed;
  std::string_view address = {};  // of the peer, with or without the port
  std::string_view device = {};   // thing name or client id
  std::string_view user = {};     // user name
  std::string_view reason = {};
  /// Whether `device` is proven, or only what the peer calls itself.
  enum class Identity : std::uint8_t { claimed, proven } identity = Identity::claimed;
};

/// Any thread; must not block, nor call back.
class RefusalSink {
 public:
  virtual ~RefusalSink() = default;
  virtual void refused(const Refusal& refusal) = 0;
};

}  // namespace dunlin
