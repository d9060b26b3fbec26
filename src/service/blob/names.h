#pragma once
// What senders say of a blob, as texts. Pure functions, any thread.

#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "store/blob/limits.h"

namespace dunlin::blob {

/// "image/jpeg" of "image/JPEG; quality=1": type and subtype in lower case, without parameters (RFC 9110
/// section 8.3.1). Empty: "application/octet-stream". Errors: invalid_argument.
Result<std::string> media_type_of(std::string_view field);

/// A file's name: no folder, no control character, UTF-8, at most kMaxBlobNameBytes. Errors:
/// invalid_argument.
Result<void> check_blob_name(std::string_view name);

/// What a browser is told that the bytes are. What could run a script as a page of this server is bytes and
/// no more.
std::string_view harmless_type(std::string_view media_type);

/// "90d", "12h", "30m", "45s"; "0" is for ever (no time). Errors: invalid_argument.
Result<Duration> parse_keep(std::string_view text);

}  // namespace dunlin::blob
