#pragma once

#include "net/connection.h"

namespace dunlin::platform {

using net::parse_endpoint;

}  // namespace dunlin::platform
