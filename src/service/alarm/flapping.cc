#include "service/alarm/flapping.h"

#include <algorithm>

namespace dunlin::alarm {

FlapWatch::Seen FlapWatch::note(const std::string& condition, WallTime at) {
  if (rule_.changes <= 0) return Seen::steady;
  auto found = changes_.find(condition);
  if (found == changes_.end()) {
    if (changes_.size() >= kMaxWatchedConditions) forget_old(at);
    if (changes_.size() >= kMaxWatchedConditions) return Seen::steady;
    found = changes_.try_emplace(condition).first;
  }
  std::vector<WallTime>& times = found->second;
  const auto old = [&](WallTime time) { return time < at - rule_.within; };
  std::erase_if(times, old);
  times.push_back(at);
  const auto most = static_cast<std::size_t>(rule_.changes);
  if (times.size() > most) times.erase(times.begin());
  return times.size() >= most ? Seen::flapping : Seen::steady;
}

/// Not with each condition that finds no room.
void FlapWatch::forget_old(WallTime now) {
  if (now < swept_ + rule_.within / 4 && now >= swept_) return;
  swept_ = now;
  std::erase_if(changes_, [&](const auto& entry) { return entry.second.back() < now - rule_.within; });
}

}  // namespace dunlin::alarm
