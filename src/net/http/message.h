#pragma once
// Requests and responses as the program sees them, without any trace of the wire.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/core/errc.h"
#include "base/slice.h"
#include "net/connection.h"
#include "net/http/headers.h"
#include "net/http/text.h"

namespace dunlin::net::http {

enum class Method : std::uint8_t { get, head, post, put, patch, delete_, options };
std::string_view method_name(Method method);
/// Method names are case-sensitive (RFC 9110 section 9.1).
std::optional<Method> parse_method(std::string_view name);

enum class Version : std::uint8_t { http_1_0, http_1_1 };

/// A complete request: header checked, target decoded, body whole.
struct Request {
  Method method = Method::get;
  Version version = Version::http_1_1;
  std::string target;  // as sent
  std::string path;    // the target's path as sent, without the query
  std::vector<std::string> segments;
  QueryParameters query;
  Headers headers;
  std::string body;
  // Shared: every request of a connection and its late answers refer to one copy, also after the connection
  // has gone.
  std::shared_ptr<const PeerInfo> peer;

  /// The first query parameter of that name.
  std::optional<std::string_view> parameter(std::string_view name) const;
};

/// Content-Length, Connection, Date and Transfer-Encoding are the connection's; a handler's fields of those
/// names are left out.
struct Response {
  int status = 200;
  Headers headers;
  Slice body;
};

std::string_view reason_phrase(int status);
/// 404 for not_found, 403 for permission_denied ...
int status_of(Errc code);

/// `{"error":{"code":"...","message":"..."}}`; code is a stable name, message a sentence without secrets.
Response error_response(int status, std::string_view code, std::string_view message);
Response error_response(Errc code, std::string_view message);
Response json_response(int status, std::string_view json);
Response text_response(int status, std::string_view text);

}  // namespace dunlin::net::http
