#include "hub/interest.h"

#include <utility>

#include "base/core/assert.h"
#include "hub/topic.h"

namespace dunlin::hub {
namespace {

constexpr std::uint64_t kAnySeed = 0x616e79;
constexpr std::uint64_t kOneSeed = 0x6f6e65;
constexpr std::uint64_t kTwoSeed = 0x74776f;

InterestKey any_key(TenantId tenant) {
  return stable_hash("", kAnySeed + tenant.value * 0x100000001ULL);
}
InterestKey one_key(TenantId tenant, std::string_view first) {
  return stable_hash(first, kOneSeed + tenant.value * 0x100000001ULL);
}
InterestKey two_key(TenantId tenant, std::string_view both) {
  return stable_hash(both, kTwoSeed + tenant.value * 0x100000001ULL);
}
bool is_wildcard(std::string_view level) {
  return level == "+" || level == "#";
}

/// The first two levels as one text ("a/b"), or nothing when the topic has one level.
std::string_view two_levels(std::string_view text, const LevelSplit& first) {
  const LevelSplit second = split_level(first.rest);
  return text.substr(0, first.level.size() + 1 + second.level.size());
}

/// The places of all filters that may match.
template <typename Look>
void for_keys_of(TenantId tenant, std::string_view topic, const Look& look) {
  const LevelSplit first = split_level(topic);
  if (!topic.starts_with('$')) look(any_key(tenant));
  look(one_key(tenant, first.level));
  if (first.more) look(two_key(tenant, two_levels(topic, first)));
}

}  // namespace

InterestKey interest_key(TenantId tenant, std::string_view filter) {
  const LevelSplit first = split_level(filter);
  if (is_wildcard(first.level)) return any_key(tenant);
  if (!first.more || is_wildcard(split_level(first.rest).level)) return one_key(tenant, first.level);
  return two_key(tenant, two_levels(filter, first));
}

void ForeignInterest::add(InterestKey key, std::uint16_t shard) {
  masks_[key] |= ShardMask{1} << shard;
}

void ForeignInterest::remove(InterestKey key, std::uint16_t shard) {
  const auto found = masks_.find(key);
  if (found == masks_.end()) return;
  found->second &= ~(ShardMask{1} << shard);
  if (found->second == 0) masks_.erase(found);
}

ShardMask ForeignInterest::shards_for(TenantId tenant, std::string_view topic) const {
  if (masks_.empty()) return 0;
  ShardMask mask = 0;
  for_keys_of(tenant, topic, [&](InterestKey key) {
    if (const auto found = masks_.find(key); found != masks_.end()) mask |= found->second;
  });
  return mask;
}

bool OwnInterest::may_match(TenantId tenant, std::string_view topic) const {
  bool found = false;
  for_keys_of(tenant, topic, [&](InterestKey key) {
    const auto at = entries_.find(key);
    found |= at != entries_.end() && at->second.filters > 0;
  });
  return found;
}

bool OwnInterest::add(InterestKey key) {
  return ++entries_[key].filters == 1;
}

bool OwnInterest::remove(InterestKey key) {
  const auto found = entries_.find(key);
  if (!DUNLIN_EXPECT(found != entries_.end() && found->second.filters > 0)) return false;
  if (--found->second.filters > 0) return false;
  if (found->second.unanswered == 0) entries_.erase(found);
  return true;
}

void OwnInterest::expect(InterestKey key, std::size_t acknowledgements) {
  entries_[key].unanswered += acknowledgements;
}

void OwnInterest::acknowledged(InterestKey key) {
  const auto found = entries_.find(key);
  if (!DUNLIN_EXPECT(found != entries_.end() && found->second.unanswered > 0)) return;
  if (--found->second.unanswered > 0) return;
  std::vector<Task> waiting = std::exchange(found->second.waiting, {});
  if (found->second.filters == 0) entries_.erase(found);
  for (Task& task : waiting) task();
}

void OwnInterest::when_known(InterestKey key, Task known) {
  const auto found = entries_.find(key);
  if (found == entries_.end() || found->second.unanswered == 0) return known();
  found->second.waiting.push_back(std::move(known));
}

}  // namespace dunlin::hub
