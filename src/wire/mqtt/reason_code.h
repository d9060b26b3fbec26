#pragma once
// The reason codes of MQTT 5.0 section 2.4 and how MQTT 3.1.1 spells those it knows.

#include <cstdint>
#include <optional>
#include <string_view>

namespace dunlin::mqtt {

/// MQTT 5.0 section 2.4. Codes below 0x80 are successes.
enum class ReasonCode : std::uint8_t {
  success = 0x00,
  normal_disconnection = 0x00,
  granted_qos_0 = 0x00,
  granted_qos_1 = 0x01,
  granted_qos_2 = 0x02,
  disconnect_with_will_message = 0x04,
  no_matching_subscribers = 0x10,
  no_subscription_existed = 0x11,
  continue_authentication = 0x18,
  reauthenticate = 0x19,
  unspecified_error = 0x80,
  malformed_packet = 0x81,
  protocol_error = 0x82,
  implementation_specific_error = 0x83,
  unsupported_protocol_version = 0x84,
  client_identifier_not_valid = 0x85,
  bad_user_name_or_password = 0x86,
  not_authorized = 0x87,
  server_unavailable = 0x88,
  server_busy = 0x89,
  banned = 0x8A,
  server_shutting_down = 0x8B,
  bad_authentication_method = 0x8C,
  keep_alive_timeout = 0x8D,
  session_taken_over = 0x8E,
  topic_filter_invalid = 0x8F,
  topic_name_invalid = 0x90,
  packet_identifier_in_use = 0x91,
  packet_identifier_not_found = 0x92,
  receive_maximum_exceeded = 0x93,
  topic_alias_invalid = 0x94,
  packet_too_large = 0x95,
  message_rate_too_high = 0x96,
  quota_exceeded = 0x97,
  administrative_action = 0x98,
  payload_format_invalid = 0x99,
  retain_not_supported = 0x9A,
  qos_not_supported = 0x9B,
  use_another_server = 0x9C,
  server_moved = 0x9D,
  shared_subscriptions_not_supported = 0x9E,
  connection_rate_exceeded = 0x9F,
  maximum_connect_time = 0xA0,
  subscription_identifiers_not_supported = 0xA1,
  wildcard_subscriptions_not_supported = 0xA2,
};

/// MQTT 5.0 section 2.1.2.
enum class PacketType : std::uint8_t {
  connect = 1,
  connack = 2,
  publish = 3,
  puback = 4,
  pubrec = 5,
  pubrel = 6,
  pubcomp = 7,
  subscribe = 8,
  suback = 9,
  unsubscribe = 10,
  unsuback = 11,
  pingreq = 12,
  pingresp = 13,
  disconnect = 14,
  auth = 15,
};

/// Who sent the bytes that are decoded.
enum class Sender : std::uint8_t { client, server };

constexpr bool is_error(ReasonCode code) {
  return static_cast<std::uint8_t>(code) >= 0x80;
}

/// The code's stable name, e.g. "not_authorized"; "unknown" for a number that is none. 0x00 is "success".
std::string_view reason_code_name(ReasonCode code);

/// The packet's name as the specification writes it, e.g. "PUBLISH"; "RESERVED" for 0.
std::string_view packet_type_name(PacketType type);

/// Whether the sender may put the code into a packet of this type, MQTT 5.0 sections 2.4, 3.14.2.1
/// and 3.15.2.1.
bool reason_code_allowed(PacketType type, Sender sender, ReasonCode code);

/// MQTT 3.1.1 section 3.2.2.3: the return code that says the same in a CONNACK, or the nearest one. Nothing
/// for a reason that 3.1.1 answers by closing the connection.
std::optional<std::uint8_t> connack_return_code(ReasonCode code);

/// The other way round. Nothing for a reserved return code.
std::optional<ReasonCode> connack_reason_code(std::uint8_t return_code);

}  // namespace dunlin::mqtt
