#pragma once
// Ranges of IP addresses, as "192.0.2.0/24" and "2001:db8::/32" name them (RFC 4632, RFC 4291 section 2.3).

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "net/connection.h"

namespace dunlin::net {

/// A value; any thread. An IPv4 address is the same as its IPv6 form (::ffff:192.0.2.1).
class AddressRange {
 public:
  /// A range, or one address. Errors: invalid_argument, with an example.
  static Result<AddressRange> parse(std::string_view text);
  /// False for what is no numeric address.
  bool contains(const Endpoint& endpoint) const;

 private:
  using Bytes = std::array<std::uint8_t, 16>;
  AddressRange(const Bytes& bytes, unsigned bits) : bytes_(bytes), bits_(bits) {}
  Bytes bytes_;
  unsigned bits_;  // of the 128
};

bool contains(const std::vector<AddressRange>& ranges, const Endpoint& endpoint);

/// The 16 bytes of a numeric IPv4 (in its IPv6 form) or IPv6 address; nothing for any other host.
std::optional<std::array<std::uint8_t, 16>> address_bytes(const std::string& host);

}  // namespace dunlin::net
