#include "wire/mqtt/decode.h"

#include <algorithm>
#include <optional>

#include "wire/mqtt/decode_connect.h"
#include "wire/mqtt/decode_properties.h"
#include "wire/mqtt/reader.h"
#include "wire/mqtt/subscription_options.h"
#include "wire/mqtt/topic.h"

namespace dunlin::mqtt {
namespace {

struct Context {
  PacketType type;
  std::uint8_t flags;
  ProtocolVersion version;
  Sender sender;
  bool is_v5() const { return version == ProtocolVersion::v5; }
};

// Table 2-2: PUBREL, SUBSCRIBE and UNSUBSCRIBE carry 2, PUBLISH its own bits, all others 0.
std::string_view fixed_header_fault(std::uint8_t first) {
  const auto type = static_cast<PacketType>(first >> 4);
  const unsigned flags = first & 0x0FU;
  if (first < 0x10) return "packet type 0 is reserved";
  switch (type) {
    case PacketType::publish:
      return (flags & 0x06U) == 0x06U ? "PUBLISH with QoS 3" : "";  // [MQTT-3.3.1-4]
    case PacketType::pubrel:
    case PacketType::subscribe:
    case PacketType::unsubscribe:
      return flags == 2 ? "" : "reserved flags of the fixed header";  // [MQTT-2.1.3-1]
    default:
      return flags == 0 ? "" : "reserved flags of the fixed header";
  }
}

std::uint16_t read_packet_id(Reader& reader) {
  const std::uint16_t id = reader.u16();
  if (id == 0) reader.protocol_error("packet identifier is 0");  // [MQTT-2.2.1-3]
  return id;
}

ReasonCode read_reason(Reader& reader, const Context& context) {
  const auto reason = static_cast<ReasonCode>(reader.u8());
  if (!reason_code_allowed(context.type, context.sender, reason)) {
    reader.protocol_error("reason code is not one of this packet's");
  }
  return reason;
}

void check_topic(Reader& reader, TopicFault fault, ReasonCode too_many_levels) {
  if (fault == TopicFault::none) return;
  // A topic past our own bound is well formed, so the reason is "not accepted by this server".
  const bool own_limit = fault == TopicFault::too_many_levels;
  reader.fail(own_limit ? too_many_levels : ReasonCode::malformed_packet, topic_fault_text(fault));
}

Connack read_connack(Reader& reader, const Context& context) {
  Connack connack;
  const std::uint8_t flags = reader.u8();
  if ((flags & 0xFE) != 0) reader.malformed("reserved CONNACK flags");  // [MQTT-3.2.2-1]
  connack.session_present = flags != 0;
  if (context.is_v5()) {
    connack.reason = read_reason(reader, context);
    connack.properties = read_properties<ConnackProperties>(reader);
    if (connack.properties.authentication_data && !connack.properties.authentication_method) {
      reader.protocol_error("authentication data without a method");
    }
  } else {
    const std::optional<ReasonCode> reason = connack_reason_code(reader.u8());
    if (!reason) reader.protocol_error("reserved CONNACK return code");
    connack.reason = reason.value_or(ReasonCode::unspecified_error);
  }
  // [MQTT-3.2.2-6]; 3.1.1: [MQTT-3.2.2-4].
  if (connack.session_present && connack.reason != ReasonCode::success) {
    reader.protocol_error("session present in a refusal");
  }
  return connack;
}

Publish read_publish(Reader& reader, const Context& context) {
  Publish publish;
  publish.dup = (context.flags & 0x08) != 0;
  publish.qos = static_cast<QoS>((context.flags >> 1) & 0x03);
  publish.retain = (context.flags & 0x01) != 0;
  const bool with_id = publish.qos != QoS::at_most_once;
  if (publish.dup && !with_id) reader.malformed("DUP with QoS 0");  // [MQTT-3.3.1-2]
  publish.topic = reader.unchecked_text();
  if (!publish.topic.empty()) {
    check_topic(reader, check_topic_name(publish.topic), ReasonCode::topic_name_invalid);
  } else if (!context.is_v5()) {
    reader.malformed("topic is empty");  // [MQTT-4.7.3-1]
  }
  if (with_id) publish.packet_id = read_packet_id(reader);
  if (context.is_v5()) {
    publish.properties = read_properties<PublishProperties>(reader);
    if (publish.topic.empty() && !publish.properties.topic_alias) {
      reader.protocol_error("no topic and no topic alias");  // section 3.3.2.1
    }
    // [MQTT-3.3.4-6].
    if (context.sender == Sender::client && !publish.properties.subscription_identifiers.empty()) {
      reader.protocol_error("subscription identifier in a client's PUBLISH");
    }
  }
  publish.payload = reader.take_rest();
  return publish;
}

Ack read_ack(Reader& reader, const Context& context) {
  Ack ack;
  ack.type = context.type;
  ack.packet_id = read_packet_id(reader);
  if (!context.is_v5() || reader.empty()) return ack;  // section 3.4.2.1: success may be left out
  ack.reason = read_reason(reader, context);
  if (reader.empty()) return ack;
  ack.properties = read_properties<AckProperties>(reader);
  return ack;
}

void check_options(Reader& reader, const Context& context, std::string_view filter, std::uint8_t options) {
  const std::uint8_t reserved = context.is_v5() ? kReservedOptionBits : static_cast<std::uint8_t>(~kQosBits);
  if ((options & reserved) != 0)
    return reader.malformed("reserved subscription option bits");  // [MQTT-3.8.3-5]
  if ((options & kQosBits) == 3) return reader.protocol_error("subscription with QoS 3");
  if ((options >> kRetainHandlingShift) == 3) return reader.protocol_error("retain handling 3");
  if ((options & kNoLocalBit) != 0 && parse_shared_filter(filter)) {
    reader.protocol_error("no local on a shared subscription");  // [MQTT-3.8.3-4]
  }
}

void check_filter_count(Reader& reader, std::size_t count) {
  if (count == 0) reader.protocol_error("no topic filter");  // [MQTT-3.8.3-2], [MQTT-3.10.3-2]
  if (count > kMaxFiltersPerPacket)
    reader.fail(ReasonCode::quota_exceeded, "too many topic filters in one packet");
}

Subscribe read_subscribe(Reader& reader, const Context& context) {
  Subscribe subscribe;
  subscribe.packet_id = read_packet_id(reader);
  if (context.is_v5()) subscribe.properties = read_properties<SubscribeProperties>(reader);
  const ByteView list = reader.rest();
  std::size_t count = 0;
  for (; !reader.empty() && count <= kMaxFiltersPerPacket; ++count) {
    const std::string_view filter = reader.unchecked_text();
    if (!reader.failed()) check_topic(reader, check_topic_filter(filter), ReasonCode::topic_filter_invalid);
    const std::uint8_t options = reader.u8();
    check_options(reader, context, filter, options);
  }
  check_filter_count(reader, count);
  subscribe.subscriptions = Subscriptions::of_encoded(list, count);
  return subscribe;
}

Unsubscribe read_unsubscribe(Reader& reader, const Context& context) {
  Unsubscribe unsubscribe;
  unsubscribe.packet_id = read_packet_id(reader);
  if (context.is_v5()) unsubscribe.properties = read_properties<UnsubscribeProperties>(reader);
  const ByteView list = reader.rest();
  std::size_t count = 0;
  for (; !reader.empty() && count <= kMaxFiltersPerPacket; ++count) {
    const std::string_view filter = reader.unchecked_text();
    if (!reader.failed()) check_topic(reader, check_topic_filter(filter), ReasonCode::topic_filter_invalid);
  }
  check_filter_count(reader, count);
  unsubscribe.filters = TopicFilters::of_encoded(list, count);
  return unsubscribe;
}

ByteView read_reason_list(Reader& reader, const Context& context) {
  const ByteView codes = reader.take_rest();
  if (codes.empty()) reader.protocol_error("no reason code");
  if (codes.size() > kMaxFiltersPerPacket) reader.fail(ReasonCode::quota_exceeded, "too many reason codes");
  const auto allowed = [&context](std::uint8_t byte) {
    // 3.1.1 section 3.9.3 knows four of the codes.
    if (!context.is_v5()) return byte <= 2 || byte == 0x80;
    return reason_code_allowed(context.type, context.sender, static_cast<ReasonCode>(byte));
  };
  if (!std::all_of(codes.begin(), codes.end(), allowed)) {
    reader.protocol_error("reason code is not one of this packet's");
  }
  return codes;
}

Suback read_suback(Reader& reader, const Context& context) {
  Suback suback;
  suback.packet_id = read_packet_id(reader);
  if (context.is_v5()) suback.properties = read_properties<AckProperties>(reader);
  suback.reason_codes = read_reason_list(reader, context);
  return suback;
}

Unsuback read_unsuback(Reader& reader, const Context& context) {
  Unsuback unsuback;
  unsuback.packet_id = read_packet_id(reader);
  if (!context.is_v5()) return unsuback;
  unsuback.properties = read_properties<AckProperties>(reader);
  unsuback.reason_codes = read_reason_list(reader, context);
  return unsuback;
}

Disconnect read_disconnect(Reader& reader, const Context& context) {
  Disconnect disconnect;
  if (!context.is_v5() || reader.empty()) return disconnect;  // section 3.14.2.1: normal disconnection
  disconnect.reason = read_reason(reader, context);
  if (reader.empty()) return disconnect;
  disconnect.properties = read_properties<DisconnectProperties>(reader);
  // [MQTT-3.14.2-2], and section 3.14.2.2.5: the server sends the Server Reference.
  if (context.sender == Sender::server && disconnect.properties.session_expiry_interval) {
    reader.protocol_error("session expiry interval in a server's DISCONNECT");
  }
  if (context.sender == Sender::client && disconnect.properties.server_reference) {
    reader.protocol_error("server reference in a client's DISCONNECT");
  }
  return disconnect;
}

Auth read_auth(Reader& reader, const Context& context) {
  Auth auth;
  if (reader.empty()) {  // section 3.15.2.1: stands for success, which only a server sends
    if (context.sender == Sender::client) reader.protocol_error("reason code is not one of this packet's");
    return auth;
  }
  auth.reason = read_reason(reader, context);
  auth.properties = read_properties<AuthProperties>(reader);
  if (!auth.properties.authentication_method) reader.protocol_error("AUTH without an authentication method");
  return auth;
}

bool may_send(const Context& context) {
  const bool server = context.sender == Sender::server;
  switch (context.type) {
    case PacketType::connect:
    case PacketType::subscribe:
    case PacketType::unsubscribe:
    case PacketType::pingreq:
      return !server;
    case PacketType::connack:
    case PacketType::suback:
    case PacketType::unsuback:
    case PacketType::pingresp:
      return server;
    case PacketType::disconnect:
      return !server || context.is_v5();
    case PacketType::auth:
      return context.is_v5();
    default:
      return true;
  }
}

Packet read_packet(Reader& reader, const Context& context) {
  switch (context.type) {
    case PacketType::connack:
      return read_connack(reader, context);
    case PacketType::publish:
      return read_publish(reader, context);
    case PacketType::puback:
    case PacketType::pubrec:
    case PacketType::pubrel:
    case PacketType::pubcomp:
      return read_ack(reader, context);
    case PacketType::subscribe:
      return read_subscribe(reader, context);
    case PacketType::suback:
      return read_suback(reader, context);
    case PacketType::unsubscribe:
      return read_unsubscribe(reader, context);
    case PacketType::unsuback:
      return read_unsuback(reader, context);
    case PacketType::pingreq:
      return Pingreq{};
    case PacketType::pingresp:
      return Pingresp{};
    case PacketType::disconnect:
      return read_disconnect(reader, context);
    case PacketType::auth:
      return read_auth(reader, context);
    case PacketType::connect:
      break;  // has its own way in: decode_connect()
  }
  reader.malformed("packet type 0 is reserved");
  return Pingreq{};
}

// The fixed header. What is left in the reader is the rest of the packet.
Context open_frame(Reader& reader, ProtocolVersion version, Sender sender) {
  const std::uint8_t first = reader.u8();
  const Context context{static_cast<PacketType>(first >> 4), static_cast<std::uint8_t>(first & 0x0F), version,
                        sender};
  if (const std::string_view fault = fixed_header_fault(first); !fault.empty()) reader.malformed(fault);
  const std::uint32_t remaining = reader.variable_byte_integer();
  if (reader.left() != remaining) reader.malformed("frame is not as long as its header says");
  if (!may_send(context)) reader.protocol_error("packet that this side may not send");
  return context;
}

DecodeError refusal(const Reader& reader, const Context& context) {
  const bool told =
      context.is_v5() && context.type != PacketType::connack;  // a failed CONNACK opens no connection
  return {reader.reason(), reader.why(), told ? Answer::disconnect : Answer::close, context.version};
}

void close_frame(Reader& reader) {
  if (!reader.empty()) reader.malformed("bytes after the packet's last field");
}

}  // namespace

void check_property_value(Reader& block, PropertyId id, std::uint32_t value) {
  switch (id) {
    case PropertyId::receive_maximum:
    case PropertyId::maximum_packet_size:
    case PropertyId::subscription_identifier:
      if (value == 0) block.protocol_error("property may not be 0");
      return;
    case PropertyId::topic_alias:
      if (value == 0) block.fail(ReasonCode::topic_alias_invalid, "topic alias is 0");  // [MQTT-3.3.2-8]
      return;
    default:
      if (property_type(static_cast<std::uint32_t>(id)) == PropertyType::byte && value > 1) {
        block.protocol_error("property must be 0 or 1");
      }
  }
}

FrameResult frame_length(ByteView stream, std::size_t max_packet_bytes) {
  using enum FrameResult::Status;
  if (stream.empty()) return {};
  if (const std::string_view fault = fixed_header_fault(stream[0]); !fault.empty()) {
    return {error, 0, ReasonCode::malformed_packet, fault};
  }
  std::size_t remaining = 0;
  for (std::size_t i = 1; i < kMaxFixedHeaderBytes; ++i) {
    if (i == stream.size()) return {};
    const std::uint8_t byte = stream[i];
    remaining |= static_cast<std::size_t>(byte & 0x7F) << (7 * (i - 1));
    if ((byte & 0x80) != 0) continue;
    if (byte == 0 && i > 1) {  // [MQTT-1.5.5-1]
      return {error, 0, ReasonCode::malformed_packet, "remaining length is not of minimal length"};
    }
    const std::size_t length = 1 + i + remaining;
    if (length > max_packet_bytes)
      return {error, length, ReasonCode::packet_too_large, "packet is too large"};
    return {stream.size() < length ? need_more : complete, length, ReasonCode::success, {}};
  }
  return {error, 0, ReasonCode::malformed_packet, "remaining length is longer than four bytes"};
}

Decoded<Publish> decode_publish(ByteView frame, ProtocolVersion version, Sender sender) {
  Reader reader(frame);
  const Context context = open_frame(reader, version, sender);
  if (context.type != PacketType::publish) reader.protocol_error("not a PUBLISH");
  const Publish publish = read_publish(reader, context);
  if (reader.failed()) return std::unexpected(refusal(reader, context));
  return publish;
}

Decoded<Connect> decode_connect(ByteView frame) {
  Reader reader(frame);
  const Context context = open_frame(reader, ProtocolVersion::v5, Sender::client);
  if (context.type != PacketType::connect) reader.protocol_error("not a CONNECT");
  ConnectReading reading = read_connect(reader);
  close_frame(reader);
  if (!reader.failed()) return reading.connect;
  return std::unexpected(
      DecodeError{reader.reason(), reader.why(), connect_answer(reading, reader.reason()), reading.version});
}

Decoded<Packet> decode(ByteView frame, ProtocolVersion version, Sender sender) {
  if (!frame.empty() && frame_type(frame) == PacketType::connect && sender == Sender::client) {
    Decoded<Connect> connect = decode_connect(frame);
    if (!connect) return std::unexpected(connect.error());
    return Packet(*connect);
  }
  Reader reader(frame);
  const Context context = open_frame(reader, version, sender);
  Packet packet = read_packet(reader, context);
  close_frame(reader);
  if (reader.failed()) return std::unexpected(refusal(reader, context));
  return packet;
}

}  // namespace dunlin::mqtt
