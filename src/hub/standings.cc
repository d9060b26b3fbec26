#include "hub/standings.h"

#include <algorithm>

namespace dunlin {

std::optional<Lifecycle> parse_lifecycle(std::string_view word) {
  const auto found = std::ranges::find(kLifecycleNames, word);
  if (found == kLifecycleNames.end()) return std::nullopt;
  return static_cast<Lifecycle>(found - kLifecycleNames.begin());
}

}  // namespace dunlin

namespace dunlin::hub {
namespace {

std::string key_of(TenantId tenant, std::string_view thing) {
  return std::to_string(tenant.value) + '/' + std::string(thing);
}

/// The first steps of a thing take nothing away from who speaks for it.
bool binds(Standing standing) {
  return standing.quarantine == Quarantine::yes ||
         (standing.lifecycle != Lifecycle::activation && standing.lifecycle != Lifecycle::operation);
}

}  // namespace

Standing Standings::of(TenantId tenant, std::string_view thing) const {
  if (size() == 0) return {};
  const std::shared_lock lock(mutex_);
  const auto found = standings_.find(key_of(tenant, thing));
  return found == standings_.end() ? Standing{} : found->second;
}

void Standings::set(TenantId tenant, std::string_view thing, Standing standing) {
  const std::lock_guard lock(mutex_);
  const std::string key = key_of(tenant, thing);
  const auto known = standings_.find(key);
  const Standing before = known == standings_.end() ? Standing{} : known->second;
  if (before == standing) return;
  if (standing.is_usual()) {
    standings_.erase(key);
  } else {
    standings_.insert_or_assign(key, standing);
  }
  size_.store(standings_.size(), std::memory_order_release);
  if (binds(before) || binds(standing)) changes_.fetch_add(1, std::memory_order_release);
}

}  // namespace dunlin::hub
