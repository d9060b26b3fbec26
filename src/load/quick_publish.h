#pragma once
// Room-internal: the parts of a PUBLISH that a load needs, found without looking at the rest.

#include <optional>

#include "base/core/bytes.h"
#include "wire/mqtt/packet.h"

namespace dunlin::load {

struct QuickPublish {
  mqtt::QoS qos = mqtt::QoS::at_most_once;
  std::uint16_t packet_id = 0;
  ByteView payload;
};

/// `frame` is one whole packet of type PUBLISH as mqtt::frame_length() found it. Only lengths are checked;
/// nothing when they do not fit or the properties are longer than 127 bytes: then the full decoder has to say
/// what it is.
inline std::optional<QuickPublish> quick_publish(ByteView frame, mqtt::ProtocolVersion version) {
  std::size_t at = 1;
  while (at < frame.size() && (frame[at] & 0x80) != 0) ++at;
  ++at;
  if (frame.size() < at + 2) return std::nullopt;
  at += 2 + (std::size_t{frame[at]} << 8 | frame[at + 1]);
  QuickPublish publish;
  publish.qos = static_cast<mqtt::QoS>((frame[0] >> 1) & 3);
  if (publish.qos > mqtt::QoS::exactly_once) return std::nullopt;
  if (publish.qos != mqtt::QoS::at_most_once) {
    if (frame.size() < at + 2) return std::nullopt;
    publish.packet_id = static_cast<std::uint16_t>(frame[at] << 8 | frame[at + 1]);
    at += 2;
  }
  if (version == mqtt::ProtocolVersion::v5) {
    if (frame.size() <= at || frame[at] > 127) return std::nullopt;
    at += 1 + std::size_t{frame[at]};
  }
  if (frame.size() < at) return std::nullopt;
  publish.payload = frame.subspan(at);
  return publish;
}

}  // namespace dunlin::load
