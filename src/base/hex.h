#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/core/bytes.h"
#include "base/result.h"

namespace dunlin {

/// Lower-case hexadecimal, two digits a byte.
std::string to_hex(ByteView bytes);

/// Errors: malformed (odd length or a character that is no hexadecimal digit).
Result<std::vector<std::uint8_t>> from_hex(std::string_view text);

}  // namespace dunlin
