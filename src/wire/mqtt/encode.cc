#include "wire/mqtt/encode.h"

#include <optional>
#include <variant>

#include "base/core/assert.h"
#include "wire/mqtt/encode_properties.h"
#include "wire/mqtt/subscription_options.h"
#include "wire/mqtt/writer.h"

namespace dunlin::mqtt {
namespace {

constexpr std::uint8_t kDupBit = 0x08;

bool is_v5(ProtocolVersion version) {
  return version == ProtocolVersion::v5;
}

unsigned type_bits(PacketType type) {
  return static_cast<unsigned>(type) << 4;
}

// The first byte, table 2-2.
unsigned first_byte(const Connect&) {
  return type_bits(PacketType::connect);
}
unsigned first_byte(const Connack&) {
  return type_bits(PacketType::connack);
}
unsigned first_byte(const Publish& publish) {
  unsigned flags = static_cast<unsigned>(publish.qos) << 1;
  if (publish.dup) flags |= kDupBit;
  if (publish.retain) flags |= 0x01;
  return type_bits(PacketType::publish) | flags;
}
unsigned first_byte(const Ack& ack) {
  return type_bits(ack.type) | (ack.type == PacketType::pubrel ? 0x02U : 0U);
}
unsigned first_byte(const Subscribe&) {
  return type_bits(PacketType::subscribe) | 0x02U;
}
unsigned first_byte(const Suback&) {
  return type_bits(PacketType::suback);
}
unsigned first_byte(const Unsubscribe&) {
  return type_bits(PacketType::unsubscribe) | 0x02U;
}
unsigned first_byte(const Unsuback&) {
  return type_bits(PacketType::unsuback);
}
unsigned first_byte(const Pingreq&) {
  return type_bits(PacketType::pingreq);
}
unsigned first_byte(const Pingresp&) {
  return type_bits(PacketType::pingresp);
}
unsigned first_byte(const Disconnect&) {
  return type_bits(PacketType::disconnect);
}
unsigned first_byte(const Auth&) {
  return type_bits(PacketType::auth);
}

void write_packet_id(Writer& out, std::uint16_t id) {
  if (id == 0) out.fail(Errc::invalid_argument, "packet identifier is 0");
  out.u16(id);
}

unsigned connect_flags(const Connect& connect) {
  unsigned flags = connect.clean_start ? 0x02 : 0;
  if (connect.will) {
    flags |= 0x04U | static_cast<unsigned>(connect.will->qos) << 3;
    if (connect.will->retain) flags |= 0x20;
  }
  if (connect.password) flags |= 0x40;
  if (connect.user_name) flags |= 0x80;
  return flags;
}

void check_connect(Writer& out, const Connect& connect) {
  if (connect.will && connect.will->topic.empty()) out.fail(Errc::invalid_argument, "will without a topic");
  if (is_v5(connect.version)) return;
  if (connect.password && !connect.user_name)
    out.fail(Errc::invalid_argument, "password without a user name");
  if (connect.client_id.empty() && !connect.clean_start) {
    out.fail(Errc::invalid_argument, "empty client identifier without clean session");
  }
}

void write_body(Writer& out, const Connect& connect, ProtocolVersion) {
  check_connect(out, connect);
  out.text("MQTT");
  const bool marked = connect.bridge && !is_v5(connect.version);
  out.u8(static_cast<unsigned>(connect.version) | (marked ? kBridgeMark : 0U));
  out.u8(connect_flags(connect));
  out.u16(connect.keep_alive);
  if (is_v5(connect.version)) write_properties(out, connect.properties);
  out.text(connect.client_id);
  if (connect.will) {
    if (is_v5(connect.version)) write_properties(out, connect.will->properties);
    out.text(connect.will->topic);
    out.binary(connect.will->payload);
  }
  if (connect.user_name) out.text(*connect.user_name);
  if (connect.password) out.binary(*connect.password);
}

void write_body(Writer& out, const Connack& connack, ProtocolVersion version) {
  if (connack.session_present && connack.reason != ReasonCode::success) {
    out.fail(Errc::invalid_argument, "session present in a refusal");
  }
  out.u8(connack.session_present ? 1 : 0);
  if (is_v5(version)) {
    out.u8(static_cast<unsigned>(connack.reason));
    return write_properties(out, connack.properties);
  }
  const std::optional<std::uint8_t> code = connack_return_code(connack.reason);
  if (!code) return out.fail(Errc::unsupported, "MQTT 3.1.1 has no return code for the reason");
  out.u8(*code);
}

void write_publish_header(Writer& out, const Publish& publish, ProtocolVersion version) {
  if (publish.topic.empty() && !(is_v5(version) && publish.properties.topic_alias)) {
    out.fail(Errc::invalid_argument, "PUBLISH without a topic");
  }
  const bool with_id = publish.qos != QoS::at_most_once;
  if (publish.dup && !with_id) out.fail(Errc::invalid_argument, "DUP with QoS 0");  // [MQTT-3.3.1-2]
  out.text(publish.topic);
  if (with_id) out.u16(publish.packet_id);
  if (is_v5(version)) write_properties(out, publish.properties);
}

void write_body(Writer& out, const Publish& publish, ProtocolVersion version) {
  if (publish.qos != QoS::at_most_once && publish.packet_id == 0) {
    out.fail(Errc::invalid_argument, "packet identifier is 0");
  }
  write_publish_header(out, publish, version);
  out.bytes(publish.payload);
}

void write_body(Writer& out, const Ack& ack, ProtocolVersion version) {
  write_packet_id(out, ack.packet_id);
  if (!is_v5(version)) return;
  // The shortest form, sections 3.4.2.1 and 3.4.2.2.1.
  const bool with_properties = has_properties(ack.properties);
  if (with_properties || ack.reason != ReasonCode::success) out.u8(static_cast<unsigned>(ack.reason));
  if (with_properties) write_properties(out, ack.properties);
}

void check_count(Writer& out, std::size_t count) {
  if (count == 0) out.fail(Errc::invalid_argument, "list is empty");
  if (count > kMaxFiltersPerPacket) out.fail(Errc::limit_exceeded, "list is too long for one packet");
}

void write_body(Writer& out, const Subscribe& subscribe, ProtocolVersion version) {
  write_packet_id(out, subscribe.packet_id);
  if (is_v5(version)) write_properties(out, subscribe.properties);
  check_count(out, subscribe.subscriptions.size());
  for (const Subscription& subscription : subscribe.subscriptions) {
    if (subscription.filter.empty()) out.fail(Errc::invalid_argument, "topic filter is empty");
    out.text(subscription.filter);
    out.u8(is_v5(version) ? pack_options(subscription) : static_cast<unsigned>(subscription.qos));
  }
}

void write_body(Writer& out, const Suback& suback, ProtocolVersion version) {
  write_packet_id(out, suback.packet_id);
  check_count(out, suback.reason_codes.size());
  if (is_v5(version)) {
    write_properties(out, suback.properties);
    return out.bytes(suback.reason_codes);
  }
  for (const std::uint8_t code : suback.reason_codes)
    out.u8(code < 0x80 ? code : 0x80U);  // 3.1.1 section 3.9.3
}

void write_body(Writer& out, const Unsubscribe& unsubscribe, ProtocolVersion version) {
  write_packet_id(out, unsubscribe.packet_id);
  if (is_v5(version)) write_properties(out, unsubscribe.properties);
  check_count(out, unsubscribe.filters.size());
  for (const std::string_view filter : unsubscribe.filters) {
    if (filter.empty()) out.fail(Errc::invalid_argument, "topic filter is empty");
    out.text(filter);
  }
}

void write_body(Writer& out, const Unsuback& unsuback, ProtocolVersion version) {
  write_packet_id(out, unsuback.packet_id);
  if (!is_v5(version)) return;
  check_count(out, unsuback.reason_codes.size());
  write_properties(out, unsuback.properties);
  out.bytes(unsuback.reason_codes);
}

void write_body(Writer&, const Pingreq&, ProtocolVersion) {}
void write_body(Writer&, const Pingresp&, ProtocolVersion) {}

void write_body(Writer& out, const Disconnect& disconnect, ProtocolVersion version) {
  if (!is_v5(version)) return;
  const bool with_properties = has_properties(disconnect.properties);
  if (with_properties || disconnect.reason != ReasonCode::normal_disconnection) {
    out.u8(static_cast<unsigned>(disconnect.reason));
  }
  if (with_properties) write_properties(out, disconnect.properties);
}

void write_body(Writer& out, const Auth& auth, ProtocolVersion version) {
  if (!is_v5(version)) return out.fail(Errc::unsupported, "MQTT 3.1.1 has no AUTH");
  if (auth.reason == ReasonCode::success && !has_properties(auth.properties)) return;  // section 3.15.2.1
  if (!auth.properties.authentication_method) {
    out.fail(Errc::invalid_argument, "AUTH without an authentication method");
  }
  out.u8(static_cast<unsigned>(auth.reason));
  write_properties(out, auth.properties);
}

void write_fixed_header(Writer& out, unsigned first, std::size_t remaining) {
  out.u8(first);
  out.variable_byte_integer(remaining);
}

std::size_t frame_size(const Writer& body, std::size_t payload) {
  const std::size_t remaining = body.size() + payload;
  if (body.failed() || remaining > kMaxRemainingLength) return 0;
  return 1 + variable_byte_size(remaining) + remaining;
}

template <class P>
core::Result<std::size_t> encode_one(const P& packet, ProtocolVersion version, MutableByteView bytes) {
  Writer counter;
  write_body(counter, packet, version);
  if (counter.failed()) return std::unexpected(counter.error());
  Writer out(bytes);
  write_fixed_header(out, first_byte(packet), counter.size());
  write_body(out, packet, version);
  if (out.failed()) return std::unexpected(out.error());
  return out.size();
}

template <class P>
std::size_t size_of_one(const P& packet, ProtocolVersion version) {
  Writer counter;
  write_body(counter, packet, version);
  return frame_size(counter, 0);
}

}  // namespace

template <AnyPacket P>
std::size_t encoded_size(const P& packet, ProtocolVersion version) {
  if constexpr (std::same_as<P, Packet>) {
    return std::visit([version](const auto& one) { return size_of_one(one, version); }, packet);
  } else {
    return size_of_one(packet, version);
  }
}

template <AnyPacket P>
core::Result<std::size_t> encode(const P& packet, ProtocolVersion version, MutableByteView out) {
  if constexpr (std::same_as<P, Packet>) {
    return std::visit([version, out](const auto& one) { return encode_one(one, version, out); }, packet);
  } else {
    return encode_one(packet, version, out);
  }
}

core::Result<PublishHeader> encode_publish_header(const Publish& packet, ProtocolVersion version,
                                                  MutableByteView out) {
  Writer counter;
  write_publish_header(counter, packet, version);
  if (counter.failed()) return std::unexpected(counter.error());
  Writer writer(out);
  write_fixed_header(writer, first_byte(packet), counter.size() + packet.payload.size());
  PublishHeader header;
  if (packet.qos != QoS::at_most_once) header.packet_id_offset = writer.size() + 2 + packet.topic.size();
  write_publish_header(writer, packet, version);
  if (writer.failed()) return std::unexpected(writer.error());
  header.size = writer.size();
  return header;
}

std::size_t publish_header_size(const Publish& packet, ProtocolVersion version) {
  Writer counter;
  write_publish_header(counter, packet, version);
  const std::size_t whole = frame_size(counter, packet.payload.size());
  return whole == 0 ? 0 : whole - packet.payload.size();
}

void set_packet_id(MutableByteView encoded, const PublishHeader& header, std::uint16_t packet_id) {
  const std::size_t at = header.packet_id_offset;
  DUNLIN_ASSERT(at != 0 && at + 2 <= encoded.size());
  encoded[at] = static_cast<std::uint8_t>(packet_id >> 8);
  encoded[at + 1] = static_cast<std::uint8_t>(packet_id);
}

void set_dup(MutableByteView encoded) {
  DUNLIN_ASSERT(!encoded.empty());
  encoded[0] |= kDupBit;
}

#define DUNLIN_MQTT_ENCODABLE(P)                                   \
  template std::size_t encoded_size<P>(const P&, ProtocolVersion); \
  template core::Result<std::size_t> encode<P>(const P&, ProtocolVersion, MutableByteView);
DUNLIN_MQTT_ENCODABLE(Connect)
DUNLIN_MQTT_ENCODABLE(Connack)
DUNLIN_MQTT_ENCODABLE(Publish)
DUNLIN_MQTT_ENCODABLE(Ack)
DUNLIN_MQTT_ENCODABLE(Subscribe)
DUNLIN_MQTT_ENCODABLE(Suback)
DUNLIN_MQTT_ENCODABLE(Unsubscribe)
DUNLIN_MQTT_ENCODABLE(Unsuback)
DUNLIN_MQTT_ENCODABLE(Pingreq)
DUNLIN_MQTT_ENCODABLE(Pingresp)
DUNLIN_MQTT_ENCODABLE(Disconnect)
DUNLIN_MQTT_ENCODABLE(Auth)
DUNLIN_MQTT_ENCODABLE(Packet)
#undef DUNLIN_MQTT_ENCODABLE

}  // namespace dunlin::mqtt
