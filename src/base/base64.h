#pragma once
// Base64 (RFC 4648) in its two alphabets, strictly decoded: one text for each run of bytes, so that equal
// means equal.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/core/bytes.h"
#include "base/result.h"

namespace dunlin {

/// RFC 4648 section 4: '+' and '/', padded with '='.
std::string to_base64(ByteView bytes);
/// RFC 4648 section 5: '-' and '_', without padding (as in tokens and URLs).
std::string to_base64url(ByteView bytes);

/// Errors: malformed (another alphabet, white space, wrong padding, or bits set that stand for no byte).
Result<std::vector<std::uint8_t>> from_base64(std::string_view text);
Result<std::vector<std::uint8_t>> from_base64url(std::string_view text);

}  // namespace dunlin
