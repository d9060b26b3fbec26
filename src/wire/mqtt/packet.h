#pragma once
// The control packets of MQTT 3.1.1 and 5.0 as values. They own nothing: every view points into the decoded
// bytes, or into what the caller wants to encode, and is valid as long as that is.
// Each member has an initializer so that a packet can be written down with designators for the members that
// matter.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

#include "base/core/bytes.h"
#include "wire/mqtt/limits.h"
#include "wire/mqtt/list_view.h"
#include "wire/mqtt/properties.h"
#include "wire/mqtt/reason_code.h"

namespace dunlin::mqtt {

/// The protocol level of CONNECT, MQTT 5.0 section 3.1.2.2. Level 3 ("MQIsdp") and all others are refused.
enum class ProtocolVersion : std::uint8_t { v3_1_1 = 4, v5 = 5 };

/// Sections 3.1.2.5 to 3.1.2.7 and 3.1.3.2 to 3.1.3.4.
struct Will {
  std::string_view topic{};
  ByteView payload{};
  QoS qos = QoS::at_most_once;
  bool retain = false;
  WillProperties properties{};
};

/// Section 3.1.
struct Connect {
  ProtocolVersion version = ProtocolVersion::v5;
  std::string_view client_id{};  // may be empty; under 3.1.1 only with clean_start
  bool clean_start = true;       // 3.1.1: Clean Session
  std::uint16_t keep_alive = 0;  // seconds; 0 turns it off
  std::optional<Will> will{};
  std::optional<std::string_view> user_name{};
  std::optional<ByteView> password{};  // 3.1.1: only with a user name
  ConnectProperties properties{};
  /// Bit 7 of the protocol level, with which mosquitto's bridges mark themselves (no specification has it):
  /// the server then sends nothing back to where it came from, and keeps retain flags. 3.1.1 only.
  bool bridge = false;
};

/// Section 3.2. Under 3.1.1 the reason is translated with connack_return_code() and connack_reason_code().
struct Connack {
  bool session_present = false;  // only with success
  ReasonCode reason = ReasonCode::success;
  ConnackProperties properties{};
};

/// Section 3.3.
struct Publish {
  std::string_view topic{};  // empty only under 5.0 with a topic alias
  ByteView payload{};
  std::uint16_t packet_id = 0;  // 0 exactly when the QoS is 0
  QoS qos = QoS::at_most_once;
  bool dup = false;
  bool retain = false;
  PublishProperties properties{};
};

/// PUBACK, PUBREC, PUBREL and PUBCOMP: sections 3.4 to 3.7. 3.1.1 carries neither reason nor properties.
struct Ack {
  PacketType type = PacketType::puback;
  std::uint16_t packet_id = 0;
  ReasonCode reason = ReasonCode::success;
  AckProperties properties{};
};

/// Section 3.8.
struct Subscribe {
  std::uint16_t packet_id = 0;
  Subscriptions subscriptions{};  // never empty
  SubscribeProperties properties{};
};

/// Section 3.9. One reason code byte for each filter of the SUBSCRIBE; under 3.1.1 every error is 0x80.
struct Suback {
  std::uint16_t packet_id = 0;
  ByteView reason_codes{};
  AckProperties properties{};
};

/// Section 3.10.
struct Unsubscribe {
  std::uint16_t packet_id = 0;
  TopicFilters filters{};  // never empty
  UnsubscribeProperties properties{};
};

/// Section 3.11. One reason code byte for each filter of the UNSUBSCRIBE; under 3.1.1 there are none.
struct Unsuback {
  std::uint16_t packet_id = 0;
  ByteView reason_codes{};
  AckProperties properties{};
};

/// Sections 3.12 and 3.13.
struct Pingreq {};
struct Pingresp {};

/// Section 3.14. 3.1.1 carries neither reason nor properties, and only a client sends it.
struct Disconnect {
  ReasonCode reason = ReasonCode::normal_disconnection;
  DisconnectProperties properties{};
};

/// Section 3.15. Not in 3.1.1.
struct Auth {
  ReasonCode reason = ReasonCode::success;
  AuthProperties properties{};
};

using Packet = std::variant<Connect, Connack, Publish, Ack, Subscribe, Suback, Unsubscribe, Unsuback, Pingreq,
                            Pingresp, Disconnect, Auth>;

PacketType packet_type(const Packet& packet);

}  // namespace dunlin::mqtt
