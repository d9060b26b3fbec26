#pragma once
// How fast new connections may come: token buckets for a listener and for each of its sources.

#include <mutex>
#include <string>
#include <unordered_map>

#include "base/clock.h"
#include "net/connection.h"

namespace dunlin::net {

/// New connections a second; 0: no limit. As many as one second brings may come at once.
struct ConnectionRate {
  double in_all = 0;
  double per_address = 0;
};

/// What addresses are counted and judged by: the 4 bytes of an IPv4 address, the 8 of an IPv6 network, or the
/// user behind a Unix socket.
std::string source_of(const Endpoint& peer);

/// One for all reactors' listeners of a port. A source is an IPv4 address, an IPv6 network of 64 bits, or the
/// user behind a Unix socket. At most kMaxRateSources are known at once: past it, further ones share one
/// bucket, until some have been quiet for long enough to be forgotten. Any thread.
class ConnectionLimiter {
 public:
  explicit ConnectionLimiter(ConnectionRate rate) : rate_(rate) {}
  enum class Verdict : std::uint8_t { admitted, too_many_of_address, too_many_in_all };
  Verdict admit(const Endpoint& peer, Instant now);
  std::size_t sources() const;

 private:
  struct Bucket {
    double tokens = 0;
    Instant filled{};
  };
  static bool take(Bucket& bucket, double rate, Instant now);
  Bucket& bucket_of(const Endpoint& peer, Instant now);
  void forget_full(Instant now);

  ConnectionRate rate_;
  mutable std::mutex mutex_;
  Bucket all_;
  Bucket others_;  // of the sources past the bound
  std::unordered_map<std::string, Bucket> by_source_;
  Instant swept_{};
};

}  // namespace dunlin::net
