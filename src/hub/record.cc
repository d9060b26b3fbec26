#include "hub/record.h"

#include <cstring>

namespace dunlin::hub {
namespace {

constexpr std::uint8_t kMessageVersion = 1;
constexpr std::uint8_t kReleaseVersion = 1;
constexpr std::uint8_t kSessionVersion = 1;
constexpr std::uint8_t kQosBits = 0x03;
constexpr std::uint8_t kRetainBit = 0x04;
constexpr std::uint8_t kPropertiesBit = 0x08;
constexpr std::uint8_t kExchangeBit = 0x10;
constexpr std::uint8_t kHasFormat = 0x01;
constexpr std::uint8_t kHasExpiry = 0x02;

/// Little endian.
class Writer {
 public:
  explicit Writer(std::vector<std::uint8_t>& out) : out_(out) {}
  void u8(std::uint8_t value) { out_.push_back(value); }
  template <class T>
  void number(T value) {
    std::uint8_t bytes[sizeof(T)];
    for (std::size_t i = 0; i < sizeof(T); ++i) bytes[i] = static_cast<std::uint8_t>(value >> (8 * i));
    out_.insert(out_.end(), bytes, bytes + sizeof(T));
  }
  void text(std::string_view value) {
    number(static_cast<std::uint32_t>(value.size()));
    const ByteView bytes = as_bytes(value);
    out_.insert(out_.end(), bytes.begin(), bytes.end());
  }

 private:
  std::vector<std::uint8_t>& out_;
};

/// Reads what Writer wrote; after the first error every further read gives zeros and ok() is false.
class Reader {
 public:
  explicit Reader(ByteView bytes) : bytes_(bytes) {}
  bool ok() const { return ok_; }
  bool at_end() const { return ok_ && at_ == bytes_.size(); }
  std::size_t left() const { return bytes_.size() - at_; }
  std::uint8_t u8() { return number<std::uint8_t>(); }
  template <class T>
  T number() {
    if (!take(sizeof(T))) return 0;
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i)
      value |= std::uint64_t{bytes_[at_ - sizeof(T) + i]} << (8 * i);
    return static_cast<T>(value);
  }
  struct Span {
    std::size_t offset = 0;
    std::size_t size = 0;
  };
  Span span() {
    const auto size = number<std::uint32_t>();
    if (!take(size)) return {};
    return {at_ - size, size};
  }
  std::string_view text() {
    const Span part = span();
    return as_text(bytes_.subspan(part.offset, part.size));
  }

