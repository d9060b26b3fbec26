#include "hub/router.h"

#include <algorithm>
#include <utility>

#include "hub/limits.h"
#include "hub/topic.h"

namespace dunlin::hub {
namespace {

void merge(Target& target, const SubscriptionOptions& options) {
  target.qos = std::max(target.qos, options.qos);
  target.retain_as_published = std::max(target.retain_as_published, options.retain_as_published);
  target.no_local = std::min(target.no_local, options.no_local);
}

void add_identifier(Route& route, const SubscriptionOptions& options) {
  if (options.identifier == 0) return;
  route.identifiers.push_back(options.identifier);
  ++route.targets.back().identifiers;
}

/// `found` is in the order of the subscribers.
void fill_targets(Route& route, std::span<const Subscription> found) {
  route.targets.reserve(found.size());
  for (const auto& [subscriber, options] : found) {
    if (!route.targets.empty() && route.targets.back().subscriber == subscriber) {
      merge(route.targets.back(), options);
    } else {
      const auto first = static_cast<std::uint32_t>(route.identifiers.size());
      route.targets.push_back(
          {subscriber, options.qos, options.no_local, options.retain_as_published, first, 0});
    }
    add_identifier(route, options);
  }
}

}  // namespace

Router::Router(std::uint64_t seed) : seed_(seed), cache_(kRouteCacheEntries) {}

Trie::Placed Router::place(TenantId tenant, std::string_view filter, const Subscription& subscription) {
  ++epoch_;
  const Trie::Placed placed = tries_.try_emplace(tenant, seed_).first->second.place(filter, subscription);
  if (placed.added == Trie::Added::fresh) ++subscriptions_;
  return placed;
}

bool Router::remove(TenantId tenant, std::string_view filter, SubscriberId subscriber) {
  const auto trie = tries_.find(tenant);
  if (trie == tries_.end() || !trie->second.remove(filter, subscriber)) return false;
  ++epoch_;
  --subscriptions_;
  if (trie->second.empty()) tries_.erase(trie);
  return true;
}

const Filter* Router::find(TenantId tenant, std::string_view filter) const {
  const auto trie = tries_.find(tenant);
  return trie == tries_.end() ? nullptr : trie->second.find(filter);
}

void Router::add_foreign(InterestKey key, std::uint16_t shard) {
  ++epoch_;
  foreign_.add(key, shard);
}

void Router::remove_foreign(InterestKey key, std::uint16_t shard) {
  ++epoch_;
  foreign_.remove(key, shard);
}

const Route& Router::route(TenantId tenant, std::string_view topic, RouteHint* hint) {
  if (hint != nullptr && hint->resolution != 0) {
    const CachedRoute& known = cache_[hint->slot];
    if (known.resolution == hint->resolution && known.epoch == epoch_) return known.route;
  }
  const auto place = static_cast<std::uint32_t>(stable_hash(topic, tenant.value) & (kRouteCacheEntries - 1));
  CachedRoute& slot = cache_[place];
  if (slot.epoch != epoch_ || slot.tenant != tenant || slot.topic != topic) {
    if (cached_targets_ > kMaxCachedTargets) empty_cache();
    cached_targets_ -= slot.route.targets.size();
    slot.route = resolve(tenant, topic);
    cached_targets_ += slot.route.targets.size();
    slot.topic.assign(topic);
    slot.tenant = tenant;
    slot.epoch = epoch_;
    slot.resolution = ++resolutions_;
  }
  if (hint != nullptr) *hint = {place, slot.resolution};
  return slot.route;
}

void Router::empty_cache() {
  for (CachedRoute& slot : cache_) slot = CachedRoute{};
  cached_targets_ = 0;
}

Route Router::resolve(TenantId tenant, std::string_view topic) {
  Route route;
  route.shards = foreign_.shards_for(tenant, topic);
  const auto trie = tries_.find(tenant);
  if (trie == tries_.end()) return route;
  matches_.clear();
  trie->second.match_filters(topic, matches_);
  matched_ += matches_.size();
  if (matches_.empty()) return route;
  if (matches_.size() == 1) {
    fill_targets(route, matches_.front()->subscriptions());
    return route;
  }
  std::vector<Subscription> found;
  for (const Filter* filter : matches_)
    found.insert(found.end(), filter->subscriptions().begin(), filter->subscriptions().end());
  std::ranges::stable_sort(found, {}, &Subscription::subscriber);
  fill_targets(route, found);
  return route;
}

}  // namespace dunlin::hub
