#pragma once
// CBOR payloads as the JSON that says the same, so that each shape is read by one decoder.

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace dunlin::model {

inline constexpr std::size_t kMaxCborDepth = 16;
inline constexpr std::size_t kMaxCborBytes = 256 * 1024;

/// The name of a map's integer key, or empty: it has none here.
using LabelNames = std::string_view (*)(std::int64_t label);

/// One CBOR item (RFC 8949) as JSON. Tags are left out, bytes become base64url, floating point keeps a point.
/// Errors: malformed (no CBOR, bytes behind it, a number that is not finite, a key that is neither a text nor
/// has a name); unsupported (as cbor::Reader); limit_exceeded.
Result<std::string> json_of_cbor(std::string_view cbor, LabelNames names);

}  // namespace dunlin::model
