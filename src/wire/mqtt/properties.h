#pragma once
// The properties of MQTT 5.0 section 2.2.2, one struct for each packet that has some: what a packet may not
// carry cannot be written down. An absent property is empty; its default is the specification's and the
// reader's to apply.

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/core/bytes.h"
#include "wire/mqtt/list_view.h"

namespace dunlin::mqtt {

/// Section 2.2.2.2.
enum class PropertyId : std::uint8_t {
  payload_format_indicator = 0x01,
  message_expiry_interval = 0x02,
  content_type = 0x03,
  response_topic = 0x08,
  correlation_data = 0x09,
  subscription_identifier = 0x0B,
  session_expiry_interval = 0x11,
  assigned_client_identifier = 0x12,
  server_keep_alive = 0x13,
  authentication_method = 0x15,
  authentication_data = 0x16,
  request_problem_information = 0x17,
  will_delay_interval = 0x18,
  request_response_information = 0x19,
  response_information = 0x1A,
  server_reference = 0x1C,
  reason_string = 0x1F,
  receive_maximum = 0x21,
  topic_alias_maximum = 0x22,
  topic_alias = 0x23,
  maximum_qos = 0x24,
  retain_available = 0x25,
  user_property = 0x26,
  maximum_packet_size = 0x27,
  wildcard_subscription_available = 0x28,
  subscription_identifier_available = 0x29,
  shared_subscription_available = 0x2A,
};

/// Section 3.1.2.11.
struct ConnectProperties {
  std::optional<std::uint32_t> session_expiry_interval{};  // seconds; 0xFFFFFFFF never expires
  std::optional<std::uint16_t> receive_maximum{};          // never 0
  std::optional<std::uint32_t> maximum_packet_size{};      // bytes, never 0
  std::optional<std::uint16_t> topic_alias_maximum{};
  std::optional<bool> request_response_information{};
  std::optional<bool> request_problem_information{};
  std::optional<std::string_view> authentication_method{};
  std::optional<ByteView> authentication_data{};  // only with a method
  UserProperties user{};
};

/// Section 3.1.3.2.
struct WillProperties {
  std::optional<std::uint32_t> will_delay_interval{};      // seconds
  std::optional<std::uint8_t> payload_format_indicator{};  // 0 bytes, 1 UTF-8
  std::optional<std::uint32_t> message_expiry_interval{};  // seconds
  std::optional<std::string_view> content_type{};
  std::optional<std::string_view> response_topic{};  // without wildcards
  std::optional<ByteView> correlation_data{};
  UserProperties user{};
};

/// Section 3.2.2.3.
struct ConnackProperties {
  std::optional<std::uint16_t> topic_alias_maximum{};
  std::optional<std::uint32_t> session_expiry_interval{};  // seconds
  std::optional<std::string_view> assigned_client_identifier{};
  std::optional<std::uint16_t> server_keep_alive{};  // seconds
  std::optional<std::uint8_t> maximum_qos{};         // 0 or 1
  std::optional<bool> retain_available{};
  std::optional<std::uint32_t> maximum_packet_size{};  // bytes, never 0
  std::optional<bool> wildcard_subscription_available{};
  std::optional<bool> subscription_identifier_available{};
  std::optional<bool> shared_subscription_available{};
  std::optional<std::string_view> response_information{};
  std::optional<std::string_view> server_reference{};
  std::optional<std::string_view> authentication_method{};
  std::optional<ByteView> authentication_data{};
  std::optional<std::string_view> reason_string{};
  UserProperties user{};
  std::optional<std::uint16_t> receive_maximum{};  // never 0
};

/// Section 3.3.2.3.
struct PublishProperties {
  SubscriptionIdentifiers subscription_identifiers{};  // only from a server; none is 0
  std::optional<std::uint8_t>
      payload_format_indicator;                // 0 bytes, 1 UTF-8; the payload itself is not checked here
  std::optional<std::uint16_t> topic_alias{};  // never 0
  std::optional<std::uint32_t> message_expiry_interval{};  // seconds
  std::optional<std::string_view> content_type{};
  std::optional<std::string_view> response_topic{};  // without wildcards
  std::optional<ByteView> correlation_data{};
  UserProperties user{};
};

/// PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK and UNSUBACK: sections 3.4.2.2 and its like.
struct AckProperties {
  std::optional<std::string_view> reason_string{};
  UserProperties user{};
};

/// Section 3.8.2.1.
struct SubscribeProperties {
  std::optional<std::uint32_t> subscription_identifier{};  // 1 to 268 435 455
  UserProperties user{};
};

/// Section 3.10.2.1.
struct UnsubscribeProperties {
  UserProperties user{};
};

/// Section 3.14.2.2.
struct DisconnectProperties {
  std::optional<std::uint32_t> session_expiry_interval{};  // seconds; only from a client
  std::optional<std::string_view> server_reference{};      // only from a server
  std::optional<std::string_view> reason_string{};
  UserProperties user{};
};

/// Section 3.15.2.2.
struct AuthProperties {
  std::optional<std::string_view> authentication_method{};  // required unless the packet is empty
  std::optional<ByteView> authentication_data{};
  std::optional<std::string_view> reason_string{};
  UserProperties user{};
};

}  // namespace dunlin::mqtt
