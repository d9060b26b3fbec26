#include "hub/record.h"

#include "base/core/assert.h"
#include "hub/record_io.h"

namespace dunlin::hub {
namespace {

constexpr std::uint8_t kMessageVersion = 1;
constexpr std::uint8_t kReleaseVersion = 1;
constexpr std::uint8_t kDeliveryVersion = 1;
constexpr std::uint8_t kQosBits = 0x03;
constexpr std::uint8_t kRetainBit = 0x04;
constexpr std::uint8_t kPropertiesBit = 0x08;
constexpr std::uint8_t kExchangeBit = 0x10;
constexpr std::uint8_t kHasFormat = 0x01;
constexpr std::uint8_t kHasExpiry = 0x02;
constexpr std::size_t kFixedBytes = 4 + sizeof(std::uint32_t) + 2 * sizeof(std::uint64_t);
constexpr std::size_t kExchangeBytes = sizeof(std::uint64_t) + sizeof(std::uint16_t);

std::size_t text_bytes(std::string_view text) {
  return sizeof(std::uint32_t) + text.size();
}

void write_properties(RecordWriter& writer, const Properties& properties) {
  writer.u8(static_cast<std::uint8_t>((properties.payload_format ? kHasFormat : 0) |
                                      (properties.expiry_seconds ? kHasExpiry : 0)));
  if (properties.payload_format) writer.u8(*properties.payload_format);
  if (properties.expiry_seconds) writer.number(*properties.expiry_seconds);
  writer.text(properties.content_type);
  writer.text(properties.response_topic);
  writer.text(properties.correlation_data);
  writer.number(static_cast<std::uint32_t>(properties.user.size()));
  for (const auto& [name, value] : properties.user) {
    writer.text(name);
    writer.text(value);
  }
}

Properties read_properties(RecordReader& reader) {
  Properties properties;
  const std::uint8_t present = reader.u8();
  if (present & kHasFormat) properties.payload_format = reader.u8();
  if (present & kHasExpiry) properties.expiry_seconds = reader.number<std::uint32_t>();
  properties.content_type = reader.text();
  properties.response_topic = reader.text();
  properties.correlation_data = reader.text();
  const auto count = reader.number<std::uint32_t>();
  for (std::uint32_t i = 0; i < count && reader.ok(); ++i) {
    std::string name(reader.text());
    properties.user.emplace_back(std::move(name), std::string(reader.text()));
  }
  return properties;
}

std::unexpected<Error> corrupt(const char* what) {
  return fail(Errc::corrupt, std::string("the stored ") + what + " does not follow its format");
}

}  // namespace

void encode_message(const Message& message, const ExchangeId* exchange, std::vector<std::uint8_t>& out) {
  static const Principal kNobody;
  const Principal& principal = message.principal ? *message.principal : kNobody;
  const std::string_view client_id = exchange ? exchange->client_id : std::string_view(principal.client_id);
  const std::size_t head_bytes =
      kFixedBytes + text_bytes(principal.name) + text_bytes(client_id) + (exchange ? kExchangeBytes : 0);
  const std::size_t rest_bytes = text_bytes(message.topic.text()) + text_bytes(message.payload.text());
  // Not cleared before: most records are as long as the one before, and are written over it.
  out.resize(message.properties ? head_bytes : head_bytes + rest_bytes);
  RecordFiller head(std::span<std::uint8_t>(out).first(head_bytes));
  head.u8(kMessageVersion);
  head.u8(static_cast<std::uint8_t>(
      static_cast<unsigned>(message.qos) | (message.retain == Message::Retain::yes ? kRetainBit : 0U) |
      (message.properties ? kPropertiesBit : 0U) | (exchange ? kExchangeBit : 0U)));
  head.u8(static_cast<std::uint8_t>(principal.kind));
  head.u8(static_cast<std::uint8_t>(principal.proof));
  head.number(principal.tenant.value);
  head.number(static_cast<std::uint64_t>(unix_nanoseconds(message.received_at)));
  head.number(message.trace_id);
  head.text(principal.name);
  head.text(client_id);
  if (exchange) {
    head.number(exchange->instance);
    head.number(exchange->packet_id);
  }
  DUNLIN_ASSERT(head.is_full());
  if (message.properties) {
    RecordWriter writer(out);
    write_properties(writer, *message.properties);
    writer.grow(rest_bytes);
  }
  RecordFiller body(std::span<std::uint8_t>(out).last(rest_bytes));
  body.text(message.topic.text());
  body.text(message.payload.text());
}

Result<DecodedMessage> MessageDecoder::decode(const Slice& record) {
  RecordReader reader(record.view());
  if (reader.u8() != kMessageVersion)
    return fail(Errc::unsupported, "the stored message has an unknown version");
  DecodedMessage decoded;
  Message& message = decoded.message;
  const std::uint8_t flags = reader.u8();
  if ((flags & kQosBits) > 2) return corrupt("message");
  message.qos = static_cast<QoS>(flags & kQosBits);
  message.retain = flags & kRetainBit ? Message::Retain::yes : Message::Retain::no;
  const auto kind = static_cast<PrincipalKind>(reader.u8());
  const auto proof = static_cast<Proof>(reader.u8());
  const TenantId tenant{reader.number<std::uint32_t>()};
  message.received_at = from_unix_nanoseconds(static_cast<std::int64_t>(reader.number<std::uint64_t>()));
  message.trace_id = reader.number<std::uint64_t>();
  const std::string_view name = reader.text();
  const std::string_view client_id = reader.text();
  if (flags & kExchangeBit) {
    decoded.instance = reader.number<std::uint64_t>();
    decoded.packet_id = reader.number<std::uint16_t>();
  }
  if (flags & kPropertiesBit)
    message.properties = std::make_shared<const Properties>(read_properties(reader));
  const RecordReader::Span topic = reader.span();
  const RecordReader::Span payload = reader.span();
  if (!reader.at_end() || kind > PrincipalKind::node || proof > Proof::in_process) return corrupt("message");
  message.topic = record.sub(topic.offset, topic.size);
  message.payload = record.sub(payload.offset, payload.size);
  if (!last_ || last_->name != name || last_->client_id != client_id || last_->tenant != tenant ||
      last_->kind != kind || last_->proof != proof) {
    auto principal = std::make_shared<Principal>();
    principal->kind = kind;
    principal->proof = proof;
    principal->tenant = tenant;
    principal->name = name;
    principal->client_id = client_id;
    last_ = std::move(principal);
  }
  message.principal = last_;
  return decoded;
}

std::vector<std::uint8_t> encode_release(TenantId tenant, const ExchangeId& exchange) {
  std::vector<std::uint8_t> out;
  RecordWriter writer(out);
  writer.u8(kReleaseVersion);
  writer.number(tenant.value);
  writer.number(exchange.instance);
  writer.number(exchange.packet_id);
  writer.text(exchange.client_id);
  return out;
}

Result<Release> decode_release(ByteView record) {
  RecordReader reader(record);
  if (reader.u8() != kReleaseVersion)
    return fail(Errc::unsupported, "the stored release has an unknown version");
  Release release;
  release.tenant = TenantId{reader.number<std::uint32_t>()};
  release.instance = reader.number<std::uint64_t>();
  release.packet_id = reader.number<std::uint16_t>();
  release.client_id = reader.text();
  if (!reader.at_end()) return corrupt("release");
  return release;
}

std::vector<std::uint8_t> encode_deliveries(std::span<const DeliveryNote> notes) {
  std::vector<std::uint8_t> out;
  RecordWriter writer(out);
  writer.u8(kDeliveryVersion);
  writer.number(static_cast<std::uint32_t>(notes.size()));
  for (const DeliveryNote& note : notes) {
    writer.number(note.instance);
    writer.number(note.at.journal);
    writer.number(note.at.position);
    writer.number(note.packet_id);
    writer.u8(static_cast<std::uint8_t>(note.step));
  }
  return out;
}

Result<std::vector<DeliveryNote>> decode_deliveries(ByteView record) {
  RecordReader reader(record);
  if (reader.u8() != kDeliveryVersion)
    return fail(Errc::unsupported, "the stored deliveries have an unknown version");
  std::vector<DeliveryNote> notes;
  const auto count = reader.number<std::uint32_t>();
  for (std::uint32_t i = 0; i < count && reader.ok(); ++i) {
    DeliveryNote note;
    note.instance = reader.number<std::uint64_t>();
    note.at.journal = reader.number<std::uint16_t>();
    note.at.position = reader.number<std::uint64_t>();
    note.packet_id = reader.number<std::uint16_t>();
    note.step = static_cast<DeliveryNote::Step>(reader.u8());
    if (note.step < DeliveryNote::Step::assigned || note.step > DeliveryNote::Step::granted)
      return corrupt("delivery");
    notes.push_back(note);
  }
  if (!reader.at_end()) return corrupt("delivery");
  return notes;
}

std::string tenant_key(TenantId tenant, std::string_view text) {
  std::string key;
  key.reserve(4 + text.size());
  for (const int shift : {24, 16, 8, 0}) key.push_back(static_cast<char>(tenant.value >> shift));
  key.append(text);
  return key;
}

Result<TenantKey> split_tenant_key(std::string_view key) {
  if (key.size() < 4) return corrupt("key");
  std::uint32_t tenant = 0;
  for (std::size_t i = 0; i < 4; ++i) tenant = (tenant << 8) | static_cast<std::uint8_t>(key[i]);
  return TenantKey{TenantId{tenant}, key.substr(4)};
}

}  // namespace dunlin::hub
