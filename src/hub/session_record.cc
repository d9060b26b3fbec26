#include "hub/session_record.h"

#include "hub/record_io.h"

namespace dunlin::hub {
namespace {

constexpr std::uint8_t kSessionVersion = 3;
constexpr std::uint8_t kSessionWithoutHeld = 2;
constexpr std::uint8_t kSessionWithoutQueue = 1;
constexpr std::uint8_t kItemVersion = 1;
constexpr std::uint8_t kQosBits = 0x03;
constexpr std::uint8_t kRetainBit = 0x04;
// A message that came from the retained store after a restart has no position; its time of arrival is its
// own.
constexpr std::uint16_t kNoJournal = 0xFFFF;
constexpr std::size_t kInFlightBytes = sizeof(StoredInFlight::sequence) + sizeof(JournalPosition::journal) +
                                       sizeof(JournalPosition::position) + sizeof(StoredInFlight::packet_id) +
                                       sizeof(StoredInFlight::State);

std::uint8_t options_byte(const SubscriptionOptions& options) {
  return static_cast<std::uint8_t>(
      static_cast<unsigned>(options.qos) | (options.no_local == SubscriptionOptions::NoLocal::yes ? 4U : 0U) |
      (options.retain_as_published == SubscriptionOptions::RetainAsPublished::yes ? 8U : 0U));
}

std::unexpected<Error> corrupt(const char* what) {
  return fail(Errc::corrupt, std::string("the stored ") + what + " does not follow its format");
}

void write_subscription(RecordWriter& writer, const std::string& filter, const SubscriptionOptions& options) {
  writer.text(filter);
  writer.u8(options_byte(options));
  writer.number(options.identifier);
}

struct ReadSubscription {
  std::string filter;
  SubscriptionOptions options;
};
std::optional<ReadSubscription> read_subscription(RecordReader& reader) {
  ReadSubscription read;
  read.filter = reader.text();
  const std::uint8_t byte = reader.u8();
  if (!reader.ok() || (byte & kQosBits) > 2) return std::nullopt;
  read.options.qos = static_cast<QoS>(byte & kQosBits);
  if (byte & 4) read.options.no_local = SubscriptionOptions::NoLocal::yes;
  if (byte & 8) read.options.retain_as_published = SubscriptionOptions::RetainAsPublished::yes;
  read.options.identifier = reader.number<std::uint32_t>();
  return read;
}

void write_place(RecordWriter& writer, JournalPosition at) {
  writer.number(at.journal);
  writer.number(at.position);
}

JournalPosition read_place(RecordReader& reader) {
  JournalPosition at;
  at.journal = reader.number<std::uint16_t>();
  at.position = reader.number<std::uint64_t>();
  return at;
}

void write_outbound(RecordWriter& writer, const SessionRecord& session) {
  writer.number(static_cast<std::uint32_t>(session.taken.size()));
  for (const std::uint64_t position : session.taken) writer.number(position);
  writer.number(session.queue_from);
  writer.number(session.end_sequence);
  writer.number(session.last_packet_id);
  writer.number(static_cast<std::uint32_t>(session.in_flight.size()));
  // Very many at times: all at once.
  RecordFiller filler(writer.grow(session.in_flight.size() * kInFlightBytes));
  for (const StoredInFlight& entry : session.in_flight) {
    filler.number(entry.sequence);
    filler.number(entry.at.journal);
    filler.number(entry.at.position);
    filler.number(entry.packet_id);
    filler.u8(static_cast<std::uint8_t>(entry.state));
  }
  writer.number(static_cast<std::uint32_t>(session.retained_due.size()));
  for (const RetainedDue& due : session.retained_due) write_subscription(writer, due.filter, due.options);
  writer.u8(session.will ? 1 : 0);
  if (!session.will) return;
  std::vector<std::uint8_t> message;
  encode_message(session.will->message, nullptr, message);
  writer.number(session.will->delay_seconds);
  writer.text(as_text(message));
}

bool read_in_flight(RecordReader& reader, SessionRecord& session) {
  const auto count = reader.number<std::uint32_t>();
  for (std::uint32_t i = 0; i < count && reader.ok(); ++i) {
    StoredInFlight entry;
    entry.sequence = reader.number<std::uint64_t>();
    entry.at = read_place(reader);
    entry.packet_id = reader.number<std::uint16_t>();
    entry.state = static_cast<StoredInFlight::State>(reader.u8());
    if (entry.packet_id == 0 || entry.state < StoredInFlight::State::assigned ||
        entry.state > StoredInFlight::State::released)
      return false;
    session.in_flight.push_back(entry);
  }
  return reader.ok();
}

bool read_will(RecordReader& reader, SessionRecord& session) {
  if (reader.u8() == 0) return true;
  StoredWill will;
  will.delay_seconds = reader.number<std::uint32_t>();
  MessageDecoder decoder;
  Result<DecodedMessage> message = decoder.decode(Slice::copy_of(reader.text()));
  if (!message) return false;
  will.message = std::move(message->message);
  session.will = std::move(will);
  return true;
}

bool read_outbound(RecordReader& reader, SessionRecord& session) {
  const auto journals = reader.number<std::uint32_t>();
  for (std::uint32_t i = 0; i < journals && reader.ok(); ++i)
    session.taken.push_back(reader.number<std::uint64_t>());
  session.queue_from = reader.number<std::uint64_t>();
  session.end_sequence = reader.number<std::uint64_t>();
  session.last_packet_id = reader.number<std::uint16_t>();
  if (!read_in_flight(reader, session)) return false;
  const auto due = reader.number<std::uint32_t>();
  for (std::uint32_t i = 0; i < due && reader.ok(); ++i) {
    auto read = read_subscription(reader);
    if (!read) return false;
    session.retained_due.push_back({std::move(read->filter), read->options});
  }
  return read_will(reader, session);
}

}  // namespace

JournalPosition place_of(const Message& message) {
  if (message.position != 0) return {message.journal, message.position};
  return {kNoJournal, static_cast<std::uint64_t>(unix_nanoseconds(message.received_at))};
}

std::string encode_session(const SessionRecord& session) {
  std::vector<std::uint8_t> out;
  RecordWriter writer(out);
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
  for (const auto& [filter, options] : session.subscriptions) write_subscription(writer, filter, options);
  write_outbound(writer, session);
  writer.number(static_cast<std::uint32_t>(session.held.size()));
  for (const std::uint64_t sequence : session.held) writer.number(sequence);
  return std::string(as_text(out));
}

Result<SessionRecord> decode_session(std::string_view bytes) {
  RecordReader reader(as_bytes(bytes));
  const std::uint8_t version = reader.u8();
  if (version < kSessionWithoutQueue || version > kSessionVersion)
    return fail(Errc::unsupported, "the stored session has an unknown version");
  SessionRecord session;
  session.instance = reader.number<std::uint64_t>();
  session.principal_name = reader.text();
  session.expiry_seconds = reader.number<std::uint32_t>();
  session.offline_since = static_cast<std::int64_t>(reader.number<std::uint64_t>());
  session.journal = reader.number<std::uint16_t>();
  session.journal_position = reader.number<std::uint64_t>();
  const auto exchanges = reader.number<std::uint32_t>();
  for (std::uint32_t i = 0; i < exchanges && reader.ok(); ++i)
    session.open_exchanges.push_back(reader.number<std::uint16_t>());
  const auto subscriptions = reader.number<std::uint32_t>();
  for (std::uint32_t i = 0; i < subscriptions && reader.ok(); ++i) {
    auto read = read_subscription(reader);
    if (!read) return corrupt("session");
    session.subscriptions.emplace(std::move(read->filter), read->options);
  }
  if (version >= kSessionWithoutHeld && !read_outbound(reader, session)) return corrupt("session");
  const auto held = version == kSessionVersion ? reader.number<std::uint32_t>() : 0;
  for (std::uint32_t i = 0; i < held && reader.ok(); ++i)
    session.held.push_back(reader.number<std::uint64_t>());
  if (!reader.at_end()) return corrupt("session");
  return session;
}

std::string encode_queue_item(const Message& message, QoS qos, Message::Retain retain,
                              const std::vector<std::uint32_t>& identifiers) {
  std::vector<std::uint8_t> record;
  encode_message(message, nullptr, record);
  std::vector<std::uint8_t> out;
  out.reserve(record.size() + 32);
  RecordWriter writer(out);
  writer.u8(kItemVersion);
  writer.u8(static_cast<std::uint8_t>(static_cast<unsigned>(qos) |
                                      (retain == Message::Retain::yes ? kRetainBit : 0U)));
  write_place(writer, {message.journal, message.position});
  writer.number(static_cast<std::uint32_t>(identifiers.size()));
  for (const std::uint32_t identifier : identifiers) writer.number(identifier);
  writer.text(as_text(record));
  return std::string(as_text(out));
}

Result<QueueItem> decode_queue_item(std::string_view bytes, MessageDecoder& decoder) {
  RecordReader reader(as_bytes(bytes));
  if (reader.u8() != kItemVersion)
    return fail(Errc::unsupported, "the stored queue item has an unknown version");
  QueueItem item;
  const std::uint8_t flags = reader.u8();
  if ((flags & kQosBits) == 0 || (flags & kQosBits) > 2) return corrupt("queue item");
  item.qos = static_cast<QoS>(flags & kQosBits);
  item.retain = flags & kRetainBit ? Message::Retain::yes : Message::Retain::no;
  const JournalPosition at = read_place(reader);
  const auto identifiers = reader.number<std::uint32_t>();
  for (std::uint32_t i = 0; i < identifiers && reader.ok(); ++i)
    item.identifiers.push_back(reader.number<std::uint32_t>());
  const std::string_view record = reader.text();
  if (!reader.at_end()) return corrupt("queue item");
  DUNLIN_TRY(DecodedMessage decoded, decoder.decode(Slice::copy_of(record)));
  item.message = std::move(decoded.message);
  item.message.journal = at.journal;
  item.message.position = at.position;
  return item;
}

std::string encode_queue_key(QueueKey key) {
  std::string out;
  for (const std::uint64_t part : {key.instance, key.sequence}) {
    for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(part >> shift));
  }
  return out;
}

Result<QueueKey> decode_queue_key(std::string_view key) {
  if (key.size() != 16) return corrupt("queue item's key");
  const auto part = [key](std::size_t begin) {
    std::uint64_t value = 0;
    for (std::size_t i = begin; i < begin + 8; ++i) value = (value << 8) | static_cast<std::uint8_t>(key[i]);
    return value;
  };
  return QueueKey{part(0), part(8)};
}

}  // namespace dunlin::hub
