#pragma once
// Internal to the room: what TLS reads of certificates.

#include <openssl/x509.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "base/clock.h"

namespace dunlin::net {

/// Empty if OpenSSL is out of memory.
std::vector<std::uint8_t> der_of(const X509& certificate);

/// Nothing where it is no time (RFC 5280, 4.1.2.5).
std::optional<WallTime> time_of(const ASN1_TIME* time);

}  // namespace dunlin::net
