#pragma once
// Room-internal: which property goes into which member, for decoding, encoding and comparing alike. The order
// is the one that packets are written in.

#include <cstdint>

#include "wire/mqtt/properties.h"

namespace dunlin::mqtt {

/// How a property's value is spelled, MQTT 5.0 table 2-4.
enum class PropertyType : std::uint8_t {
  unknown,
  byte,
  two_byte,
  four_byte,
  variable_byte,
  text,
  binary,
  text_pair
};

constexpr PropertyType property_type(std::uint32_t id) {
  using enum PropertyId;
  switch (static_cast<PropertyId>(id & 0xFF)) {
    case payload_format_indicator:
    case request_problem_information:
    case request_response_information:
    case maximum_qos:
    case retain_available:
    case wildcard_subscription_available:
    case subscription_identifier_available:
    case shared_subscription_available:
      return PropertyType::byte;
    case server_keep_alive:
    case receive_maximum:
    case topic_alias_maximum:
    case topic_alias:
      return PropertyType::two_byte;
    case message_expiry_interval:
    case session_expiry_interval:
    case will_delay_interval:
    case maximum_packet_size:
      return PropertyType::four_byte;
    case subscription_identifier:
      return PropertyType::variable_byte;
    case content_type:
    case response_topic:
    case assigned_client_identifier:
    case authentication_method:
    case response_information:
    case server_reference:
    case reason_string:
      return PropertyType::text;
    case correlation_data:
    case authentication_data:
      return PropertyType::binary;
    case user_property:
      return PropertyType::text_pair;
  }
  return PropertyType::unknown;
}

template <PropertyId Id, auto Member>
struct Field {
  static constexpr PropertyId kId = Id;
  static constexpr auto kMember = Member;
};

template <class... Fields>
struct FieldList {};

template <class P>
struct FieldsOf;

template <>
struct FieldsOf<ConnectProperties> {
  using P = ConnectProperties;
  using type = FieldList<Field<PropertyId::session_expiry_interval, &P::session_expiry_interval>,
                         Field<PropertyId::receive_maximum, &P::receive_maximum>,
                         Field<PropertyId::maximum_packet_size, &P::maximum_packet_size>,
                         Field<PropertyId::topic_alias_maximum, &P::topic_alias_maximum>,
                         Field<PropertyId::request_response_information, &P::request_response_information>,
                         Field<PropertyId::request_problem_information, &P::request_problem_information>,
                         Field<PropertyId::authentication_method, &P::authentication_method>,
                         Field<PropertyId::authentication_data, &P::authentication_data>,
                         Field<PropertyId::user_property, &P::user>>;
};

template <>
struct FieldsOf<WillProperties> {
  using P = WillProperties;
  using type = FieldList<Field<PropertyId::will_delay_interval, &P::will_delay_interval>,
                         Field<PropertyId::payload_format_indicator, &P::payload_format_indicator>,
                         Field<PropertyId::message_expiry_interval, &P::message_expiry_interval>,
                         Field<PropertyId::content_type, &P::content_type>,
                         Field<PropertyId::response_topic, &P::response_topic>,
                         Field<PropertyId::correlation_data, &P::correlation_data>,
                         Field<PropertyId::user_property, &P::user>>;
};

template <>
struct FieldsOf<ConnackProperties> {
  using P = ConnackProperties;
  using type =
      FieldList<Field<PropertyId::topic_alias_maximum, &P::topic_alias_maximum>,
                Field<PropertyId::session_expiry_interval, &P::session_expiry_interval>,
                Field<PropertyId::assigned_client_identifier, &P::assigned_client_identifier>,
                Field<PropertyId::server_keep_alive, &P::server_keep_alive>,
                Field<PropertyId::maximum_qos, &P::maximum_qos>,
                Field<PropertyId::retain_available, &P::retain_available>,
                Field<PropertyId::maximum_packet_size, &P::maximum_packet_size>,
                Field<PropertyId::wildcard_subscription_available, &P::wildcard_subscription_available>,
                Field<PropertyId::subscription_identifier_available, &P::subscription_identifier_available>,
                Field<PropertyId::shared_subscription_available, &P::shared_subscription_available>,
                Field<PropertyId::response_information, &P::response_information>,
                Field<PropertyId::server_reference, &P::server_reference>,
                Field<PropertyId::authentication_method, &P::authentication_method>,
                Field<PropertyId::authentication_data, &P::authentication_data>,
                Field<PropertyId::reason_string, &P::reason_string>,
                Field<PropertyId::user_property, &P::user>,
                Field<PropertyId::receive_maximum, &P::receive_maximum>>;
};

template <>
struct FieldsOf<PublishProperties> {
  using P = PublishProperties;
  using type = FieldList<Field<PropertyId::subscription_identifier, &P::subscription_identifiers>,
                         Field<PropertyId::payload_format_indicator, &P::payload_format_indicator>,
                         Field<PropertyId::content_type, &P::content_type>,
                         Field<PropertyId::response_topic, &P::response_topic>,
                         Field<PropertyId::correlation_data, &P::correlation_data>,
                         Field<PropertyId::user_property, &P::user>,
                         Field<PropertyId::message_expiry_interval, &P::message_expiry_interval>,
                         Field<PropertyId::topic_alias, &P::topic_alias>>;
};

template <>
struct FieldsOf<AckProperties> {
  using P = AckProperties;
  using type = FieldList<Field<PropertyId::reason_string, &P::reason_string>,
                         Field<PropertyId::user_property, &P::user>>;
};

template <>
struct FieldsOf<SubscribeProperties> {
  using P = SubscribeProperties;
  using type = FieldList<Field<PropertyId::subscription_identifier, &P::subscription_identifier>,
                         Field<PropertyId::user_property, &P::user>>;
};

template <>
struct FieldsOf<UnsubscribeProperties> {
  using type = FieldList<Field<PropertyId::user_property, &UnsubscribeProperties::user>>;
};

template <>
struct FieldsOf<DisconnectProperties> {
  using P = DisconnectProperties;
  using type = FieldList<Field<PropertyId::session_expiry_interval, &P::session_expiry_interval>,
                         Field<PropertyId::server_reference, &P::server_reference>,
                         Field<PropertyId::reason_string, &P::reason_string>,
                         Field<PropertyId::user_property, &P::user>>;
};

template <>
struct FieldsOf<AuthProperties> {
  using P = AuthProperties;
  using type = FieldList<Field<PropertyId::authentication_method, &P::authentication_method>,
                         Field<PropertyId::authentication_data, &P::authentication_data>,
                         Field<PropertyId::reason_string, &P::reason_string>,
                         Field<PropertyId::user_property, &P::user>>;
};

}  // namespace dunlin::mqtt
