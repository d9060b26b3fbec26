#pragma once
// Room-internal: reads a property block into the struct of its packet.

#include <cstdint>
#include <optional>
#include <string_view>

#include "wire/mqtt/limits.h"
#include "wire/mqtt/property_fields.h"
#include "wire/mqtt/reader.h"

namespace dunlin::mqtt {

inline std::uint32_t read_integer(Reader& block, PropertyId id) {
  switch (property_type(static_cast<std::uint32_t>(id))) {
    case PropertyType::byte:
      return block.u8();
    case PropertyType::two_byte:
      return block.u16();
    case PropertyType::four_byte:
      return block.u32();
    default:
      return block.variable_byte_integer();
  }
}

/// The values that a property may not have although its type could. A read that failed before keeps its
/// failure.
void check_property_value(Reader& block, PropertyId id, std::uint32_t value);

template <class T>
void read_value(Reader& block, PropertyId id, ByteView, std::optional<T>& slot) {
  if (slot) {
    block.protocol_error("property appears twice");
    return;
  }
  const std::uint32_t value = read_integer(block, id);
  check_property_value(block, id, value);
  slot = static_cast<T>(value);
}

inline void read_value(Reader& block, PropertyId id, ByteView, std::optional<std::string_view>& slot) {
  if (slot) {
    block.protocol_error("property appears twice");
    return;
  }
  slot = block.text();
  // [MQTT-3.3.2-14]; an empty Response Topic is no topic name either.
  if (id == PropertyId::response_topic && !block.failed() && check_topic_name(*slot) != TopicFault::none) {
    block.protocol_error("response topic is not a topic name");
  }
}

inline void read_value(Reader& block, PropertyId, ByteView, std::optional<ByteView>& slot) {
  if (slot) {
    block.protocol_error("property appears twice");
    return;
  }
  slot = block.binary();
}

// `from` begins at this property's identifier. Lists remember where their first item begins and how many
// there are.
template <class T>
void append_item(Reader& block, ByteView from, ListView<T>& list, std::size_t limit) {
  if (list.size() == limit) {
    block.fail(ReasonCode::quota_exceeded, "property appears more often than this server allows");
    return;
  }
  list = ListView<T>::of_encoded(list.empty() ? from : list.encoded(), list.size() + 1);
}

inline void read_value(Reader& block, PropertyId, ByteView from, UserProperties& list) {
  block.text();
  block.text();
  append_item(block, from, list, kMaxUserProperties);
}

inline void read_value(Reader& block, PropertyId id, ByteView from, SubscriptionIdentifiers& list) {
  check_property_value(block, id, block.variable_byte_integer());
  append_item(block, from, list, kMaxSubscriptionIdentifiers);
}

template <class P, class... Fields>
void read_property(Reader& block, P& properties, FieldList<Fields...>) {
  const ByteView from = block.rest();
  const std::uint32_t id = block.variable_byte_integer();
  const bool known = ((id == static_cast<std::uint32_t>(Fields::kId) &&
                       (read_value(block, Fields::kId, from, properties.*Fields::kMember), true)) ||
                      ...);
  // Section 2.2.2.2: an identifier that is not valid for the packet makes it malformed.
  if (!known) block.malformed("property is not allowed in this packet");
}

/// Property Length and the properties behind it.
template <class P>
P read_properties(Reader& packet) {
  P properties;
  const std::uint32_t length = packet.variable_byte_integer();
  if (length == 0) return properties;
  Reader block(packet.take(length));
  while (!block.empty()) read_property(block, properties, typename FieldsOf<P>::type{});
  if (block.failed()) packet.fail(block.reason(), block.why());
  return properties;
}

}  // namespace dunlin::mqtt
