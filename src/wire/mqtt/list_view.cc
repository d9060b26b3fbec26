#include "wire/mqtt/list_view.h"

#include "wire/mqtt/property_fields.h"
#include "wire/mqtt/reader.h"
#include "wire/mqtt/subscription_options.h"

namespace dunlin::mqtt {
namespace {

void skip_property(Reader& reader, std::uint32_t id) {
  switch (property_type(id)) {
    case PropertyType::byte:
      reader.u8();
      return;
    case PropertyType::two_byte:
      reader.u16();
      return;
    case PropertyType::four_byte:
      reader.u32();
      return;
    case PropertyType::variable_byte:
      reader.variable_byte_integer();
      return;
    case PropertyType::text:
    case PropertyType::binary:
      reader.binary();
      return;
    case PropertyType::text_pair:
      reader.binary();
      reader.binary();
      return;
    case PropertyType::unknown:
      reader.take_rest();
      return;
  }
}

// Moves behind the next identifier that is `wanted`.
void seek_property(Reader& reader, PropertyId wanted) {
  while (!reader.empty()) {
    const std::uint32_t id = reader.variable_byte_integer();
    if (id == static_cast<std::uint32_t>(wanted)) return;
    skip_property(reader, id);
  }
}

}  // namespace

template <>
UserProperty UserProperties::Iterator::take_encoded() {
  Reader reader(bytes_);
  seek_property(reader, PropertyId::user_property);
  UserProperty property;
  property.key = reader.unchecked_text();
  property.value = reader.unchecked_text();
  bytes_ = reader.rest();
  return property;
}

template <>
std::uint32_t SubscriptionIdentifiers::Iterator::take_encoded() {
  Reader reader(bytes_);
  seek_property(reader, PropertyId::subscription_identifier);
  const std::uint32_t identifier = reader.variable_byte_integer();
  bytes_ = reader.rest();
  return identifier;
}

template <>
Subscription Subscriptions::Iterator::take_encoded() {
  Reader reader(bytes_);
  const std::string_view filter = reader.unchecked_text();
  const Subscription subscription = unpack_options(filter, reader.u8());
  bytes_ = reader.rest();
  return subscription;
}

template <>
std::string_view TopicFilters::Iterator::take_encoded() {
  Reader reader(bytes_);
  const std::string_view filter = reader.unchecked_text();
  bytes_ = reader.rest();
  return filter;
}

}  // namespace dunlin::mqtt
