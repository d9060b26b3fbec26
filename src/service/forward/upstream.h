#pragma once
// The line to the platform as this room sees it; edge puts an MQTT client behind it.

#include "hub/bus.h"
#include "hub/message.h"

namespace dunlin::forward {

/// One executor's thread.
class Upstream {
 public:
  virtual ~Upstream() = default;
  /// Sends with the message's QoS (1 or 2), across lost connections. `done` runs once, when the platform has
  /// acknowledged or refused. Errors in `done`: unavailable (not now; may be sent again), permission_denied,
  /// invalid_argument, limit_exceeded (it will never take this message).
  virtual void publish(hub::Message message, hub::PublishDone done) = 0;
};

/// The name of the service that publishes what came from the platform.
inline constexpr std::string_view kUplinkName = "uplink";
/// Such a message never goes up again.
bool came_from_upstream(const hub::Message& message);

}  // namespace dunlin::forward
