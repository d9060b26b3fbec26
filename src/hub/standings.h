#pragma once
// The standing of every thing whose standing is not the usual one, in memory: asked when a session begins and
// when a service judges a message.

#include <atomic>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "hub/principal.h"

namespace dunlin::hub {

/// Any thread. Holds as many entries as there are such things.
class Standings {
 public:
  Standing of(TenantId tenant, std::string_view thing) const;
  void set(TenantId tenant, std::string_view thing, Standing standing);
  /// How many are not the usual one; one atomic load.
  std::size_t size() const { return size_.load(std::memory_order_acquire); }
  /// Rises when what may be said in the name of a thing has changed.
  const std::atomic<std::uint64_t>& changes() const { return changes_; }

 private:
  mutable std::shared_mutex mutex_;  // guards standings_
  std::unordered_map<std::string, Standing> standings_;
  std::atomic<std::size_t> size_{0};
  std::atomic<std::uint64_t> changes_{1};
};

}  // namespace dunlin::hub
