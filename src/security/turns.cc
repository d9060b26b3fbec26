#include "security/turns.h"

#include "base/core/assert.h"
#include "security/limits.h"

namespace dunlin::security {

bool Turns::take(Executor& executor, const std::string& key, Task step) {
  {
    const std::scoped_lock lock(mutex_);
    const auto [found, is_first] = busy_.try_emplace(key);
    if (!is_first) {
      if (found->second.size() >= kMaxTurnsWaiting) return false;
      found->second.push_back({&executor, std::move(step)});
      return true;
    }
  }
  step();
  return true;
}

void Turns::end(const std::string& key) {
  const std::scoped_lock lock(mutex_);
  const auto found = busy_.find(key);
  DUNLIN_ASSERT(found != busy_.end());
  if (found->second.empty()) return void(busy_.erase(found));
  Waiting next = std::move(found->second.front());
  found->second.pop_front();
  next.executor->post(std::move(next.step));
}

}  // namespace dunlin::security
