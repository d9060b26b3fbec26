#include "net/websocket/handshake.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/core/assert.h"
#include "net/websocket/limits.h"

namespace dunlin::net::websocket {
namespace {

constexpr std::string_view kGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
constexpr std::string_view kVersion = "13";

std::string base64(ByteView bytes) {
  std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), bytes.data(),
                                     static_cast<int>(bytes.size()));
  out.resize(static_cast<std::size_t>(length));
  return out;
}

bool is_base64_character(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
}

/// base64 of exactly 16 bytes.
bool is_key(std::string_view key) {
  return key.size() == 24 && key.ends_with("==") &&
         std::all_of(key.begin(), key.end() - 2, is_base64_character);
}

Result<std::vector<std::string>> offered_subprotocols(const http::Headers& headers) {
  std::vector<std::string> offered;
  for (const auto& [name, value] : headers) {
    if (!http::equals_ignoring_case(name, "Sec-WebSocket-Protocol")) continue;
    for (const auto element : http::list_elements(value)) {
      if (!http::is_token(element)) return fail(Errc::malformed, "a subprotocol is not a token");
      if (offered.size() == kMaxSubprotocols)
        return fail(Errc::malformed, "too many subprotocols are offered");
      offered.emplace_back(element);
    }
  }
  return offered;
}

bool contains(const std::vector<std::string>& list, std::string_view text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

}  // namespace

std::string make_key(Rng& rng) {
  std::array<std::uint8_t, 16> nonce;
  rng.fill(nonce);
  return base64(nonce);
}

std::string accept_value(std::string_view key) {
  const std::string text = std::string{key} + std::string{kGuid};
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> digest;
  unsigned length = 0;
  // SHA-1 is what the protocol demands; nothing rests on its strength.
  const int done = EVP_Digest(text.data(), text.size(), digest.data(), &length, EVP_sha1(), nullptr);
  DUNLIN_ASSERT(done == 1);
  return base64(ByteView{digest}.first(length));
}

Result<Upgrade> accept_upgrade(const http::Request& request, const UpgradeOptions& options) {
  const http::Headers& headers = request.headers;
  if (request.method != http::Method::get || request.version != http::Version::http_1_1) {
    return fail(Errc::malformed, "a WebSocket begins with GET under HTTP/1.1");
  }
  if (!headers.has_token("Upgrade", "websocket") || !headers.has_token("Connection", "upgrade")) {
    return fail(Errc::malformed, "this path speaks WebSocket only");
  }
  if (headers.count("Sec-WebSocket-Version") != 1 || *headers.get("Sec-WebSocket-Version") != kVersion) {
    return fail(Errc::unsupported, "only version 13 of WebSocket is spoken here");
  }
  const auto key = headers.get("Sec-WebSocket-Key");
  if (headers.count("Sec-WebSocket-Key") != 1 || !is_key(*key))
    return fail(Errc::malformed, "Sec-WebSocket-Key is malformed");
  if (headers.count("Origin") > 1) return fail(Errc::malformed, "Origin is given more than once");
  if (!request.body.empty()) return fail(Errc::malformed, "a handshake has no body");
  DUNLIN_TRY(const auto offered, offered_subprotocols(headers));

  Upgrade upgrade;
  upgrade.origin = headers.get("Origin").value_or(std::string_view{});
  upgrade.headers = {
      {"Upgrade", "websocket"}, {"Connection", "Upgrade"}, {"Sec-WebSocket-Accept", accept_value(*key)}};
  const auto chosen = std::find_if(offered.begin(), offered.end(), [&](const std::string& name) {
    return contains(options.subprotocols, name);
  });
  if (chosen != offered.end()) {
    upgrade.subprotocol = *chosen;
    upgrade.headers.add("Sec-WebSocket-Protocol", *chosen);
  } else if (options.subprotocol == UpgradeOptions::Subprotocol::required) {
    return fail(Errc::invalid_argument, "none of the offered subprotocols is spoken here");
  }
  return upgrade;
}

http::Response refuse_upgrade(const Error& error) {
  if (error.code != Errc::unsupported) return http::error_response(400, errc_name(error.code), error.message);
  http::Response response = http::error_response(426, errc_name(error.code), error.message);
  response.headers.set("Upgrade", "websocket");
  response.headers.set("Sec-WebSocket-Version", std::string{kVersion});
  return response;
}

http::Headers client_headers(std::string_view key, const std::vector<std::string>& subprotocols,
                             const http::Headers& more) {
  http::Headers headers{{"Upgrade", "websocket"},
                        {"Connection", "Upgrade"},
                        {"Sec-WebSocket-Version", std::string{kVersion}},
                        {"Sec-WebSocket-Key", std::string{key}}};
  std::string list;
  for (const std::string& name : subprotocols) list += (list.empty() ? "" : ", ") + name;
  if (!list.empty()) headers.add("Sec-WebSocket-Protocol", std::move(list));
  for (const auto& [name, value] : more) headers.add(name, value);
  return headers;
}

Result<std::string> check_answer(int status, const http::Headers& headers, std::string_view key,
                                 const std::vector<std::string>& subprotocols) {
  if (status == 401 || status == 403)
    return fail(Errc::permission_denied, "the server refused the WebSocket: " + std::to_string(status));
  if (status == 404) return fail(Errc::not_found, "the server has no WebSocket at this path");
  if (status != 101)
    return fail(Errc::malformed, "the server answered the handshake with " + std::to_string(status));
  if (!headers.has_token("Upgrade", "websocket") || !headers.has_token("Connection", "upgrade")) {
    return fail(Errc::malformed, "the server switched to another protocol");
  }
  if (headers.count("Sec-WebSocket-Accept") != 1 ||
      *headers.get("Sec-WebSocket-Accept") != accept_value(key)) {
    return fail(Errc::malformed, "the server's Sec-WebSocket-Accept does not fit the key");
  }
  if (headers.get("Sec-WebSocket-Extensions"))
    return fail(Errc::malformed, "the server chose an extension that was not offered");
  const auto chosen = headers.get("Sec-WebSocket-Protocol");
  if (!chosen) return std::string{};
  if (!contains(subprotocols, *chosen))
    return fail(Errc::malformed, "the server chose a subprotocol that was not offered");
  return std::string{*chosen};
}

}  // namespace dunlin::net::websocket
