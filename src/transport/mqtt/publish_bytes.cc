#include "transport/mqtt/publish_bytes.h"

#include <cstring>

#include "base/core/assert.h"
#include "transport/mqtt/limits.h"

namespace dunlin::transport {
namespace {

constexpr std::size_t kPrefix = 2;  // of a cached form: where its packet id is

template <class P>
std::shared_ptr<const hub::Properties> convert(const P& from) {
  if (!from.payload_format_indicator && !from.message_expiry_interval && !from.content_type &&
      !from.response_topic && !from.correlation_data && from.user.empty()) {
    return nullptr;
  }
  auto to = std::make_shared<hub::Properties>();
  to->payload_format = from.payload_format_indicator;
  to->expiry_seconds = from.message_expiry_interval;
  to->content_type = from.content_type.value_or("");
  to->response_topic = from.response_topic.value_or("");
  if (from.correlation_data) to->correlation_data = as_text(*from.correlation_data);
  for (const mqtt::UserProperty& property : from.user) to->user.emplace_back(property.key, property.value);
  return to;
}

/// MQTT 5.0 section 3.3.2.3.3: what is left of the interval.
std::uint32_t remaining_expiry(const hub::Message& message, std::uint32_t seconds, WallTime now) {
  const auto waited = std::chrono::duration_cast<std::chrono::seconds>(now - message.received_at).count();
  if (waited <= 0) return seconds;
  return waited >= seconds ? 0 : seconds - static_cast<std::uint32_t>(waited);
}

std::size_t cache_slot(const hub::Outbound& publish, mqtt::ProtocolVersion version) {
  return (version == mqtt::ProtocolVersion::v5 ? 6U : 0U) + static_cast<std::size_t>(publish.qos) * 2 +
         (publish.retain == hub::Message::Retain::yes ? 1U : 0U);
}

}  // namespace

std::shared_ptr<const hub::Properties> hub_properties(const mqtt::PublishProperties& properties) {
  return convert(properties);
}

std::shared_ptr<const hub::Properties> hub_properties(const mqtt::WillProperties& properties) {
  return convert(properties);
}

/// One without properties and identifiers, as nearly all are: the same bytes as encode_header()'s, without
/// the detour over every field that a PUBLISH may have.
PublishWriter::Encoded PublishWriter::encode_plain_header(const hub::Outbound& publish,
                                                          mqtt::ProtocolVersion version) {
  const std::string_view topic = publish.message.topic.text();
  const bool with_id = publish.qos != hub::QoS::at_most_once;
  const std::size_t fields =
      2 + topic.size() + (with_id ? 2U : 0U) + (version == mqtt::ProtocolVersion::v5 ? 1U : 0U);
  std::size_t remaining = fields + publish.message.payload.size();
  if (remaining > mqtt::kMaxPacketBytes - 5) return {};
  if (scratch_.size() < kPrefix + 5 + fields) scratch_.resize(kPrefix + 5 + fields + 1024);
  std::uint8_t* const begin = scratch_.data() + kPrefix;
  std::uint8_t* at = begin;
  *at++ = static_cast<std::uint8_t>(0x30U | static_cast<unsigned>(publish.qos) << 1 |
                                    (publish.retain == hub::Message::Retain::yes ? 1U : 0U));
  for (; remaining > 127; remaining >>= 7) *at++ = static_cast<std::uint8_t>(remaining | 0x80);
  *at++ = static_cast<std::uint8_t>(remaining);
  *at++ = static_cast<std::uint8_t>(topic.size() >> 8);
  *at++ = static_cast<std::uint8_t>(topic.size());
  std::memcpy(at, topic.data(), topic.size());
  at += topic.size();
  const auto id_offset = static_cast<std::size_t>(at - begin);
  if (with_id) at += 2;
  if (version == mqtt::ProtocolVersion::v5) *at++ = 0;
  scratch_[0] = static_cast<std::uint8_t>(id_offset >> 8);
  scratch_[1] = static_cast<std::uint8_t>(id_offset);
  return {static_cast<std::size_t>(at - begin), with_id ? id_offset : 0};
}

PublishWriter::Encoded PublishWriter::encode_header(const hub::Outbound& publish, const Options& options) {
  const mqtt::ProtocolVersion version = options.version;
  const hub::Message& message = publish.message;
  mqtt::Publish packet;
  if (options.alias.topic == TopicAliases::Choice::Topic::sent) packet.topic = message.topic.text();
  if (options.alias.alias != 0) packet.properties.topic_alias = options.alias.alias;
  packet.payload = message.payload.view();
  packet.qos = static_cast<mqtt::QoS>(publish.qos);
  packet.retain = publish.retain == hub::Message::Retain::yes;
  if (version == mqtt::ProtocolVersion::v5) {
    packet.properties.subscription_identifiers = mqtt::SubscriptionIdentifiers(publish.identifiers);
    if (message.properties) {
      const hub::Properties& from = *message.properties;
      packet.properties.payload_format_indicator = from.payload_format;
      if (from.expiry_seconds) {
        packet.properties.message_expiry_interval =
            remaining_expiry(message, *from.expiry_seconds, options.now);
      }
      if (!from.content_type.empty()) packet.properties.content_type = from.content_type;
      if (!from.response_topic.empty()) packet.properties.response_topic = from.response_topic;
      if (!from.correlation_data.empty())
        packet.properties.correlation_data = as_bytes(from.correlation_data);
      user_.clear();
      for (const auto& [key, value] : from.user) user_.push_back({key, value});
      packet.properties.user = mqtt::UserProperties(user_);
    }
  }
  // A first guess avoids a second pass over the fields: the topic and properties of nearly every message are
  // short.
  if (scratch_.size() < 1024) scratch_.resize(1024);
  auto header = mqtt::encode_publish_header(packet, version, MutableByteView(scratch_).subspan(kPrefix));
  if (!header) {
    const std::size_t size = mqtt::publish_header_size(packet, version);
    if (size == 0) return {};
    if (scratch_.size() < kPrefix + size) scratch_.resize(kPrefix + size);
    header = mqtt::encode_publish_header(packet, version, MutableByteView(scratch_).subspan(kPrefix));
  }
  if (!header) return {};
  scratch_[0] = static_cast<std::uint8_t>(header->packet_id_offset >> 8);
  scratch_[1] = static_cast<std::uint8_t>(header->packet_id_offset);
  // An offset past 65535 happens only with the longest topics; such a form is not cached.
  return {header->size, header->packet_id_offset};
}

std::size_t PublishWriter::write(net::Connection& connection, const hub::Outbound& publish,
                                 const Options& options, hub::EncodingCache& cache) {
  const bool is_own = options.version == mqtt::ProtocolVersion::v5 &&
                      (!publish.identifiers.empty() || options.alias.alias != 0);
  Slice* slot = is_own ? nullptr : cache.slot(cache_slot(publish, options.version));
  const Slice& payload = publish.message.payload;
  std::size_t header_bytes = 0;
  std::size_t id_offset = 0;
  if (slot != nullptr && !slot->empty()) {
    const ByteView cached = slot->view();
    header_bytes = cached.size() - kPrefix;
    id_offset = static_cast<std::size_t>(cached[0]) << 8 | cached[1];
    if (scratch_.size() < cached.size()) scratch_.resize(cached.size());
    std::memcpy(scratch_.data(), cached.data(), cached.size());
  } else {
    const bool plain =
        options.alias.alias == 0 && (options.version == mqtt::ProtocolVersion::v3_1_1 ||
                                     (publish.identifiers.empty() && publish.message.properties == nullptr));
    const Encoded encoded =
        plain ? encode_plain_header(publish, options.version) : encode_header(publish, options);
    header_bytes = encoded.header_bytes;
    id_offset = encoded.packet_id_offset;
    if (header_bytes == 0) return 0;
    if (slot != nullptr && id_offset <= 0xFFFF)
      *slot = Slice::copy_of(ByteView(scratch_).first(kPrefix + header_bytes));
  }
  const std::size_t total = header_bytes + payload.size();
  if (total > options.max_packet_bytes) return 0;
  const MutableByteView header = MutableByteView(scratch_).subspan(kPrefix, header_bytes);
  if (publish.qos != hub::QoS::at_most_once) {
    mqtt::set_packet_id(header, {header_bytes, id_offset}, publish.packet_id);
    if (publish.duplicate == hub::Outbound::Duplicate::yes) mqtt::set_dup(header);
  }
  if (total <= kSmallPacketBytes) {
    if (scratch_.size() < kPrefix + total) scratch_.resize(kPrefix + total);
    if (!payload.empty())
      std::memcpy(scratch_.data() + kPrefix + header_bytes, payload.data(), payload.size());
    connection.write(ByteView(scratch_).subspan(kPrefix, total));
    return total;
  }
  connection.write(ByteView(scratch_).subspan(kPrefix, header_bytes));
  connection.write(payload.owned());
  return total;
}

}  // namespace dunlin::transport
