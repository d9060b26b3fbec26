#include "net/address_blocks.h"

#include "net/address_range.h"
#include "net/connection_rate.h"

namespace dunlin::net {
namespace {

Endpoint endpoint_of(std::string_view address) {
  constexpr std::string_view kNetwork = "/64";
  if (address.ends_with(kNetwork)) address.remove_suffix(kNetwork.size());
  return {std::string(address), 0};
}

}  // namespace

Result<void> AddressBlocks::block(std::string_view address, Duration time, Instant now) {
  const Endpoint peer = endpoint_of(address);
  if (!address_bytes(peer.host))
    return fail(Errc::invalid_argument, "the address must be like 192.0.2.7 or 2001:db8:1:2::/64");
  std::string source = source_of(peer);
  const bool is_mapped = source.size() == 4 && source[0] == 127;  // ::ffff:127.0.0.1
  if (peer.is_loopback() || is_mapped)
    return fail(Errc::invalid_argument, "this machine itself cannot be blocked");
  const std::scoped_lock lock(mutex_);
  std::erase_if(blocks_, [now](const auto& item) { return item.second.until <= now; });
  if (blocks_.size() >= kMaxAddressBlocks && !blocks_.contains(source))
    return fail(Errc::limit_exceeded, "there are too many blocks; a firewall does this better");
  blocks_.insert_or_assign(std::move(source), Entry{std::string(address), now + time});
  size_.store(blocks_.size(), std::memory_order_release);
  return {};
}

bool AddressBlocks::unblock(std::string_view address) {
  const std::scoped_lock lock(mutex_);
  const bool was = blocks_.erase(source_of(endpoint_of(address))) > 0;
  size_.store(blocks_.size(), std::memory_order_release);
  return was;
}

bool AddressBlocks::is_blocked(const Endpoint& peer, Instant now) const {
  if (size_.load(std::memory_order_acquire) == 0) return false;
  const std::scoped_lock lock(mutex_);
  const auto found = blocks_.find(source_of(peer));
  return found != blocks_.end() && found->second.until > now;
}

std::vector<AddressBlocks::Block> AddressBlocks::list(Instant now) const {
  const std::scoped_lock lock(mutex_);
  std::vector<Block> all;
  for (const auto& [source, entry] : blocks_) {
    if (entry.until > now) all.push_back({entry.address, entry.until - now});
  }
  return all;
}

}  // namespace dunlin::net
