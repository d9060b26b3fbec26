#pragma once
// Tokens that a thing makes from a symmetric key, in the form of Azure's IoT services:
//   SharedAccessSignature sr=RESOURCE&sig=SIGNATURE&se=EXPIRY[&skn=KEY]
// RESOURCE is "AUDIENCE/devices/THING", percent-encoded; EXPIRY is in Unix seconds; SIGNATURE is the
// percent-encoded base64 of HMAC-SHA256(key, RESOURCE as it stands there + "\n" + EXPIRY).

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "security/crypto.h"

namespace dunlin::security {

/// What the token says; nothing of it is proven before sas_signed_by().
struct SasToken {
  std::string audience;
  std::string thing;
  std::int64_t expires_at = 0;  // Unix seconds
  std::string key_name;         // empty: none
  std::string signed_part;
  Digest signature{};
};

bool looks_like_sas_token(std::string_view text);

/// Errors: limit_exceeded (kMaxSasBytes), unauthenticated; the sentence names the field that is wrong.
Result<SasToken> parse_sas_token(std::string_view text);

/// Audience and expiry, at most kMaxSasLifetime ahead. Answers when the proof ends (jwt.h, end_of_proof()).
/// Errors: unauthenticated.
Result<WallTime> check_sas_token(const SasToken& token, std::span<const std::string> audiences, WallTime now);

/// In constant time.
bool sas_signed_by(const SasToken& token, ByteView key);

}  // namespace dunlin::security
