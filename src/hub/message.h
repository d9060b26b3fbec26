#pragma once
// The one record that every transport translates to and from.

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
  PrincipalRef principal;  // who published it
  WallTime received_at{};
  std::uint64_t trace_id = 0;
  std::uint64_t position = 0;  // in the journal of the reactor that took it; 0 when it is not journalled
};

}  // namespace dunlin::hub
