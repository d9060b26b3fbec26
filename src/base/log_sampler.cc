#include "base/log_sampler.h"

#include <utility>

#include "base/limits.h"

namespace dunlin::log {
namespace {

// No message and peer can spell it: the two are joined by a NUL, here is none.
constexpr std::string_view kAllOthers = "others";

}  // namespace

std::optional<std::uint64_t> RefusalSampler::admit(std::string_view message, std::string_view peer,
                                                   Instant now) {
  std::string key;
  key.append(message.substr(0, kMaxLogValueBytes)).push_back('\0');
  key.append(peer.substr(0, kMaxLogValueBytes));
  auto found = entries_.find(key);
  if (found == entries_.end()) {
    if (entries_.size() >= kMaxRefusalEntries) forget_old(now);
    if (entries_.size() >= kMaxRefusalEntries) key = kAllOthers;
    found = entries_.find(key);
  }
  if (found == entries_.end()) {
    entries_.emplace(std::move(key), Entry{now, 0});
    return 0;
  }
  Entry& entry = found->second;
  if (now - entry.written < kRefusalWindow) {
    ++entry.held_back;
    return std::nullopt;
  }
  std::uint64_t held_back = std::exchange(entry.held_back, 0);
  if (found->first == kAllOthers) held_back += std::exchange(forgotten_, 0);
  entry.written = now;
  return held_back;
}

// At most once in a window's tenth: a full table must not be searched for every refusal.
void RefusalSampler::forget_old(Instant now) {
  if (swept_ && now - *swept_ < kRefusalWindow / 10) return;
  swept_ = now;
  std::erase_if(entries_, [&](const auto& item) {
    const auto& [key, entry] = item;
    if (key == kAllOthers || now - entry.written < kRefusalWindow) return false;
    forgotten_ += entry.held_back;
    return true;
  });
}

}  // namespace dunlin::log
