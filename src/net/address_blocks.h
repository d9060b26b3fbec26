#pragma once
// Addresses whose connections are not taken for a time, because a person has said so.

#include <atomic>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "net/connection.h"

namespace dunlin::net {

inline constexpr std::size_t kMaxAddressBlocks = 1024;
inline constexpr Duration kMaxAddressBlock = std::chrono::days{30};

/// In memory: a restart forgets them. As long as there are none, asking costs one load. Any thread.
class AddressBlocks {
 public:
  /// `address`: an IPv4 address, an IPv6 one or a network of 64 bits ("2001:db8:1:2::/64"); of IPv6 the
  /// network counts. A block that is there already gets the new end. Errors: invalid_argument (no such
  /// address, or one of this machine), limit_exceeded (kMaxAddressBlocks).
  Result<void> block(std::string_view address, Duration time, Instant now);
  /// Whether there was one.
  bool unblock(std::string_view address);
  bool is_blocked(const Endpoint& peer, Instant now) const;

  struct Block {
    std::string address;  // as it was given
    Duration left{};
  };
  std::vector<Block> list(Instant now) const;

 private:
  struct Entry {
    std::string address;
    Instant until{};
  };
  mutable std::mutex mutex_;             // guards blocks_
  std::map<std::string, Entry> blocks_;  // by source_of()
  std::atomic<std::size_t> size_{0};
};

}  // namespace dunlin::net
