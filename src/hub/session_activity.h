#pragma once
// What a session has done and lost so far. Made with its first message: most sessions are idle.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "hub/publish_meter.h"

namespace dunlin::hub {

/// Why a message that was meant for a session never reached its client.
enum class DropReason : std::uint8_t {
  qos0_queue,        // QoS 0, and more waited already than the limits allow
  offline,           // QoS 0 while the client was away (MQTT 3.1.1 section 3.1.2.4)
  expired,           // MQTT 5.0 section 3.3.2.3.3
  packet_too_large,  // MQTT 5.0 section 3.1.2.11.4
  memory,            // QoS 0, and the process has no memory left
  not_authorized,    // the client may not receive its topic
};
inline constexpr std::size_t kDropReasons = 6;
/// "qos0_queue" ...: the stable word of the API and the metrics.
std::string_view drop_reason_name(DropReason reason);

/// One or more messages in a row that were lost for the same reason.
struct RecentDrop {
  DropReason reason = DropReason::qos0_queue;
  WallTime at{};      // of the last one
  std::string topic;  // cut to kMaxRecentDropTopicBytes
  std::uint64_t count = 1;
};

inline constexpr std::size_t kMaxRecentDrops = 8;  // per session, the oldest goes
inline constexpr std::size_t kMaxRecentDropTopicBytes = 128;

/// Since the session was made, or since the process started. One thread.
struct SessionActivity {
  std::uint64_t in = 0;   // messages taken from the client
  std::uint64_t out = 0;  // handed to its connection
  std::array<std::uint32_t, kDropReasons> dropped{};
  WallTime held_since{};  // when it was held back as a publisher; only while it is
  OnDemand<PublishMeter> meter;
  std::vector<RecentDrop> recent;  // the newest last; those that the client's absence explains are not here

  void drop(DropReason reason, std::string_view topic, WallTime now);
};

}  // namespace dunlin::hub
