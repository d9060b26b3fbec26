#pragma once
// Hashes of texts by their names, for what only shows or compares them. For the program's own purposes:
// crypto.h.

#include <optional>
#include <string>
#include <string_view>

#include "base/core/bytes.h"

namespace dunlin::security {

enum class Checksum : std::uint8_t { md2, md5, sha1, sha224, sha256, sha384, sha512 };

/// "md5", in lower case.
std::optional<Checksum> checksum_by_name(std::string_view name);
/// In lower-case hexadecimal. Any thread.
std::string checksum_hex(Checksum kind, ByteView bytes);

}  // namespace dunlin::security
