#pragma once
// Addresses as version 1 writes them (specification, section 2.1): stricter than the system's functions,
// which this room could not use anyway.

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace dunlin::proxy {

/// A decimal number without sign and leading zeros, at most `most`.
std::optional<std::uint32_t> read_number(std::string_view text, std::uint32_t most);
/// "192.0.2.1": four numbers of 0..255 without leading zeros. In the first four bytes.
std::optional<std::array<std::uint8_t, 16>> read_ipv4(std::string_view text);
/// "2001:db8::1": groups of 1..4 hexadecimal digits, at most one "::". No embedded IPv4, no zone.
std::optional<std::array<std::uint8_t, 16>> read_ipv6(std::string_view text);

}  // namespace dunlin::proxy
