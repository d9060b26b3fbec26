#include "wire/mqtt/decode_connect.h"

#include "wire/mqtt/decode_properties.h"
#include "wire/mqtt/topic.h"

namespace dunlin::mqtt {
namespace {

// Connect Flags, MQTT 5.0 section 3.1.2.3.
constexpr std::uint8_t kReserved = 0x01;
constexpr std::uint8_t kCleanStart = 0x02;
constexpr std::uint8_t kWill = 0x04;
constexpr std::uint8_t kWillQosShift = 3;
constexpr std::uint8_t kWillQos = 0x18;
constexpr std::uint8_t kWillRetain = 0x20;
constexpr std::uint8_t kPassword = 0x40;
constexpr std::uint8_t kUserName = 0x80;

// Protocol Name and Protocol Version.
void read_protocol(Reader& reader, ConnectReading& reading) {
  const std::string_view name = reader.unchecked_text();
  const bool old_name = name == "MQIsdp";  // MQTT 3.1
  if (!old_name && name != "MQTT") {
    return reader.fail(ReasonCode::unsupported_protocol_version,
                       "protocol name is not MQTT");  // [MQTT-3.1.2-1]
  }
  std::uint8_t level = reader.u8();
  if (reader.failed()) return;
  reading.speaks_mqtt = true;
  if (!old_name && level == (static_cast<unsigned>(ProtocolVersion::v3_1_1) | kBridgeMark)) {
    reading.connect.bridge = true;
    level = static_cast<std::uint8_t>(ProtocolVersion::v3_1_1);
  }
  if (!old_name && level >= static_cast<std::uint8_t>(ProtocolVersion::v5) && (level & 0x80) == 0) {
    reading.version = ProtocolVersion::v5;
  }
  if (old_name || level != static_cast<std::uint8_t>(reading.version)) {
    return reader.fail(ReasonCode::unsupported_protocol_version, "protocol version is not 3.1.1 or 5.0");
  }
  reading.connect.version = reading.version;
}

void check_flags(Reader& reader, std::uint8_t flags, ProtocolVersion version) {
  if ((flags & kReserved) != 0) return reader.malformed("reserved CONNECT flag");  // [MQTT-3.1.2-3]
  if ((flags & kWillQos) == kWillQos) return reader.malformed("will with QoS 3");  // [MQTT-3.1.2-12]
  if ((flags & kWill) == 0 && (flags & (kWillQos | kWillRetain)) != 0) {
    return reader.malformed("will flags without a will");  // [MQTT-3.1.2-11], [MQTT-3.1.2-13]
  }
  // 3.1.1 [MQTT-3.1.2-22]; 5.0 allows a password alone.
  if (version == ProtocolVersion::v3_1_1 && (flags & kPassword) != 0 && (flags & kUserName) == 0) {
    reader.malformed("password without a user name");
  }
}

Will read_will(Reader& reader, std::uint8_t flags, ProtocolVersion version) {
  Will will;
  will.qos = static_cast<QoS>((flags & kWillQos) >> kWillQosShift);
  will.retain = (flags & kWillRetain) != 0;
  if (version == ProtocolVersion::v5) will.properties = read_properties<WillProperties>(reader);
  will.topic = reader.unchecked_text();
  if (!reader.failed()) {
    const TopicFault fault = check_topic_name(will.topic);
    const bool own_limit = fault == TopicFault::too_many_levels;
    if (fault != TopicFault::none) {
      reader.fail(own_limit ? ReasonCode::topic_name_invalid : ReasonCode::malformed_packet,
                  topic_fault_text(fault));
    }
  }
  will.payload = reader.binary();
  return will;
}

void read_connect_properties(Reader& reader, Connect& connect) {
  connect.properties = read_properties<ConnectProperties>(reader);
  if (connect.properties.authentication_data && !connect.properties.authentication_method) {
    reader.protocol_error("authentication data without a method");  // section 3.1.2.11.10
  }
}

}  // namespace

ConnectReading read_connect(Reader& reader) {
  ConnectReading reading;
  Connect& connect = reading.connect;
  read_protocol(reader, reading);
  if (reader.failed()) return reading;
  const std::uint8_t flags = reader.u8();
  check_flags(reader, flags, connect.version);
  connect.clean_start = (flags & kCleanStart) != 0;
  connect.keep_alive = reader.u16();
  if (connect.version == ProtocolVersion::v5) read_connect_properties(reader, connect);
  connect.client_id = reader.text();
  if ((flags & kWill) != 0) connect.will = read_will(reader, flags, connect.version);
  if ((flags & kUserName) != 0) connect.user_name = reader.text();
  if ((flags & kPassword) != 0) connect.password = reader.binary();
  // 3.1.1 [MQTT-3.1.3-8], after all other checks: it has an answer, a malformed packet has none.
  if (connect.version == ProtocolVersion::v3_1_1 && connect.client_id.empty() && !connect.clean_start &&
      reader.empty()) {
    reader.fail(ReasonCode::client_identifier_not_valid, "empty client identifier without clean session");
  }
  return reading;
}

Answer connect_answer(const ConnectReading& reading, ReasonCode reason) {
  if (!reading.speaks_mqtt) return Answer::close;
  if (reading.version == ProtocolVersion::v5) return Answer::connack;
  const bool answered =
      reason == ReasonCode::unsupported_protocol_version || reason == ReasonCode::client_identifier_not_valid;
  return answered ? Answer::connack : Answer::close;
}

}  // namespace dunlin::mqtt
