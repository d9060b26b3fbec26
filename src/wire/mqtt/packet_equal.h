#pragma once
// Test-only: whether two packets say the same, wherever their bytes are.

#include <algorithm>
#include <optional>
#include <variant>

#include "wire/mqtt/packet.h"
#include "wire/mqtt/property_fields.h"

namespace dunlin::mqtt::test {

inline bool same(ByteView a, ByteView b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

template <class T>
bool same(const std::optional<T>& a, const std::optional<T>& b) {
  return a == b;
}

inline bool same(const std::optional<ByteView>& a, const std::optional<ByteView>& b) {
  return a.has_value() == b.has_value() && (!a || same(*a, *b));
}

template <class T>
bool same(const ListView<T>& a, const ListView<T>& b) {
  if (a.size() != b.size()) return false;
  auto other = b.begin();
  for (const T& item : a) {
    if (!(item == *other)) return false;
    ++other;
  }
  return true;
}

template <class P, class... Fields>
bool same_fields(const P& a, const P& b, FieldList<Fields...>) {
  return (same(a.*Fields::kMember, b.*Fields::kMember) && ...);
}

template <class P>
bool same_properties(const P& a, const P& b) {
  return same_fields(a, b, typename FieldsOf<P>::type{});
}

inline bool same(const std::optional<Will>& a, const std::optional<Will>& b) {
  if (a.has_value() != b.has_value()) return false;
  if (!a) return true;
  return a->topic == b->topic && same(a->payload, b->payload) && a->qos == b->qos && a->retain == b->retain &&
         same_properties(a->properties, b->properties);
}

inline bool same(const Connect& a, const Connect& b) {
  return a.version == b.version && a.client_id == b.client_id && a.clean_start == b.clean_start &&
         a.keep_alive == b.keep_alive && a.bridge == b.bridge && same(a.will, b.will) &&
         a.user_name == b.user_name && same(a.password, b.password) &&
         same_properties(a.properties, b.properties);
}
inline bool same(const Connack& a, const Connack& b) {
  return a.session_present == b.session_present && a.reason == b.reason &&
         same_properties(a.properties, b.properties);
}
inline bool same(const Publish& a, const Publish& b) {
  return a.topic == b.topic && same(a.payload, b.payload) && a.packet_id == b.packet_id && a.qos == b.qos &&
         a.dup == b.dup && a.retain == b.retain && same_properties(a.properties, b.properties);
}
inline bool same(const Ack& a, const Ack& b) {
  return a.type == b.type && a.packet_id == b.packet_id && a.reason == b.reason &&
         same_properties(a.properties, b.properties);
}
inline bool same(const Subscribe& a, const Subscribe& b) {
  return a.packet_id == b.packet_id && same(a.subscriptions, b.subscriptions) &&
         same_properties(a.properties, b.properties);
}
inline bool same(const Suback& a, const Suback& b) {
  return a.packet_id == b.packet_id && same(a.reason_codes, b.reason_codes) &&
         same_properties(a.properties, b.properties);
}
inline bool same(const Unsubscribe& a, const Unsubscribe& b) {
  return a.packet_id == b.packet_id && same(a.filters, b.filters) &&
         same_properties(a.properties, b.properties);
}
inline bool same(const Unsuback& a, const Unsuback& b) {
  return a.packet_id == b.packet_id && same(a.reason_codes, b.reason_codes) &&
         same_properties(a.properties, b.properties);
}
inline bool same(const Pingreq&, const Pingreq&) {
  return true;
}
inline bool same(const Pingresp&, const Pingresp&) {
  return true;
}
inline bool same(const Disconnect& a, const Disconnect& b) {
  return a.reason == b.reason && same_properties(a.properties, b.properties);
}
inline bool same(const Auth& a, const Auth& b) {
  return a.reason == b.reason && same_properties(a.properties, b.properties);
}

inline bool same(const Packet& a, const Packet& b) {
  if (a.index() != b.index()) return false;
  return std::visit([&b](const auto& one) { return same(one, std::get<std::decay_t<decltype(one)>>(b)); }, a);
}

}  // namespace dunlin::mqtt::test
