#include "hub/refused_topics.h"

#include "hub/limits.h"

namespace dunlin::hub {

void RefusedTopics::set(TenantId tenant, std::string_view filter, SessionRef session, Refusal refusal) {
  // A number of its own for each session of all shards.
  const auto subscriber = static_cast<SubscriberId>(session.slot * kMaxShards + session.shard);
  if (refusal == Refusal::begins) {
    tries_[tenant].add(filter, {subscriber, {}});
    return;
  }
  const auto trie = tries_.find(tenant);
  if (trie == tries_.end()) return;
  trie->second.remove(filter, subscriber);
  if (trie->second.empty()) tries_.erase(trie);
}

bool RefusedTopics::matches(TenantId tenant, std::string_view topic) const {
  const auto trie = tries_.find(tenant);
  return trie != tries_.end() && !trie->second.match(topic).empty();
}

}  // namespace dunlin::hub
