#include "security/scram.h"

#include <algorithm>
#include <optional>

#include "base/base64.h"
#include "security/limits.h"
#include "security/names.h"

namespace dunlin::security {
namespace {

constexpr std::string_view kClientKey = "Client Key";
constexpr std::string_view kServerKey = "Server Key";

auto malformed() {
  return fail(Errc::malformed, "the SCRAM message is malformed");
}

/// The text up to the next comma, which is taken away with it.
std::string_view take_field(std::string_view& rest) {
  const std::size_t comma = rest.find(',');
  const std::string_view field = rest.substr(0, comma);
  rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
  return field;
}

/// saslname of RFC 5802 section 7: "=2C" is a comma, "=3D" an equals sign, any other "=" a mistake.
std::optional<std::string> decode_name(std::string_view text) {
  std::string name;
  while (!text.empty()) {
    if (text.front() != '=') {
      name.push_back(text.front());
      text.remove_prefix(1);
      continue;
    }
    const std::string_view code = text.substr(0, 3);
    if (code != "=2C" && code != "=3D") return std::nullopt;
    name.push_back(code == "=2C" ? ',' : '=');
    text.remove_prefix(3);
  }
  if (name.empty() || !is_clean_utf8(name)) return std::nullopt;
  return name;
}

/// "printable" of RFC 5802 section 7.
bool is_nonce(std::string_view text) {
  return !text.empty() && text.size() <= kMaxScramNonce &&
         std::ranges::all_of(text, [](char c) { return c >= 0x21 && c <= 0x7E && c != ','; });
}

std::string_view text_of(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

}  // namespace

Result<void> check_scram_password(std::string_view password) {
  if (password.size() < kMinPasswordBytes || password.size() > kMaxPasswordBytes) {
    return fail(Errc::invalid_argument, "a SCRAM password must have " + std::to_string(kMinPasswordBytes) +
                                            " to " + std::to_string(kMaxPasswordBytes) + " bytes");
  }
  if (!std::ranges::all_of(password, [](char c) { return c >= 0x20 && c <= 0x7E; })) {
    return fail(Errc::invalid_argument,
                "a SCRAM password must be printable ASCII: other characters have several forms");
  }
  return {};
}

ScramKeys make_scram_keys(std::string_view password, std::string_view salt, std::uint32_t iterations) {
  const Digest salted = pbkdf2_sha256(password, as_bytes(salt), iterations);
  return {sha256(hmac_sha256(salted, as_bytes(kClientKey))), hmac_sha256(salted, as_bytes(kServerKey))};
}

Result<ScramClientFirst> parse_scram_client_first(std::string_view message) {
  if (message.size() > kMaxScramMessage) return fail(Errc::limit_exceeded, "the SCRAM message is too long");
  std::string_view rest = message;
  const std::string_view binding = take_field(rest);
  if (binding.starts_with("p="))
    return fail(Errc::unsupported, "channel binding is not offered with SCRAM-SHA-256");
  // "y": the client could bind but thinks that the server cannot, which is so.
  if (binding != "n" && binding != "y") return malformed();
  const std::string_view authorization = take_field(rest);
  ScramClientFirst first;
  first.bare = rest;
  first.gs2_header = message.substr(0, message.size() - rest.size());
  if (!first.gs2_header.ends_with(',')) return malformed();
  if (rest.starts_with("m="))
    return fail(Errc::unsupported, "a SCRAM extension that must be understood is not");
  const std::string_view user = take_field(rest);
  const std::string_view nonce = take_field(rest);
  if (!user.starts_with("n=") || !nonce.starts_with("r=") || !is_nonce(nonce.substr(2))) return malformed();
  auto name = decode_name(user.substr(2));
  if (!name) return malformed();
  first.username = *std::move(name);
  first.nonce = nonce.substr(2);
  if (authorization.empty()) return first;
  if (!authorization.starts_with("a=")) return malformed();
  const auto other = decode_name(authorization.substr(2));
  if (!other) return malformed();
  if (*other != first.username) return fail(Errc::permission_denied, "nobody may speak for another here");
  return first;
}

ScramChallenge make_scram_challenge(const ScramClientFirst& first, std::string_view server_nonce,
                                    std::string_view salt, std::uint32_t iterations) {
  ScramChallenge challenge;
  challenge.gs2_header = first.gs2_header;
  challenge.client_first_bare = first.bare;
  challenge.nonce = first.nonce + std::string(server_nonce);
  challenge.message =
      "r=" + challenge.nonce + ",s=" + to_base64(as_bytes(salt)) + ",i=" + std::to_string(iterations);
  return challenge;
}

Result<std::string> verify_scram(const ScramChallenge& challenge, std::string_view message,
                                 const ScramKeys& keys) {
  if (message.size() > kMaxScramMessage) return fail(Errc::limit_exceeded, "the SCRAM message is too long");
  const std::size_t proof_at = message.rfind(",p=");
  if (proof_at == std::string_view::npos) return malformed();
  const std::string_view without_proof = message.substr(0, proof_at);
  const auto proof = from_base64(message.substr(proof_at + 3));
  if (!proof || proof->size() != Digest().size()) return malformed();
  std::string_view rest = without_proof;
  const std::string_view binding = take_field(rest);
  const std::string_view nonce = take_field(rest);
  if (!binding.starts_with("c=") || !nonce.starts_with("r=")) return malformed();
  // The header is in both messages, so that nobody between them can take channel binding away.
  if (binding.substr(2) != to_base64(as_bytes(challenge.gs2_header)))
    return fail(Errc::unauthenticated, "the SCRAM messages do not belong together");
  if (!constant_time_equal(nonce.substr(2), challenge.nonce))
    return fail(Errc::unauthenticated, "the SCRAM messages do not belong together");
  const std::string signed_text =
      challenge.client_first_bare + "," + challenge.message + "," + std::string(without_proof);
  const Digest signature = hmac_sha256(keys.stored_key, as_bytes(signed_text));
  Digest client_key{};
  for (std::size_t i = 0; i < client_key.size(); ++i)
    client_key[i] = static_cast<std::uint8_t>((*proof)[i] ^ signature[i]);
  if (!constant_time_equal(text_of(sha256(client_key)), text_of(keys.stored_key)))
    return fail(Errc::unauthenticated, "the user name or the password is not right");
  return "v=" + to_base64(hmac_sha256(keys.server_key, as_bytes(signed_text)));
}

}  // namespace dunlin::security
