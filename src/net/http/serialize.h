#pragma once
// Message heads as bytes. Nothing that a caller put into a field can end that field early.

#include <cstdint>
#include <optional>
#include <string>

#include "net/http/message.h"

namespace dunlin::net::http {

enum class KeepAlive { yes, no };

struct ResponseFraming {
  Version version = Version::http_1_1;  // of the request
  KeepAlive keep_alive = KeepAlive::yes;
  std::string_view date;                      // as format_date gives it
  std::optional<std::uint64_t> body_bytes{};  // of a body that is not in the response
  enum class Body : std::uint8_t { counted, chunked, until_close } body = Body::counted;
  const Headers* more = nullptr;  // fields for every response; one that the response has itself is left out
};

/// True if every field of the caller may be sent: names are tokens, values hold no control character.
bool is_sendable(const Headers& headers);

/// Status line and fields with the empty line. Content-Length is that of the body, also in an answer to HEAD;
/// 1xx, 204 and 304 have none (RFC 9110 section 8.6). Fields must be sendable.
std::string serialize_head(const Response& response, const ResponseFraming& framing);

/// True if a response of that status carries no body (RFC 9110 section 6.4.1).
bool is_bodiless(int status);

struct RequestLine {
  Method method = Method::get;
  std::string_view target;
  std::string_view host;       // of the Host field
  std::size_t body_bytes = 0;  // Content-Length is sent when it is not 0 or the method usually has a body
  KeepAlive keep_alive = KeepAlive::yes;
};
/// Errors: invalid_argument (a field, the host or the target could not be sent as it is).
Result<std::string> serialize_request_head(const RequestLine& line, const Headers& headers);

}  // namespace dunlin::net::http
