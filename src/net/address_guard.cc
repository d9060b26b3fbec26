#include "net/address_guard.h"

#include <algorithm>

#include "base/core/assert.h"

namespace dunlin::net {
namespace {

struct Block {
  std::string_view range;
  std::string_view what;
};
// The special-purpose registries of IANA (RFC 6890) and 224.0.0.0/4. Addresses of IPv4 in IPv6 form
// (::ffff:0:0/96) are judged as those of IPv4.
constexpr std::array kIpv4Blocks = std::to_array<Block>({
    {"0.0.0.0/8", "an address of this machine"},
    {"10.0.0.0/8", "a private address"},
    {"100.64.0.0/10", "an address of a provider's own network"},
    {"127.0.0.0/8", "an address of this machine"},
    {"169.254.0.0/16", "a link-local address"},
    {"172.16.0.0/12", "a private address"},
    {"192.0.0.0/24", "an address with a special purpose"},
    {"192.0.2.0/24", "an address for documentation"},
    {"192.88.99.0/24", "an address with a special purpose"},
    {"192.168.0.0/16", "a private address"},
    {"198.18.0.0/15", "an address for measurements"},
    {"198.51.100.0/24", "an address for documentation"},
    {"203.0.113.0/24", "an address for documentation"},
    {"224.0.0.0/4", "a multicast address"},
    {"240.0.0.0/4", "a reserved address"},
});
// Of IPv6 only 2000::/3 is given out for the internet. What carries an address of IPv4 within it could lead
// anywhere.
constexpr std::array kIpv6Blocks = std::to_array<Block>({
    {"::1", "an address of this machine"},
    {"::", "an address of this machine"},
    {"fc00::/7", "a private address"},
    {"fe80::/10", "a link-local address"},
    {"ff00::/8", "a multicast address"},
    {"2001::/23", "an address with a special purpose"},
    {"2001:db8::/32", "an address for documentation"},
    {"2002::/16", "an address that carries another one"},
    {"3fff::/20", "an address for documentation"},
});

using Ranges = std::vector<std::pair<AddressRange, std::string_view>>;

AddressRange range(std::string_view text) {
  const auto made = AddressRange::parse(text);
  DUNLIN_ASSERT(made.has_value());
  return *made;
}

const Ranges& blocked() {
  static const Ranges all = [] {
    Ranges made;
    for (const Block& block : kIpv4Blocks) made.emplace_back(range(block.range), block.what);
    for (const Block& block : kIpv6Blocks) made.emplace_back(range(block.range), block.what);
    return made;
  }();
  return all;
}

bool is_on_the_internet(const Endpoint& address) {
  static const AddressRange ipv4 = range("0.0.0.0/0");
  static const AddressRange ipv6 = range("2000::/3");
  return ipv4.contains(address) || ipv6.contains(address);
}

std::string lower(std::string_view text) {
  std::string made(text);
  for (char& c : made)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return made;
}

bool is_host_name(std::string_view text) {
  const auto is_part = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_';
  };
  // A last label of digits would be an address that is none: "10.1.2", "127.1".
  const auto last = text.substr(text.rfind('.') + 1);
  return !text.empty() && text.size() <= 253 && std::ranges::all_of(text, is_part) && !last.empty() &&
         !std::ranges::all_of(last, [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

Result<AddressGuard> AddressGuard::make(const std::vector<std::string>& open) {
  if (open.size() > kMaxGuardEntries)
    return dunlin::fail(Errc::limit_exceeded,
                        "more than " + std::to_string(kMaxGuardEntries) + " open addresses");
  AddressGuard made;
  for (const std::string& entry : open) {
    auto one = AddressRange::parse(entry);
    if (one) {
      made.ranges_.push_back(*one);
    } else if (is_host_name(entry)) {
      made.hosts_.push_back(lower(entry));
    } else {
      return dunlin::fail(Errc::invalid_argument, one.error().message + ", or is the name of a host");
    }
  }
  return made;
}

std::optional<std::string_view> AddressGuard::refusal(std::string_view host, const Endpoint& address) const {
  if (contains(ranges_, address)) return std::nullopt;
  if (std::ranges::find(hosts_, lower(host)) != hosts_.end()) return std::nullopt;
  for (const auto& [range, what] : blocked())
    if (range.contains(address)) return what;
  if (!is_on_the_internet(address)) return "no address of the internet";
  return std::nullopt;
}

}  // namespace dunlin::net
