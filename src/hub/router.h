#pragma once
// From a topic to its receivers on this shard and to the other shards that may have some.

#include <span>
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
  QoS qos = QoS::at_most_once;
  SubscriptionOptions::NoLocal no_local = SubscriptionOptions::NoLocal::no;  // when every filter asks for it
  SubscriptionOptions::RetainAsPublished retain_as_published = SubscriptionOptions::RetainAsPublished::no;
  std::uint32_t first_identifier = 0;  // among those of the route
  std::uint32_t identifiers = 0;
};

struct Route {
  std::vector<Target> targets;
  std::vector<std::uint32_t> identifiers;
  ShardMask shards = 0;

  std::span<const std::uint32_t> identifiers_of(const Target& target) const {
    return std::span(identifiers).subspan(target.first_identifier, target.identifiers);
  }
};

/// Where a topic's route was found last, for a publisher that repeats itself.
struct RouteHint {
  std::uint32_t slot = 0;
  std::uint64_t resolution = 0;  // 0: none
};

/// One shard's tries and what it knows of the other shards. One thread.
class Router {
 public:
  /// The seed keeps peers from choosing filters that fall on one place of the tables.
  explicit Router(std::uint64_t seed = 0);

  Trie::Placed place(TenantId tenant, std::string_view filter, const Subscription& subscription);
  Trie::Added add(TenantId tenant, std::string_view filter, const Subscription& subscription) {
    return place(tenant, filter, subscription).added;
  }
  bool remove(TenantId tenant, std::string_view filter, SubscriberId subscriber);
  /// Null when nobody on this shard has the filter.
  const Filter* find(TenantId tenant, std::string_view filter) const;
  void add_foreign(InterestKey key, std::uint16_t shard);
  void remove_foreign(InterestKey key, std::uint16_t shard);
  /// Whether another shard may want anything.
  bool has_foreign() const { return !foreign_.empty(); }
  /// Whether one may want this topic.
  bool may_be_foreign(TenantId tenant, std::string_view topic) const {
    return foreign_.shards_for(tenant, topic) != 0;
  }

  /// Valid until the next call of any other member. Repeated topics cost a hash and a comparison; not even
  /// that with a hint, which must have been given for this very topic and tenant.
  const Route& route(TenantId tenant, std::string_view topic, RouteHint* hint = nullptr);

  /// Filters found by all searches so far: what they have cost.
  std::uint64_t matched() const { return matched_; }
  /// Gives back what known routes take; they are found anew.
  void forget_routes() { empty_cache(); }

  std::size_t subscription_count() const { return subscriptions_; }

 private:
  struct CachedRoute {
    std::uint64_t epoch = 0;       // 0: unused
    std::uint64_t resolution = 0;  // of this content, for hints
    TenantId tenant;
    std::string topic;
    Route route;
  };
  Route resolve(TenantId tenant, std::string_view topic);
  void empty_cache();

  std::uint64_t seed_;
  std::unordered_map<TenantId, Trie> tries_;
  ForeignInterest foreign_;
  std::vector<CachedRoute> cache_;
  std::uint64_t matched_ = 0;
  std::size_t cached_targets_ = 0;
  std::uint64_t epoch_ = 1;  // rises with every change; an older cached route is stale
  std::uint64_t resolutions_ = 0;
  std::size_t subscriptions_ = 0;
  std::vector<const Filter*> matches_;  // scratch
};

}  // namespace dunlin::hub
