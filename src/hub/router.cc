#include "hub/router.h"

#include <algorithm>

#include "hub/limits.h"
#include "hub/topic.h"

namespace dunlin::hub {
namespace {

void merge(Target& target, const SubscriptionOptions& options) {
  using NoLocal = SubscriptionOptions::NoLocal;
  target.options.qos = std::max(target.options.qos, options.qos);
  target.options.retain_as_published =
      std::max(target.options.retain_as_published, options.retain_as_published);
  if (options.no_local == NoLocal::no) target.options.no_local = NoLocal::no;
  if (options.identifier != 0) target.identifiers.push_back(options.identifier);
}

}  // namespace

Router::Router() : cache_(kRouteCacheEntries) {}

Trie::Added Router::add(TenantId tenant, std::string_view filter, const Subscription& subscription) {
  ++epoch_;
  const Trie::Added added = tries_[tenant].add(filter, subscription);
  if (added == Trie::Added::fresh) ++subscriptions_;
  return added;
}

bool Router::remove(TenantId tenant, std::string_view filter, SubscriberId subscriber) {
  const auto trie = tries_.find(tenant);
  if (trie == tries_.end() || !trie->second.remove(filter, subscriber)) return false;
  ++epoch_;
  --subscriptions_;
  if (trie->second.empty()) tries_.erase(trie);
  return true;
}

void Router::add_foreign(InterestKey key, std::uint16_t shard) {
  ++epoch_;
  foreign_.add(key, shard);
}

void Router::remove_foreign(InterestKey key, std::uint16_t shard) {
  ++epoch_;
  foreign_.remove(key, shard);
}

const Route& Router::route(TenantId tenant, std::string_view topic) {
  CachedRoute& slot = cache_[stable_hash(topic, tenant.value) & (kRouteCacheEntries - 1)];
  if (slot.epoch == epoch_ && slot.tenant == tenant && slot.topic == topic) return slot.route;
  slot.route = resolve(tenant, topic);
  slot.topic.assign(topic);
  slot.tenant = tenant;
  slot.epoch = epoch_;
  return slot.route;
}

Route Router::resolve(TenantId tenant, std::string_view topic) const {
  Route route;
  route.shards = foreign_.shards_for(tenant, topic);
  const auto trie = tries_.find(tenant);
  if (trie == tries_.end()) return route;
  std::vector<Subscription> found = trie->second.match(topic);
  std::ranges::stable_sort(found, {}, &Subscription::subscriber);
  route.targets.reserve(found.size());
  for (const Subscription& subscription : found) {
    if (route.targets.empty() || route.targets.back().subscriber != subscription.subscriber) {
      Target target{subscription.subscriber, subscription.options, {}};
      if (subscription.options.identifier != 0) target.identifiers.push_back(subscription.options.identifier);
      route.targets.push_back(std::move(target));
      continue;
    }
    merge(route.targets.back(), subscription.options);
  }
  return route;
}

}  // namespace dunlin::hub
