#pragma once
// Between hub messages and PUBLISH packets.

#include <cstddef>
#include <vector>

#include "hub/session_link.h"
#include "net/connection.h"
#include "transport/mqtt/topic_aliases.h"
#include "wire/mqtt/decode.h"
#include "wire/mqtt/encode.h"

namespace dunlin::transport {

/// The properties that the hub carries; null when the packet has none of them.
std::shared_ptr<const hub::Properties> hub_properties(const mqtt::PublishProperties& properties);
std::shared_ptr<const hub::Properties> hub_properties(const mqtt::WillProperties& properties);

/// Writes one PUBLISH to a connection, sharing the encoded form between receivers of the same kind. Own
/// thread only.
class PublishWriter {
 public:
  struct Options {
    mqtt::ProtocolVersion version = mqtt::ProtocolVersion::v5;
    std::size_t max_packet_bytes = mqtt::kMaxPacketBytes;
    WallTime now{};
    TopicAliases::Choice alias = {};  // MQTT 5 only; a packet with one is shared with nobody
  };
  /// Returns the bytes written; 0 when the packet would be longer than `max_packet_bytes` and was not
  /// written.
  std::size_t write(net::Connection& connection, const hub::Outbound& publish, const Options& options,
                    hub::EncodingCache& cache);

 private:
  struct Encoded {
    std::size_t header_bytes = 0;      // up to the payload
    std::size_t packet_id_offset = 0;  // 0: none
  };
  Encoded encode_plain_header(const hub::Outbound& publish, mqtt::ProtocolVersion version);
  Encoded encode_header(const hub::Outbound& publish, const Options& options);

  std::vector<std::uint8_t>
      scratch_;  // offset of the packet id (2 bytes), then the header, then a small payload
  std::vector<mqtt::UserProperty> user_;
};

}  // namespace dunlin::transport
