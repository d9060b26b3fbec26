#pragma once
// What a message says the SHA-256 of its content is: Repr-Digest and Content-Digest (RFC 9530 sections 2 and
// 3), and Digest (RFC 3230 section 4.3.2), which came before them. Pure functions, any thread.

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "net/http/headers.h"

namespace dunlin::net::http {

using Sha256Value = std::array<std::uint8_t, 32>;

/// nullopt: none of the fields states one; other algorithms are ignored (RFC 9530 section 2). Of a message
/// without a content coding the three mean the same. Errors: malformed (a SHA-256 of another form or length,
/// or two that differ).
Result<std::optional<Sha256Value>> read_sha256(const Headers& headers);
/// The value of Repr-Digest: "sha-256=:...:".
std::string repr_digest(const Sha256Value& hash);

}  // namespace dunlin::net::http
