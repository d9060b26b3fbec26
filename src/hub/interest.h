#pragma once
// Which other shards may want a topic: counted by the first one or two levels of their filters.

#include <cstdint>
#include <functional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/executor.h"
#include "hub/principal.h"

namespace dunlin::hub {

/// A filter's place in the summary: its tenant and the levels before its first wildcard, at most two.
using InterestKey = std::uint64_t;
InterestKey interest_key(TenantId tenant, std::string_view filter);

/// The shards (one bit each) whose filters may match.
using ShardMask = std::uint64_t;

/// What the other shards have told. One thread.
class ForeignInterest {
 public:
  void add(InterestKey key, std::uint16_t shard);
  void remove(InterestKey key, std::uint16_t shard);
  ShardMask shards_for(TenantId tenant, std::string_view topic) const;
  bool empty() const { return masks_.empty(); }

 private:
  std::unordered_map<InterestKey, ShardMask> masks_;
};

/// What this shard tells the others: counts, so that only the first and the last filter of a kind cross
/// threads. One thread.
class OwnInterest {
 public:
  /// True when the others must be told.
  bool add(InterestKey key);
  bool remove(InterestKey key);

  /// The others have been told; `acknowledgements` answers will come.
  void expect(InterestKey key, std::size_t acknowledgements);
  void acknowledged(InterestKey key);
  /// Runs `known` once every shard knows of the key: at once, or in a later acknowledged().
  void when_known(InterestKey key, Task known);
  /// Whether one of the filters may match.
  bool may_match(TenantId tenant, std::string_view topic) const;

 private:
  struct Entry {
    std::size_t filters = 0;
    std::size_t unanswered = 0;
    std::vector<Task> waiting;
  };
  std::unordered_map<InterestKey, Entry> entries_;
};

}  // namespace dunlin::hub
