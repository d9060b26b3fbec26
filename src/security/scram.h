#pragma once
// SCRAM-SHA-256 (RFC 5802, RFC 7677) without channel binding: the messages and the proof, nothing stored and
// nobody asked. Any thread.

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "security/crypto.h"

namespace dunlin::security {

inline constexpr std::string_view kScramMethod = "SCRAM-SHA-256";

struct ScramKeys {
  Digest stored_key{};
  Digest server_key{};
};

/// A password as SASLprep (RFC 4013) leaves it. Only printable ASCII is taken, which it leaves as it is:
/// what would need a mapping or a normal form is refused, so that two sides never disagree about one
/// password. Errors: invalid_argument.
Result<void> check_scram_password(std::string_view password);

/// RFC 5802 section 3. Blocks for some ten milliseconds.
ScramKeys make_scram_keys(std::string_view password, std::string_view salt, std::uint32_t iterations);

/// client-first-message, RFC 5802 section 7.
struct ScramClientFirst {
  std::string gs2_header;  // "n,," or "y,,", perhaps with an authorisation identity
  std::string bare;
  std::string username;
  std::string nonce;
};
/// Errors: malformed; unsupported (channel binding was asked for, an extension that must be understood);
/// permission_denied (an authorisation identity other than the user); limit_exceeded.
Result<ScramClientFirst> parse_scram_client_first(std::string_view message);

/// What the server has said and must remember until the client's answer.
struct ScramChallenge {
  std::string message;  // server-first-message
  std::string gs2_header;
  std::string client_first_bare;
  std::string nonce;  // the client's and the server's
};
/// `server_nonce` is fresh and random.
ScramChallenge make_scram_challenge(const ScramClientFirst& first, std::string_view server_nonce,
                                    std::string_view salt, std::uint32_t iterations);

/// Judges the client-final-message in constant time with respect to the keys; the server-final-message.
/// Errors: malformed, limit_exceeded, unauthenticated (the proof is wrong).
Result<std::string> verify_scram(const ScramChallenge& challenge, std::string_view message,
                                 const ScramKeys& keys);

}  // namespace dunlin::security
