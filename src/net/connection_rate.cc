#include "net/connection_rate.h"

#include <algorithm>

#include "net/address_range.h"
#include "net/limits.h"

namespace dunlin::net {
namespace {

double capacity(double rate) {
  return std::max(rate, 1.0);
}

double tokens_at(double tokens, Instant filled, double rate, Instant now) {
  const double seconds = std::chrono::duration<double>(now - filled).count();
  return std::min(capacity(rate), tokens + std::max(seconds, 0.0) * rate);
}

}  // namespace

std::string source_of(const Endpoint& peer) {
  const auto bytes = address_bytes(peer.host);
  if (!bytes) return peer.host;
  const std::string text(bytes->begin(), bytes->end());
  const bool is_ipv4 = text.starts_with(std::string(10, '\0') + "\xff\xff");
  return is_ipv4 ? text.substr(12) : text.substr(0, 8);
}

// A bucket begins full: its time of filling is long ago.
bool ConnectionLimiter::take(Bucket& bucket, double rate, Instant now) {
  const bool is_new = bucket.filled == Instant{};
  bucket.tokens = is_new ? capacity(rate) : tokens_at(bucket.tokens, bucket.filled, rate, now);
  bucket.filled = now;
  if (bucket.tokens < 1) return false;
  bucket.tokens -= 1;
  return true;
}

ConnectionLimiter::Verdict ConnectionLimiter::admit(const Endpoint& peer, Instant now) {
  const std::scoped_lock lock(mutex_);
  if (rate_.per_address > 0 && !take(bucket_of(peer, now), rate_.per_address, now))
    return Verdict::too_many_of_address;
  if (rate_.in_all > 0 && !take(all_, rate_.in_all, now)) return Verdict::too_many_in_all;
  return Verdict::admitted;
}

std::size_t ConnectionLimiter::sources() const {
  const std::scoped_lock lock(mutex_);
  return by_source_.size();
}

ConnectionLimiter::Bucket& ConnectionLimiter::bucket_of(const Endpoint& peer, Instant now) {
  std::string source = source_of(peer);
  const auto found = by_source_.find(source);
  if (found != by_source_.end()) return found->second;
  if (by_source_.size() >= kMaxRateSources) forget_full(now);
  if (by_source_.size() >= kMaxRateSources) return others_;
  return by_source_[std::move(source)];
}

// A full bucket says nothing that a new one would not.
void ConnectionLimiter::forget_full(Instant now) {
  if (now - swept_ < kRateSweepInterval) return;
  swept_ = now;
  std::erase_if(by_source_, [this, now](const auto& entry) {
    const Bucket& bucket = entry.second;
    return tokens_at(bucket.tokens, bucket.filled, rate_.per_address, now) >= capacity(rate_.per_address);
  });
}

}  // namespace dunlin::net
