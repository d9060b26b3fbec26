#include "wire/mqtt/reason_code.h"

#include <array>

namespace dunlin::mqtt {
namespace {

using enum ReasonCode;

// Bits of CodeRow::packets. DISCONNECT and AUTH differ by sender.
constexpr unsigned kConnack = 1U << 0;
constexpr unsigned kPublishAnswer = 1U << 1;  // PUBACK, PUBREC
constexpr unsigned kReleaseAnswer = 1U << 2;  // PUBREL, PUBCOMP
constexpr unsigned kSuback = 1U << 3;
constexpr unsigned kUnsuback = 1U << 4;
constexpr unsigned kClientDisconnect = 1U << 5;
constexpr unsigned kServerDisconnect = 1U << 6;
constexpr unsigned kDisconnect = kClientDisconnect | kServerDisconnect;
constexpr unsigned kClientAuth = 1U << 7;
constexpr unsigned kServerAuth = 1U << 8;

struct CodeRow {
  ReasonCode code;
  std::string_view name;
  unsigned packets;
};

constexpr std::array kRows = {
    CodeRow{success, "success",
            kConnack | kPublishAnswer | kReleaseAnswer | kSuback | kUnsuback | kDisconnect | kServerAuth},
    CodeRow{granted_qos_1, "granted_qos_1", kSuback},
    CodeRow{granted_qos_2, "granted_qos_2", kSuback},
    CodeRow{disconnect_with_will_message, "disconnect_with_will_message", kClientDisconnect},
    CodeRow{no_matching_subscribers, "no_matching_subscribers", kPublishAnswer},
    CodeRow{no_subscription_existed, "no_subscription_existed", kUnsuback},
    CodeRow{continue_authentication, "continue_authentication", kClientAuth | kServerAuth},
    CodeRow{reauthenticate, "reauthenticate", kClientAuth},
    CodeRow{unspecified_error, "unspecified_error",
            kConnack | kPublishAnswer | kSuback | kUnsuback | kDisconnect},
    CodeRow{malformed_packet, "malformed_packet", kConnack | kDisconnect},
    CodeRow{protocol_error, "protocol_error", kConnack | kDisconnect},
    CodeRow{implementation_specific_error, "implementation_specific_error",
            kConnack | kPublishAnswer | kSuback | kUnsuback | kDisconnect},
    CodeRow{unsupported_protocol_version, "unsupported_protocol_version", kConnack},
    CodeRow{client_identifier_not_valid, "client_identifier_not_valid", kConnack},
    CodeRow{bad_user_name_or_password, "bad_user_name_or_password", kConnack},
    CodeRow{not_authorized, "not_authorized",
            kConnack | kPublishAnswer | kSuback | kUnsuback | kServerDisconnect},
    CodeRow{server_unavailable, "server_unavailable", kConnack},
    CodeRow{server_busy, "server_busy", kConnack | kServerDisconnect},
    CodeRow{banned, "banned", kConnack},
    CodeRow{server_shutting_down, "server_shutting_down", kServerDisconnect},
    CodeRow{bad_authentication_method, "bad_authentication_method", kConnack | kDisconnect},
    CodeRow{keep_alive_timeout, "keep_alive_timeout", kServerDisconnect},
    CodeRow{session_taken_over, "session_taken_over", kServerDisconnect},
    CodeRow{topic_filter_invalid, "topic_filter_invalid", kSuback | kUnsuback | kServerDisconnect},
    CodeRow{topic_name_invalid, "topic_name_invalid", kConnack | kPublishAnswer | kDisconnect},
    CodeRow{packet_identifier_in_use, "packet_identifier_in_use", kPublishAnswer | kSuback | kUnsuback},
    CodeRow{packet_identifier_not_found, "packet_identifier_not_found", kReleaseAnswer},
    CodeRow{receive_maximum_exceeded, "receive_maximum_exceeded", kDisconnect},
    CodeRow{topic_alias_invalid, "topic_alias_invalid", kDisconnect},
    CodeRow{packet_too_large, "packet_too_large", kConnack | kDisconnect},
    CodeRow{message_rate_too_high, "message_rate_too_high", kDisconnect},
    CodeRow{quota_exceeded, "quota_exceeded", kConnack | kPublishAnswer | kSuback | kDisconnect},
    CodeRow{administrative_action, "administrative_action", kDisconnect},
    CodeRow{payload_format_invalid, "payload_format_invalid", kConnack | kPublishAnswer | kDisconnect},
    CodeRow{retain_not_supported, "retain_not_supported", kConnack | kServerDisconnect},
    CodeRow{qos_not_supported, "qos_not_supported", kConnack | kServerDisconnect},
    CodeRow{use_another_server, "use_another_server", kConnack | kServerDisconnect},
    CodeRow{server_moved, "server_moved", kConnack | kServerDisconnect},
    CodeRow{shared_subscriptions_not_supported, "shared_subscriptions_not_supported",
            kSuback | kServerDisconnect},
    CodeRow{connection_rate_exceeded, "connection_rate_exceeded", kConnack | kServerDisconnect},
    CodeRow{maximum_connect_time, "maximum_connect_time", kServerDisconnect},
    CodeRow{subscription_identifiers_not_supported, "subscription_identifiers_not_supported",
            kSuback | kServerDisconnect},
    CodeRow{wildcard_subscriptions_not_supported, "wildcard_subscriptions_not_supported",
            kSuback | kServerDisconnect},
};

const CodeRow* find_row(ReasonCode code) {
  for (const CodeRow& row : kRows) {
    if (row.code == code) return &row;
  }
  return nullptr;
}

unsigned packet_bit(PacketType type, Sender sender) {
  switch (type) {
    case PacketType::connack:
      return kConnack;
    case PacketType::puback:
    case PacketType::pubrec:
      return kPublishAnswer;
    case PacketType::pubrel:
    case PacketType::pubcomp:
      return kReleaseAnswer;
    case PacketType::suback:
      return kSuback;
    case PacketType::unsuback:
      return kUnsuback;
    case PacketType::disconnect:
      return sender == Sender::client ? kClientDisconnect : kServerDisconnect;
    case PacketType::auth:
      return sender == Sender::client ? kClientAuth : kServerAuth;
    default:
      return 0;
  }
}

}  // namespace

std::string_view reason_code_name(ReasonCode code) {
  const CodeRow* row = find_row(code);
  return row == nullptr ? "unknown" : row->name;
}

std::string_view packet_type_name(PacketType type) {
  static constexpr std::array<std::string_view, 16> kNames = {
      "RESERVED",  "CONNECT", "CONNACK",     "PUBLISH",  "PUBACK",  "PUBREC",   "PUBREL",     "PUBCOMP",
      "SUBSCRIBE", "SUBACK",  "UNSUBSCRIBE", "UNSUBACK", "PINGREQ", "PINGRESP", "DISCONNECT", "AUTH"};
  return kNames[static_cast<std::uint8_t>(type) & 0x0F];
}

bool reason_code_allowed(PacketType type, Sender sender, ReasonCode code) {
  const CodeRow* row = find_row(code);
  return row != nullptr && (row->packets & packet_bit(type, sender)) != 0;
}

std::optional<std::uint8_t> connack_return_code(ReasonCode code) {
  switch (code) {
    case success:
      return 0;
    case unsupported_protocol_version:
      return 1;
    case client_identifier_not_valid:
      return 2;
    case server_unavailable:
    case server_busy:
    case quota_exceeded:
    case use_another_server:
    case server_moved:
    case connection_rate_exceeded:
      return 3;
    case bad_user_name_or_password:
      return 4;
    case not_authorized:
    case banned:
    case bad_authentication_method:
      return 5;
    default:
      return std::nullopt;
  }
}

std::optional<ReasonCode> connack_reason_code(std::uint8_t return_code) {
  switch (return_code) {
    case 0:
      return success;
    case 1:
      return unsupported_protocol_version;
    case 2:
      return client_identifier_not_valid;
    case 3:
      return server_unavailable;
    case 4:
      return bad_user_name_or_password;
    case 5:
      return not_authorized;
    default:
      return std::nullopt;
  }
}

}  // namespace dunlin::mqtt
