#pragma once
// http: and https: URLs (RFC 9110 section 4.2, RFC 3986).

#include <string>
#include <string_view>

#include "base/result.h"
#include "net/connection.h"

namespace dunlin::net::http {

inline constexpr std::size_t kMaxUrlBytes = 8 * 1024;

struct Url {
  enum class Scheme : std::uint8_t { http, https } scheme = Scheme::https;
  Endpoint endpoint;  // the host in lower case, without brackets; the port that is usual if there is none
  std::string target = "/";  // path and query as they were written; a fragment is left out

  friend bool operator==(const Url&, const Url&) = default;
};

/// Errors: invalid_argument (another scheme, a user name or password, which would be in logs, no host, a port
/// outside 1..65535, characters that must be percent-encoded), limit_exceeded. Any thread.
Result<Url> parse_url(std::string_view text);

}  // namespace dunlin::net::http
