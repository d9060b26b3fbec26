#pragma once
// Bytes to packets. Nothing is copied and nothing is allocated: the packet's views point into the frame.

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string_view>

#include "base/core/bytes.h"
#include "wire/mqtt/packet.h"

namespace dunlin::mqtt {

/// What the specification lets the receiver say before it closes the connection.
enum class Answer : std::uint8_t {
  close,       // nothing: 3.1.1 has no way to tell, or the peer does not speak MQTT
  connack,     // a CONNACK with the reason, in the version of DecodeError::version
  disconnect,  // a DISCONNECT with the reason (5.0)
};

/// Why a packet is refused. The connection must be closed after the answer: MQTT 5.0 section 4.13, 3.1.1
/// section 4.8.
struct DecodeError {
  ReasonCode reason = ReasonCode::malformed_packet;
  std::string_view why;  // static text without the peer's bytes
  Answer answer = Answer::close;
  ProtocolVersion version = ProtocolVersion::v5;  // that the answer is encoded in
};

template <class T>
using Decoded = std::expected<T, DecodeError>;

/// What the front of a byte stream holds.
struct FrameResult {
  enum class Status : std::uint8_t { need_more, complete, error } status = Status::need_more;
  std::size_t length =
      0;  // of the whole packet; known (> 0) before all of it is there once its fixed header is
  ReasonCode reason = ReasonCode::success;  // of an error: malformed_packet or packet_too_large
  std::string_view why;                     // of an error: static text
};

/// Finds the first packet of a stream. `max_packet_bytes` counts the fixed header (MQTT 5.0
/// section 3.1.2.11.4) and is checked as soon as the length is known, so that nobody waits for a body that
/// will be refused. Reserved types and fixed header flags, and a Remaining Length that is over four bytes or
/// not minimal, are errors at once too.
FrameResult frame_length(ByteView stream, std::size_t max_packet_bytes);

/// The packet's type; the frame is not empty.
inline PacketType frame_type(ByteView frame) {
  return static_cast<PacketType>(frame[0] >> 4);
}

/// Decodes one whole packet, exactly the bytes that frame_length() found. `version` is the connection's; a
/// CONNECT tells its own and ignores it. `sender` is the side the bytes came from: a packet that only the
/// other side may send is a protocol error.
Decoded<Packet> decode(ByteView frame, ProtocolVersion version, Sender sender);

/// The same for a frame of type PUBLISH, without the detour over the variant.
Decoded<Publish> decode_publish(ByteView frame, ProtocolVersion version, Sender sender);

/// The same for a frame of type CONNECT.
Decoded<Connect> decode_connect(ByteView frame);

}  // namespace dunlin::mqtt
