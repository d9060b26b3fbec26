#pragma once
// Who failed to prove itself waits: longer with each failure, by address and by user.

#include <cstdint>
#include <initializer_list>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.h"

namespace dunlin::security {

/// The network an address stands for: an IPv4 address itself, the /64 of an IPv6 one (IPv4-mapped counts as
/// IPv4). A port behind it
/// ("192.0.2.1:80", "[::1]:80") is left out. A text that is no address stands for itself.
std::string network_of(std::string_view address);
/// The same for people: "192.0.2.1", "2001:db8:1:2::/64", "::1". network_of() of it is that of the address.
std::string network_text(std::string_view address);
/// 127.0.0.0/8, ::1 or ::ffff:127.0.0.0/104, with or without a port.
bool is_loopback(std::string_view address);

/// At most kMaxPenaltyEntries keys: when full, of a sample the expired or else the least guilty goes.
/// Any thread.
class PenaltyTable {
 public:
  explicit PenaltyTable(const Clock& clock) : clock_(clock) {}

  /// The longest wait left of the keys; zero or less: none.
  Duration wait(std::initializer_list<std::string_view> keys) const;
  /// One more failure. The first kFreeFailures cost nothing, then 1 s doubling up to `cap`.
  void failed(std::string_view key, Duration cap);
  /// A success forgets the key's failures.
  void succeeded(std::string_view key);
  /// Whom a wait is of, and how much of it is left.
  struct Waiting {
    std::string subject;  // network_of() an address, or a user's name
    Duration left{};
    enum class Of : std::uint8_t { address, user } of = Of::address;
  };
  std::vector<Waiting> waiting() const;
  /// Forgets the failures of a network, or of a user. How many entries there were.
  std::size_t forgive(const Waiting& whose);
  std::size_t size() const;

 private:
  struct Entry {
    unsigned failures = 0;
    Instant until{};
    Instant last{};
  };
  void make_room();

  const Clock& clock_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, Entry> entries_;
  std::size_t cursor_ = 0;  // the bucket where the last sample ended
};

}  // namespace dunlin::security
