#pragma once
// Token buckets that may go into debt: how much passes in the long run, and how much at once.

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "base/clock.h"

namespace dunlin {

/// `per_second` in the long run, `burst` at once. 0 a second: no limit.
struct TokenRate {
  double per_second = 0;
  double burst = 0;

  bool is_limited() const { return per_second > 0; }
  /// How long the bucket needs for `amount`.
  Duration time_of(double amount) const {
    return Duration{static_cast<Duration::rep>(amount / per_second * 1e9)};
  }
};

/// Remembers only when it will be full again (the generic cell rate algorithm), so it costs one number.
/// Whoever takes more than there is leaves a debt and waits until it is paid: what has come in already can be
/// counted in full.
class TokenBucket {
 public:
  /// Takes `amount`, whether it is there or not. Gives how long to wait until there is no debt.
  Duration take(const TokenRate& rate, Instant now, double amount) {
    full_at_ = std::max(full_at_, now) + rate.time_of(amount);
    return debt(rate, now);
  }
  /// Zero: something is there.
  Duration debt(const TokenRate& rate, Instant now) const {
    return std::max(full_at_ - now - rate.time_of(rate.burst), Duration::zero());
  }
  /// Nothing is there now.
  bool is_empty(const TokenRate& rate, Instant now) const {
    return full_at_ - now >= rate.time_of(rate.burst);
  }

 private:
  Instant full_at_{};  // it begins full
};

/// The same for many threads.
class SharedTokenBucket {
 public:
  Duration take(const TokenRate& rate, Instant now, double amount) {
    const Duration::rep cost = rate.time_of(amount).count();
    const Duration::rep present = now.time_since_epoch().count();
    Duration::rep seen = full_at_.load(std::memory_order_relaxed);
    while (!full_at_.compare_exchange_weak(seen, std::max(seen, present) + cost, std::memory_order_relaxed)) {
    }
    const Duration over{std::max(seen, present) + cost - present};
    return std::max(over - rate.time_of(rate.burst), Duration::zero());
  }
  bool is_empty(const TokenRate& rate, Instant now) const {
    const Duration left{full_at_.load(std::memory_order_relaxed) - now.time_since_epoch().count()};
    return left >= rate.time_of(rate.burst);
  }

 private:
  std::atomic<Duration::rep> full_at_{0};
};

}  // namespace dunlin
