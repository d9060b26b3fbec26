#include "hub/emptied_topics.h"

#include <algorithm>

namespace dunlin::hub {

void EmptiedTopics::add(const std::string& key, WallTime at) {
  WallTime& known = times_[key];
  known = std::max(known, at);
  order_.emplace_back(known, key);
}

std::vector<std::string> EmptiedTopics::take_old(WallTime now) {
  std::vector<std::string> taken;
  while (!order_.empty()) {
    const auto& [at, key] = order_.front();
    if (now - at < kEmptiedTopicLife && order_.size() <= kMaxEmptiedTopics) break;
    const auto found = times_.find(key);
    if (found != times_.end() && found->second == at) {
      times_.erase(found);
      taken.push_back(key);
    }
    order_.pop_front();
  }
  return taken;
}

}  // namespace dunlin::hub
