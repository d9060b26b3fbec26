#pragma once
// The opening handshake (RFC 6455 section 4), both sides. Pure functions but for the client's key.

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/rng.h"
#include "net/http/message.h"

namespace dunlin::net::websocket {

struct UpgradeOptions {
  /// The subprotocols that this endpoint speaks, e.g. {"mqtt"}; empty: none is chosen.
  std::vector<std::string> subprotocols;
  /// Whether a client that offers none of them is refused (MQTT 5.0 section 6.0: the client MUST offer
  /// "mqtt").
  enum class Subprotocol { optional, required } subprotocol = Subprotocol::optional;
};

struct Upgrade {
  http::Headers headers;    // for Responder::upgrade
  std::string subprotocol;  // the client's first that the endpoint speaks, or empty
  /// As sent by a browser, or empty. The caller must check it where a cookie authenticates: any page may open
  /// a WebSocket (section 10.2).
  std::string origin;
};

/// Errors: malformed (no valid handshake), unsupported (another version: answer with refuse_upgrade),
/// invalid_argument (no common subprotocol).
Result<Upgrade> accept_upgrade(const http::Request& request, const UpgradeOptions& options);
/// The answer to a handshake that accept_upgrade refused: 400, or 426 with the version spoken here
/// (section 4.4).
http::Response refuse_upgrade(const Error& error);

/// base64 of 16 random bytes (section 4.1).
std::string make_key(Rng& rng);
/// The Sec-WebSocket-Accept for a key (section 4.2.2).
std::string accept_value(std::string_view key);

/// The fields a client sends. `more` (Origin, Authorization ...) is added.
http::Headers client_headers(std::string_view key, const std::vector<std::string>& subprotocols,
                             const http::Headers& more);
/// The subprotocol that the server chose. Errors: permission_denied (401, 403), not_found (404), malformed
/// (anything else that is no valid 101 for `key` and `subprotocols`).
Result<std::string> check_answer(int status, const http::Headers& headers, std::string_view key,
                                 const std::vector<std::string>& subprotocols);

}  // namespace dunlin::net::websocket
