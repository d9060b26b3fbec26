#include "packets.h"

namespace dunlin::conformance {

Bytes u8(unsigned value) {
  return Bytes(1, static_cast<char>(value));
}

Bytes u16(unsigned value) {
  return u8(value >> 8 & 0xFF) + u8(value & 0xFF);
}

Bytes u32(std::uint32_t value) {
  return u16(value >> 16) + u16(value & 0xFFFF);
}

Bytes variable(std::uint32_t value) {
  Bytes bytes;
  do {
    const unsigned low = value % 128;
    value /= 128;
    bytes += u8(value > 0 ? low + 128 : low);
  } while (value > 0);
  return bytes;
}

Bytes field(std::string_view text) {
  return u16(static_cast<unsigned>(text.size())) + Bytes(text);
}

Bytes byte_property(unsigned id, unsigned value) {
  return u8(id) + u8(value);
}

Bytes u16_property(unsigned id, unsigned value) {
  return u8(id) + u16(value);
}

Bytes u32_property(unsigned id, std::uint32_t value) {
  return u8(id) + u32(value);
}

Bytes variable_property(unsigned id, std::uint32_t value) {
  return u8(id) + variable(value);
}

Bytes text_property(unsigned id, std::string_view value) {
  return u8(id) + field(value);
}

Bytes user_property(std::string_view key, std::string_view value) {
  return u8(0x26) + field(key) + field(value);
}

Bytes packet(unsigned first_byte, const Bytes& body) {
  return u8(first_byte) + variable(static_cast<std::uint32_t>(body.size())) + body;
}

namespace property {

Bytes payload_format(unsigned value) {
  return byte_property(0x01, value);
}
Bytes message_expiry(std::uint32_t seconds) {
  return u32_property(0x02, seconds);
}
Bytes content_type(std::string_view value) {
  return text_property(0x03, value);
}
Bytes response_topic(std::string_view value) {
  return text_property(0x08, value);
}
Bytes correlation_data(std::string_view value) {
  return text_property(0x09, value);
}
Bytes subscription_identifier(std::uint32_t value) {
  return variable_property(0x0B, value);
}
Bytes session_expiry(std::uint32_t seconds) {
  return u32_property(0x11, seconds);
}
Bytes authentication_method(std::string_view value) {
  return text_property(0x15, value);
}
Bytes authentication_data(std::string_view value) {
  return text_property(0x16, value);
}
Bytes request_problem_information(unsigned value) {
  return byte_property(0x17, value);
}
Bytes will_delay(std::uint32_t seconds) {
  return u32_property(0x18, seconds);
}
Bytes request_response_information(unsigned value) {
  return byte_property(0x19, value);
}
Bytes receive_maximum(unsigned value) {
  return u16_property(0x21, value);
}
Bytes topic_alias_maximum(unsigned value) {
  return u16_property(0x22, value);
}
Bytes topic_alias(unsigned value) {
  return u16_property(0x23, value);
}
Bytes maximum_packet_size(std::uint32_t value) {
  return u32_property(0x27, value);
}

}  // namespace property

namespace {

Bytes property_block(int version, const Bytes& properties) {
  if (version != kV5) return {};
  return variable(static_cast<std::uint32_t>(properties.size())) + properties;
}

}  // namespace

Bytes connect(int version, const Connect& fields) {
  unsigned flags = fields.extra_flags;
  if (fields.clean) flags |= 0x02;
  if (fields.will) flags |= 0x04 | fields.will->qos << 3 | (fields.will->retain ? 0x20U : 0U);
  if (fields.password) flags |= 0x40;
  if (fields.user_name) flags |= 0x80;
  Bytes body =
      field(fields.protocol_name) + u8(fields.level.value_or(static_cast<unsigned>(version))) + u8(flags);
  body += u16(fields.keep_alive) + property_block(version, fields.properties) + field(fields.client_id);
  if (fields.will) {
    body += property_block(version, fields.will->properties) + field(fields.will->topic) +
            field(fields.will->payload);
  }
  if (fields.user_name) body += field(*fields.user_name);
  if (fields.password) body += field(*fields.password);
  return packet(0x10, body);
}

Bytes publish(int version, const Publish& fields) {
  const unsigned first = 0x30U | (fields.dup ? 0x08U : 0U) | fields.qos << 1 | (fields.retain ? 0x01U : 0U);
  Bytes body = field(fields.topic);
  if (fields.qos > 0) body += u16(fields.id);
  return packet(first, body + property_block(version, fields.properties) + fields.payload);
}

Bytes subscribe(int version, unsigned id, const std::vector<Filter>& filters, const Bytes& properties) {
  Bytes body = u16(id) + property_block(version, properties);
  for (const Filter& one : filters) body += field(one.filter) + u8(one.options);
  return packet(0x82, body);
}

Bytes unsubscribe(int version, unsigned id, const std::vector<std::string>& filters) {
  Bytes body = u16(id) + property_block(version, {});
  for (const std::string& filter : filters) body += field(filter);
  return packet(0xA2, body);
}

Bytes ack(unsigned first_byte, unsigned id, unsigned reason) {
  return packet(first_byte, reason == 0 ? u16(id) : u16(id) + u8(reason));
}
Bytes puback(unsigned id, unsigned reason) {
  return ack(0x40, id, reason);
}
Bytes pubrec(unsigned id, unsigned reason) {
  return ack(0x50, id, reason);
}
Bytes pubrel(unsigned id, unsigned reason) {
  return ack(0x62, id, reason);
}
Bytes pubcomp(unsigned id, unsigned reason) {
  return ack(0x70, id, reason);
}

Bytes pingreq() {
  return packet(0xC0, {});
}

Bytes disconnect(int version, unsigned reason, const Bytes& properties) {
  if (version != kV5 || (reason == 0 && properties.empty())) return packet(0xE0, {});
  return packet(0xE0, u8(reason) + property_block(version, properties));
}

}  // namespace dunlin::conformance
