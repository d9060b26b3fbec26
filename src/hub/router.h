#pragma once
// From a topic to its receivers on this shard and to the other shards that may have some.

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "hub/interest.h"
#include "hub/trie.h"

namespace dunlin::hub {

/// One receiver, whatever the number of its filters that match: the highest QoS and every identifier
/// (MQTT 5.0 section 3.3.4).
struct Target {
  SubscriberId subscriber = 0;
  SubscriptionOptions options;  // no_local only when every matching filter asks for it; identifier unused
  std::vector<std::uint32_t> identifiers;
};

struct Route {
  std::vector<Target> targets;
  ShardMask shards = 0;
};

/// One shard's tries and what it knows of the other shards. One thread.
class Router {
 public:
  Router();

  Trie::Added add(TenantId tenant, std::string_view filter, const Subscription& subscription);
  bool remove(TenantId tenant, std::string_view filter, SubscriberId subscriber);
  void add_foreign(InterestKey key, std::uint16_t shard);
  void remove_foreign(InterestKey key, std::uint16_t shard);
  /// Whether another shard may want anything.
  bool has_foreign() const { return !foreign_.empty(); }

  /// Valid until the next call of any other member. Repeated topics cost a hash and a comparison.
  const Route& route(TenantId tenant, std::string_view topic);

  std::size_t subscription_count() const { return subscriptions_; }

 private:
  struct CachedRoute {
    std::uint64_t epoch = 0;  // 0: unused
    TenantId tenant;
    std::string topic;
    Route route;
  };
  Route resolve(TenantId tenant, std::string_view topic) const;

  std::unordered_map<TenantId, Trie> tries_;
  ForeignInterest foreign_;
  std::vector<CachedRoute> cache_;
  std::uint64_t epoch_ = 1;  // rises with every change; an older cached route is stale
  std::size_t subscriptions_ = 0;
};

}  // namespace dunlin::hub
