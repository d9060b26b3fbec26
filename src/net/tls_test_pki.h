#pragma once
// Certificates for this room's tests, made on the spot.

#include <string>

#include "base/clock.h"

namespace dunlin::net::test {

struct Identity {
  std::string certificate_pem;
  std::string key_pem;
};

/// A P-256 authority, or (signed by one) an end entity with the name as DNS name and 127.0.0.1 as address.
Identity make_authority(const std::string& name);
struct Validity {
  WallTime begin = WallTime{std::chrono::seconds{1'600'000'000}};
  WallTime end = WallTime{std::chrono::seconds{4'000'000'000}};
};
Identity make_identity(const Identity& authority, const std::string& name, Validity validity = {});

}  // namespace dunlin::net::test
