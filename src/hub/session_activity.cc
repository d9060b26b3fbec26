#include "hub/session_activity.h"

#include "base/core/assert.h"

namespace dunlin::hub {

std::string_view drop_reason_name(DropReason reason) {
  switch (reason) {
    case DropReason::qos0_queue:
      return "qos0_queue";
    case DropReason::offline:
      return "offline";
    case DropReason::expired:
      return "expired";
    case DropReason::packet_too_large:
      return "packet_too_large";
    case DropReason::memory:
      return "memory";
    case DropReason::not_authorized:
      return "not_authorized";
  }
  return "unknown";
}

void SessionActivity::drop(DropReason reason, std::string_view topic, WallTime now) {
  ++dropped[static_cast<std::size_t>(reason)];
  // Many sessions can be away at once, and the reason says it all.
  if (reason == DropReason::offline) return;
  const std::string_view kept = topic.substr(0, kMaxRecentDropTopicBytes);
  if (!recent.empty() && recent.back().reason == reason && recent.back().topic == kept) {
    ++recent.back().count;
    recent.back().at = now;
    return;
  }
  if (recent.size() >= kMaxRecentDrops) recent.erase(recent.begin());
  recent.push_back({reason, now, std::string(kept), 1});
}

}  // namespace dunlin::hub
