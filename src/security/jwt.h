#pragma once
// JSON Web Tokens (RFC 7519) in the compact form of JWS (RFC 7515 section 7.1), as things show them. Only
// RS256 and ES256 are known: neither "none" nor a symmetric algorithm can be asked for.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "security/signature.h"

namespace dunlin::security {

/// What the token says; nothing of it is proven before its signature is.
struct Jwt {
  SignatureAlgorithm algorithm = SignatureAlgorithm::es256;
  std::string subject;                // empty: none
  std::vector<std::string> audience;  // not empty
  std::int64_t issued_at = 0;         // Unix seconds, as all
  std::int64_t expires_at = 0;
  std::int64_t not_before = 0;   // 0: none
  std::string_view signed_part;  // points into the text
  std::vector<std::uint8_t> signature;
};

/// Three parts of base64url with dots between, the first a JSON object: no token of ours and no password.
bool looks_like_jwt(std::string_view text);

/// `text` must outlive the answer. Errors: limit_exceeded (kMaxJwtBytes), unauthenticated; the sentence names
/// the member that is wrong.
Result<Jwt> parse_jwt(std::string_view text);

/// The claims but `sub`: audience, times with kMaxClockSkew, a life of at most kMaxJwtLifetime. Answers when
/// the proof ends. Errors: unauthenticated.
Result<WallTime> check_claims(const Jwt& jwt, std::span<const std::string> audiences, WallTime now);

/// When a proof that says it expires at `seconds` (Unix) ends: then; but where the clock of who made it may
/// be the one that is behind, kMaxClockSkew later. At or before `now`: it has ended.
WallTime end_of_proof(std::int64_t seconds, WallTime now);

}  // namespace dunlin::security
