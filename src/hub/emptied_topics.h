#pragma once
// Topics whose retained message was removed lately: one that was published before may come after it, from
// another shard or, when a crash has both read again, from another journal.

#include <cstddef>
#include <deque>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.h"

namespace dunlin::hub {

inline constexpr std::size_t kMaxEmptiedTopics = 10'000;  // per shard; past it the oldest go
/// Several checkpoints: whatever was published before a removal is behind every journal's cursor by then.
inline constexpr Duration kEmptiedTopicLife = std::chrono::minutes{1};

/// By key (tenant and topic). One thread.
class EmptiedTopics {
 public:
  void add(const std::string& key, WallTime at);
  void erase(const std::string& key) {
    if (!times_.empty()) times_.erase(key);
  }
  bool has(const std::string& key) const { return !times_.empty() && times_.contains(key); }
  /// Whether it was emptied after that time.
  bool is_newer(const std::string& key, WallTime at) const {
    if (times_.empty()) return false;
    const auto found = times_.find(key);
    return found != times_.end() && found->second > at;
  }
  /// Takes out those that have had their time, and those past the limit; gives their keys.
  std::vector<std::string> take_old(WallTime now);

 private:
  std::unordered_map<std::string, WallTime> times_;
  std::deque<std::pair<WallTime, std::string>> order_;  // of adding; keys that have gone may still be here
};

}  // namespace dunlin::hub
