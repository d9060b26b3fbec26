#include "net/address_range.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "net/socket_address.h"

namespace dunlin::net {
namespace {

constexpr unsigned kIpv4Offset = 96;  // bits before an IPv4 address in its IPv6 form

}  // namespace

std::optional<std::array<std::uint8_t, 16>> address_bytes(const std::string& host) {
  const auto address = parse_address({host, 0});
  if (!address) return std::nullopt;
  std::array<std::uint8_t, 16> bytes{};
  if (address->family() == AF_INET6) {
    std::memcpy(bytes.data(), &address->v6.sin6_addr, bytes.size());
    return bytes;
  }
  bytes[10] = bytes[11] = 0xFF;
  std::memcpy(bytes.data() + 12, &address->v4.sin_addr, 4);
  return bytes;
}

Result<AddressRange> AddressRange::parse(std::string_view text) {
  const auto refuse = [text](std::string_view why) {
    return dunlin::fail(Errc::invalid_argument,
                        "\"" + std::string(text) + "\" " + std::string(why) +
                            "; a range is written as 192.0.2.0/24, 2001:db8::/32 or 127.0.0.1");
  };
  const std::size_t slash = text.find('/');
  const std::string host(text.substr(0, slash));
  const auto bytes = address_bytes(host);
  if (!bytes || host.find('%') != std::string::npos) return refuse("is not an address");
  const bool is_ipv4 = host.find(':') == std::string::npos;
  unsigned bits = is_ipv4 ? 32 : 128;
  if (slash != std::string_view::npos) {
    const std::string_view digits = text.substr(slash + 1);
    unsigned number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (error != std::errc() || end != digits.data() + digits.size() || number > bits)
      return refuse("has no length of 0 to " + std::to_string(bits) + " after the slash");
    bits = number;
  }
  if (is_ipv4) bits += kIpv4Offset;
  for (unsigned bit = bits; bit < 128; ++bit) {
    if (((*bytes)[bit / 8] >> (7 - bit % 8) & 1) != 0)
      return refuse("has bits set after its first " + std::to_string(is_ipv4 ? bits - kIpv4Offset : bits));
  }
  return AddressRange(*bytes, bits);
}

bool AddressRange::contains(const Endpoint& endpoint) const {
  const auto address = address_bytes(endpoint.host);
  if (!address) return false;
  const std::size_t whole = bits_ / 8;
  if (!std::equal(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(whole), address->begin()))
    return false;
  const unsigned rest = bits_ % 8;
  return rest == 0 || (bytes_[whole] ^ (*address)[whole]) >> (8 - rest) == 0;
}

bool contains(const std::vector<AddressRange>& ranges, const Endpoint& endpoint) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [&endpoint](const AddressRange& range) { return range.contains(endpoint); });
}

}  // namespace dunlin::net
