#pragma once

#include <string_view>

#include "net/connection.h"

namespace dunlin::platform {

/// "127.0.0.1:1883", "[::1]:1883". Errors: invalid_argument, with an example.
Result<net::Endpoint> parse_endpoint(std::string_view text);

}  // namespace dunlin::platform
