#pragma once
// How fast a publisher, and a tenant, may publish.

#include <memory>
#include <mutex>
#include <unordered_map>

#include "base/token_bucket.h"
#include "hub/limits.h"
#include "hub/principal.h"

namespace dunlin::hub {

/// Made when it is first needed. A copy is a copy of what is inside.
template <class T>
class OnDemand {
 public:
  OnDemand() = default;
  OnDemand(const OnDemand& other) : inside_(other.inside_ ? std::make_unique<T>(*other.inside_) : nullptr) {}
  OnDemand(OnDemand&&) noexcept = default;
  OnDemand& operator=(OnDemand other) noexcept {
    inside_ = std::move(other.inside_);
    return *this;
  }
  ~OnDemand() = default;
  T& get() {
    if (!inside_) inside_ = std::make_unique<T>();
    return *inside_;
  }
  const T* find() const { return inside_.get(); }

 private:
  std::unique_ptr<T> inside_;
};

/// Of a session that publishes while a limit is set, or memory is short.
struct PublishMeter {
  TokenBucket messages;
  TokenBucket bytes;
  std::uint64_t rests = 0;    // times its connection was not read for a while
  std::uint64_t refused = 0;  // publishes that were not taken
  WallTime rests_until{};     // of the last one
};

/// A tenant's budget, which all shards draw from.
struct TenantBudget {
  SharedTokenBucket messages;
  SharedTokenBucket bytes;
};

/// Any thread.
class TenantBudgets {
 public:
  /// Lives as long as this.
  TenantBudget& of(TenantId tenant) {
    const std::scoped_lock lock(mutex_);
    std::unique_ptr<TenantBudget>& budget = budgets_[tenant];
    if (!budget) budget = std::make_unique<TenantBudget>();
    return *budget;
  }

 private:
  std::mutex mutex_;
  std::unordered_map<TenantId, std::unique_ptr<TenantBudget>> budgets_;
};

/// What one shard has drawn already: it draws in batches (kBudgetBatch), so that the shards seldom meet at
/// the shared number, and a tenant whose clients are all on one shard still has the whole. Shard's thread.
class TenantAllowance {
 public:
  explicit TenantAllowance(TenantBudget& budget) : budget_(&budget) {}
  /// How long the publisher has to wait.
  Duration take(const Limits& limits, Instant now, double bytes) {
    return std::max(draw(messages_, budget_->messages, limits.tenant_messages, now, 1),
                    draw(bytes_, budget_->bytes, limits.tenant_bytes, now, bytes));
  }
  bool is_empty(const Limits& limits, Instant now) const {
    return is_spent(messages_, budget_->messages, limits.tenant_messages, now) ||
           is_spent(bytes_, budget_->bytes, limits.tenant_bytes, now);
  }

 private:
  static bool is_spent(double drawn, const SharedTokenBucket& bucket, const TokenRate& rate, Instant now) {
    return rate.is_limited() && drawn <= 0 && bucket.is_empty(rate, now);
  }
  static Duration draw(double& drawn, SharedTokenBucket& bucket, const TokenRate& rate, Instant now,
                       double amount) {
    if (!rate.is_limited()) return {};
    drawn -= amount;
    if (drawn >= 0) return {};
    const double batch = std::chrono::duration<double>(kBudgetBatch).count() * rate.per_second - drawn;
    drawn += batch;
    return bucket.take(rate, now, batch);
  }

  TenantBudget* budget_;
  double messages_ = 0;
  double bytes_ = 0;
};

}  // namespace dunlin::hub
