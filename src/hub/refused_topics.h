#pragma once
// The filters of sessions whose queues are full: who publishes to them is told so.

#include <string_view>
#include <unordered_map>

#include "hub/shared_messages.h"
#include "hub/trie.h"

namespace dunlin::hub {

enum class Refusal : std::uint8_t { begins, ends };

/// One thread.
class RefusedTopics {
 public:
  bool empty() const { return tries_.empty(); }
  void set(TenantId tenant, std::string_view filter, SessionRef session, Refusal refusal);
  bool matches(TenantId tenant, std::string_view topic) const;

 private:
  std::unordered_map<TenantId, Trie> tries_;
};

}  // namespace dunlin::hub
