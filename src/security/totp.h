#pragma once
// Time-based one-time passwords (RFC 6238) with HMAC-SHA-1, steps of 30 s and six digits: what every
// authenticator app knows. Any thread.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/core/bytes.h"

namespace dunlin::security {

/// HOTP of that counter (RFC 4226 section 5.3), with leading zeros; `digits` 6 to 8.
std::string hotp(ByteView secret, std::uint64_t counter, int digits);

/// The number of the step that time is in.
std::uint64_t totp_step(WallTime time);

/// The step whose code this is: the present one, the one before or the one behind it, but none up to `used`,
/// the last that was taken (RFC 6238 section 5.2: a code counts once). In constant time for each step.
std::optional<std::uint64_t> match_totp(ByteView secret, std::string_view code, WallTime now,
                                        std::uint64_t used);

/// Base32 without padding (RFC 4648 section 6), as apps take a secret that is typed in.
std::string to_base32(ByteView bytes);

/// What an app reads off a QR code: "otpauth://totp/ISSUER:USER?secret=...&issuer=ISSUER".
std::string otpauth_uri(std::string_view issuer, std::string_view user, std::string_view secret_base32);

}  // namespace dunlin::security
