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

}  // namespace

Standing Standings::of(TenantId tenant, std::string_view thing) const {
  if (size() == 0) return {};
  const std::shared_lock lock(mutex_);
  const auto found = standings_.find(key_of(tenant, thing));
  return found == standings_.end() ? Standing{} : found->second;
}

void Standings::set(TenantId tenant, std::string_view thing, Standing standing) {
  const std::lock_guard lock(mutex_);
  if (standing.is_usual()) {
    standings_.erase(key_of(tenant, thing));
  } else {
    standings_.insert_or_assign(key_of(tenant, thing), standing);
  }
  size_.store(standings_.size(), std::memory_order_release);
}

}  // namespace dunlin::hub
