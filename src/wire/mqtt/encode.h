#pragma once
// Packets to bytes, into the caller's memory. Nothing is allocated.
//
// Under 3.1.1 properties are left out, and so are reasons where the packet has no room for one; the same
// struct serves both versions. The caller answers for texts being UTF-8 and topics being valid (topic.h);
// lengths, counts and what a packet must have are checked.

#include <concepts>
#include <cstddef>
#include <cstdint>

#include "base/core/bytes.h"
#include "base/core/result.h"
#include "wire/mqtt/packet.h"

namespace dunlin::mqtt {

template <class P>
concept AnyPacket = std::same_as<P, Connect> || std::same_as<P, Connack> || std::same_as<P, Publish> ||
                    std::same_as<P, Ack> || std::same_as<P, Subscribe> || std::same_as<P, Suback> ||
                    std::same_as<P, Unsubscribe> || std::same_as<P, Unsuback> || std::same_as<P, Pingreq> ||
                    std::same_as<P, Pingresp> || std::same_as<P, Disconnect> || std::same_as<P, Auth> ||
                    std::same_as<P, Packet>;

/// Bytes that encode() will write, fixed header included; 0 when the packet cannot be encoded. A CONNECT goes
/// by its own version.
template <AnyPacket P>
std::size_t encoded_size(const P& packet, ProtocolVersion version);

/// Writes the whole packet to the front of `out` and returns its length. Errors: limit_exceeded (buffer too
/// small, a field or the packet too long, more items than limits.h allows), invalid_argument (packet
/// identifier 0, an empty list, no topic ...), unsupported (the version has no such packet or reason). What
/// `out` holds after an error is unspecified.
template <AnyPacket P>
core::Result<std::size_t> encode(const P& packet, ProtocolVersion version, MutableByteView out);

/// A PUBLISH up to its payload, and where to patch it for each receiver.
struct PublishHeader {
  std::size_t size = 0;              // bytes written; the payload follows them on the wire
  std::size_t packet_id_offset = 0;  // of the two identifier bytes; 0 with QoS 0, which has none
};

/// Writes everything of the PUBLISH except its payload, whose length counts in the Remaining Length: so one
/// payload is shared by many receivers and one header by those that differ only in the identifier. With QoS 1
/// or 2 the identifier may still be 0, to be set with set_packet_id() before sending. Errors as encode().
core::Result<PublishHeader> encode_publish_header(const Publish& packet, ProtocolVersion version,
                                                  MutableByteView out);

/// Bytes that encode_publish_header() will write; 0 when the packet cannot be encoded.
std::size_t publish_header_size(const Publish& packet, ProtocolVersion version);

/// Overwrites the identifier of an encoded PUBLISH (not QoS 0) or of its header.
void set_packet_id(MutableByteView encoded, const PublishHeader& header, std::uint16_t packet_id);

/// Sets the DUP flag of an encoded PUBLISH with QoS 1 or 2, for sending it again: [MQTT-3.3.1-1].
void set_dup(MutableByteView encoded);

}  // namespace dunlin::mqtt
