#pragma once
// The one record that every transport translates to and from.

#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/slice.h"
#include "hub/principal.h"

namespace dunlin::hub {

/// A place in one of the journals (one per reactor). Journal numbers are small and dense.
struct JournalPosition {
  std::uint16_t journal = 0;
  std::uint64_t position = 0;
  friend auto operator<=>(const JournalPosition&, const JournalPosition&) = default;
};

enum class QoS : std::uint8_t { at_most_once = 0, at_least_once = 1, exactly_once = 2 };

/// What MQTT 5 carries beside the payload, MQTT 5.0 section 3.3.2.3; other protocols map to it. Null on a
/// Message when none is set.
struct Properties {
  std::optional<std::uint8_t> payload_format;
  std::optional<std::uint32_t> expiry_seconds;
  std::string content_type;
  std::string response_topic;
  std::string correlation_data;
  std::vector<std::pair<std::string, std::string>> user;
};

/// Immutable once published. Copying is cheap: the body and the properties are shared.
struct Message {
  Slice topic;  // UTF-8, without wildcards
  Slice payload;
  std::shared_ptr<const Properties> properties;  // shared: by every receiver, on any thread
  QoS qos = QoS::at_most_once;
  enum class Retain : std::uint8_t { no, yes } retain = Retain::no;
  std::uint16_t journal = 0;  // of the reactor that took it
  PrincipalRef principal;     // who published it
  WallTime received_at{};
  std::uint64_t trace_id = 0;
  std::uint64_t position = 0;  // in that journal; 0 when it is not journalled
};

/// What the limits on queues and stores count.
inline std::size_t body_bytes(const Message& message) {
  return message.topic.size() + message.payload.size();
}

}  // namespace dunlin::hub
