#pragma once
// Room-internal: writes a property block from the struct of its packet.

#include <cstdint>
#include <optional>
#include <string_view>

#include "wire/mqtt/limits.h"
#include "wire/mqtt/property_fields.h"
#include "wire/mqtt/writer.h"

namespace dunlin::mqtt {

template <class T>
void write_value(Writer& out, PropertyId id, const std::optional<T>& value) {
  if (!value) return;
  const auto number = static_cast<std::uint32_t>(*value);
  out.u8(static_cast<unsigned>(id));
  switch (property_type(static_cast<std::uint32_t>(id))) {
    case PropertyType::byte:
      return out.u8(number);
    case PropertyType::two_byte:
      return out.u16(number);
    case PropertyType::four_byte:
      return out.u32(number);
    default:
      return out.variable_byte_integer(number);
  }
}

inline void write_value(Writer& out, PropertyId id, const std::optional<std::string_view>& value) {
  if (!value) return;
  out.u8(static_cast<unsigned>(id));
  out.text(*value);
}

inline void write_value(Writer& out, PropertyId id, const std::optional<ByteView>& value) {
  if (!value) return;
  out.u8(static_cast<unsigned>(id));
  out.binary(*value);
}

inline void write_value(Writer& out, PropertyId id, const UserProperties& list) {
  if (list.size() > kMaxUserProperties) out.fail(Errc::limit_exceeded, "too many user properties");
  for (const UserProperty& property : list) {
    out.u8(static_cast<unsigned>(id));
    out.text(property.key);
    out.text(property.value);
  }
}

inline void write_value(Writer& out, PropertyId id, const SubscriptionIdentifiers& list) {
  if (list.size() > kMaxSubscriptionIdentifiers)
    out.fail(Errc::limit_exceeded, "too many subscription identifiers");
  for (const std::uint32_t identifier : list) {
    if (identifier == 0) out.fail(Errc::invalid_argument, "subscription identifier is 0");
    out.u8(static_cast<unsigned>(id));
    out.variable_byte_integer(identifier);
  }
}

template <class P, class... Fields>
void write_fields(Writer& out, const P& properties, FieldList<Fields...>) {
  (write_value(out, Fields::kId, properties.*Fields::kMember), ...);
}

template <class P>
Writer count_properties(const P& properties) {
  Writer counter;
  write_fields(counter, properties, typename FieldsOf<P>::type{});
  return counter;
}

template <class P>
bool has_properties(const P& properties) {
  return count_properties(properties).size() > 0;
}

/// Property Length and the properties.
template <class P>
void write_properties(Writer& out, const P& properties) {
  const Writer counter = count_properties(properties);
  if (counter.failed()) return out.fail(counter.error().code, counter.error().context);
  out.variable_byte_integer(counter.size());
  if (out.counting()) return out.skip(counter.size());
  if (counter.size() > 0) write_fields(out, properties, typename FieldsOf<P>::type{});
}

}  // namespace dunlin::mqtt
