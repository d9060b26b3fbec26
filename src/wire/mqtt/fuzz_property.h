#pragma once
// Test-only: what must hold for any bytes at all. The fuzz target and the test of its corpus share it.

#include <cstddef>
#include <string_view>
#include <variant>
#include <vector>

#include "base/core/assert.h"
#include "wire/mqtt/decode.h"
#include "wire/mqtt/encode.h"
#include "wire/mqtt/packet_equal.h"
#include "wire/mqtt/test_bytes.h"
#include "wire/mqtt/topic.h"

namespace dunlin::mqtt::test {

/// A packet that was decoded encodes into one that decodes to the same.
inline void check_packet(const Packet& packet, ProtocolVersion version, Sender sender) {
  if (const auto* connect = std::get_if<Connect>(&packet)) version = connect->version;
  Bytes bytes(encoded_size(packet, version));
  const auto length = encode(packet, version, bytes);
  DUNLIN_ASSERT(length && *length == bytes.size());
  const FrameResult frame = frame_length(bytes, kMaxPacketBytes);
  DUNLIN_ASSERT(frame.status == FrameResult::Status::complete && frame.length == bytes.size());
  const auto again = decode(bytes, version, sender);
  DUNLIN_ASSERT(again && same(packet, *again));
}

/// Takes the stream apart as a connection does. Returns how many packets were decoded before the end or the
/// first refusal. Each frame is decoded in memory of its own, so that a read past its end is seen.
inline std::size_t check_stream(ByteView stream, ProtocolVersion version, Sender sender,
                                std::size_t max_packet_bytes) {
  std::size_t packets = 0;
  for (;;) {
    const FrameResult frame = frame_length(stream, max_packet_bytes);
    if (frame.status != FrameResult::Status::complete) {
      DUNLIN_ASSERT((frame.status == FrameResult::Status::error) == (frame.reason != ReasonCode::success));
      return packets;
    }
    const Bytes bytes(stream.begin(), stream.begin() + static_cast<std::ptrdiff_t>(frame.length));
    const auto packet = decode(bytes, version, sender);
    if (!packet) {
      DUNLIN_ASSERT(is_error(packet.error().reason) && !packet.error().why.empty());
      return packets;
    }
    check_packet(*packet, version, sender);
    if (const auto* connect = std::get_if<Connect>(&*packet)) version = connect->version;
    ++packets;
    stream = stream.subspan(frame.length);
  }
}

/// The first byte chooses side and version, the others are the stream.
inline std::size_t check_input(ByteView input) {
  if (input.empty()) return 0;
  const ProtocolVersion version = (input[0] & 1) != 0 ? ProtocolVersion::v5 : ProtocolVersion::v3_1_1;
  const Sender sender = (input[0] & 2) != 0 ? Sender::server : Sender::client;
  const std::size_t max_packet_bytes = (input[0] & 4) != 0 ? 64 : kMaxPacketBytes;
  const ByteView stream = input.subspan(1);
  // Topics are checked and matched on their own too: the two rules must agree on what is valid.
  const std::string_view text = as_text(stream);
  const std::string_view topic = text.substr(0, text.size() / 2);
  const std::string_view filter = text.substr(text.size() / 2);
  if (check_topic_name(topic) == TopicFault::none && check_topic_filter(filter) == TopicFault::none) {
    const bool matches = topic_matches(filter, topic);
    DUNLIN_ASSERT(has_wildcard(filter) || matches == (filter == topic));
  }
  return check_stream(stream, version, sender, max_packet_bytes);
}

}  // namespace dunlin::mqtt::test
