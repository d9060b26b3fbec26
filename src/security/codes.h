#pragma once
// Codes that people type: enrolment codes, the registration codes of authorities, recovery codes.

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/rng.h"
#include "security/crypto.h"

namespace dunlin::security {

/// "XXXX-XXXX-XXXX-XXXX": 80 random bits in Crockford's alphabet of 32 (no I, L, O, U).
Secret make_code(Rng& rng);

/// SHA-256 of the code in hexadecimal: what is stored and looked up. Takes it as people write it: any case,
/// spaces or hyphens anywhere, O for 0, I and L for 1. With 80 random bits neither a salt nor a slow hash
/// adds anything. Errors: malformed (not 16 characters of the alphabet).
Result<std::string> code_hash(std::string_view code);

}  // namespace dunlin::security