 private:
  bool take(std::size_t count) {
    if (!ok_ || count > left()) {
      ok_ = false;
      return false;
    }
    at_ += count;
    return true;
  }
  ByteView bytes_;
  std::size_t at_ = 0;
  bool ok_ = true;
};

void write_properties(Writer& writer, const Properties& properties) {
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

Properties read_properties(Reader& reader) {
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

std::uint8_t options_byte(const SubscriptionOptions& options) {
  return static_cast<std::uint8_t>(
      static_cast<unsigned>(options.qos) | (options.no_local == SubscriptionOptions::NoLocal::yes ? 4U : 0U) |
      (options.retain_as_published == SubscriptionOptions::RetainAsPublished::yes ? 8U : 0U));
}

SubscriptionOptions options_of(std::uint8_t byte, std::uint32_t identifier) {
  SubscriptionOptions options;
  options.qos = static_cast<QoS>(byte & 3);
  if (byte & 4) options.no_local = SubscriptionOptions::NoLocal::yes;
  if (byte & 8) options.retain_as_published = SubscriptionOptions::RetainAsPublished::yes;
  options.identifier = identifier;
  return options;
}

std::unexpected<Error> corrupt(const char* what) {
  return fail(Errc::corrupt, std::string("the stored ") + what + " does not follow its format");
}

}  // namespace

void encode_message(const Message& message, const ExchangeId* exchange, std::vector<std::uint8_t>& out) {
  static const Principal kNobody;
  const Principal& principal = message.principal ? *message.principal : kNobody;
  out.clear();
  Writer writer(out);
  writer.u8(kMessageVersion);
  writer.u8(static_cast<std::uint8_t>(
      static_cast<unsigned>(message.qos) | (message.retain == Message::Retain::yes ? kRetainBit : 0U) |
      (message.properties ? kPropertiesBit : 0U) | (exchange ? kExchangeBit : 0U)));
  writer.u8(static_cast<std::uint8_t>(principal.kind));
  writer.u8(static_cast<std::uint8_t>(principal.proof));
  writer.number(principal.tenant.value);
  writer.number(static_cast<std::uint64_t>(unix_nanoseconds(message.received_at)));
  writer.number(message.trace_id);
  writer.text(principal.name);
  writer.text(exchange ? exchange->client_id : std::string_view(principal.client_id));
  if (exchange) {
    writer.number(exchange->instance);
    writer.number(exchange->packet_id);
  }
  if (message.properties) write_properties(writer, *message.properties);
  writer.text(message.topic.text());
  writer.text(message.payload.text());
}

Result<DecodedMessage> MessageDecoder::decode(const Slice& record) {
  Reader reader(record.view());
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
  const Reader::Span topic = reader.span();
  const Reader::Span payload = reader.span();
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
  Writer writer(out);
  writer.u8(kReleaseVersion);
  writer.number(tenant.value);
  writer.number(exchange.instance);
  writer.number(exchange.packet_id);
  writer.text(exchange.client_id);
  return out;
}

Result<Release> decode_release(ByteView record) {
  Reader reader(record);
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

std::string encode_session(const SessionRecord& session) {
  std::vector<std::uint8_t> out;
  Writer writer(out);
  writer.u8(kSessionVersion);
  writer.number(session.instance);
  writer.text(session.principal_name);
  writer.number(session.expiry_seconds);
  writer.number(static_cast<std::uint64_t>(session.offline_since));
  writer.number(session.journal);
  writer.number(session.journal_position);
  writer.number(static_cast<std::uint32_t>(session.open_exchanges.size()));
  for (const std::uint16_t id : session.open_exchanges) writer.number(id);
  writer.number(static_cast<std::uint32_t>(session.subscriptions.size()));
  for (const auto& [filter, options] : session.subscriptions) {
    writer.text(filter);
    writer.u8(options_byte(options));
    writer.number(options.identifier);
  }
  return std::string(as_text(out));
}

Result<SessionRecord> decode_session(std::string_view bytes) {
  Reader reader(as_bytes(bytes));
  if (reader.u8() != kSessionVersion)
    return fail(Errc::unsupported, "the stored session has an unknown version");
  SessionRecord session;
  session.instance = reader.number<std::uint64_t>();
  session.principal_name = reader.text();
  session.expiry_seconds = reader.number<std::uint32_t>();
  session.offline_since = static_cast<std::int64_t>(reader.number<std::uint64_t>());
  session.journal = reader.number<std::uint16_t>();
  session.journal_position = reader.number<std::uint64_t>();
  const auto exchanges = reader.number<std::uint32_t>();
  for (std::uint32_t i = 0; i < exchanges && reader.ok(); ++i) {
    session.open_exchanges.push_back(reader.number<std::uint16_t>());
  }
  const auto subscriptions = reader.number<std::uint32_t>();
  for (std::uint32_t i = 0; i < subscriptions && reader.ok(); ++i) {
    std::string filter(reader.text());
    const std::uint8_t options = reader.u8();
    const auto identifier = reader.number<std::uint32_t>();
    if ((options & 3) > 2) return corrupt("session");
    session.subscriptions.emplace(std::move(filter), options_of(options, identifier));
  }
  if (!reader.at_end()) return corrupt("session");
  return session;
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
