#pragma once
// Certificate revocation lists (RFC 5280 section 5), as files bring them.

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "net/tls_context.h"

namespace dunlin::net {

inline constexpr std::size_t kMaxCrlBytes = 16 * 1024 * 1024;

struct CrlInfo {
  std::string issuer;  // in one line, for logs
  WallTime this_update{};
  WallTime next_update{};  // WallTime::max() where the list names none
  std::size_t revoked = 0;
};

/// One list as DER, or any number as PEM. Nothing is said of their signatures, which the handshake checks.
/// Any thread. Errors: malformed, limit_exceeded (kMaxCrlBytes).
Result<std::vector<CrlInfo>> read_crls(std::string_view bytes);

/// What a revocation list past its next update does: its issuer's certificates are refused, or it counts on.
enum class StaleCrl { refuse, accept };

/// A list counts for the certificates of its issuer; an issuer without one is not held to have any.
struct ClientRevocation {
  std::vector<std::string> lists;  // PEM or DER each
  StaleCrl stale = StaleCrl::refuse;
};

/// What a client certificate that does not pass means where one is asked for: the end of the handshake, or
/// the same as none, so that the protocol above can say what was wrong.
enum class UnverifiedClient { refused, as_without };

/// The same as without the lists, which are asked in each full handshake. Errors besides: as read_crls().
Result<std::shared_ptr<TlsServerContext>> make_tls_server_context(
    const TlsServerOptions& options, const ClientRevocation& revocation,
    UnverifiedClient unverified = UnverifiedClient::refused);

}  // namespace dunlin::net
