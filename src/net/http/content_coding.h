#pragma once
// Bodies that come compressed (RFC 9110 section 8.4.1).

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace dunlin::net::http {

/// What gzip (RFC 1952) has packed, of one member or several. Never holds more than `max_bytes` and a little.
/// Errors: malformed (no gzip, damaged, cut short, bytes behind it); limit_exceeded (more than `max_bytes`).
/// Any thread.
Result<std::string> gunzip(std::string_view packed, std::size_t max_bytes);

}  // namespace dunlin::net::http
