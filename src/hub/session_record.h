#pragma once
// The rows of a session that outlives its connection, and of the messages that wait for it. Formats:
// docs/formats/session.md.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "hub/message.h"
#include "hub/record.h"
#include "hub/trie.h"

namespace dunlin::hub {

/// A QoS 1 or 2 message that the peer has not acknowledged wholly.
struct StoredInFlight {
  std::uint64_t sequence = 0;
  JournalPosition at;
  std::uint16_t packet_id = 0;
  enum class State : std::uint8_t { assigned = 1, released = 2 } state = State::assigned;
};

struct StoredWill {
  Message message;
  std::uint32_t delay_seconds = 0;
};

struct RetainedDue {
  std::string filter;
  SubscriptionOptions options;
};

/// What outlives a restart of a session.
struct SessionRecord {
  SessionInstance instance = 0;
  std::string principal_name;
  std::uint32_t expiry_seconds = 0;  // 0: the row is there for the will only
  std::int64_t offline_since = 0;    // Unix nanoseconds; 0: it was connected
  std::uint16_t journal = 0;
  std::uint64_t journal_position = 0;  // `open_exchanges` is true up to this position of that journal
  std::vector<std::uint16_t> open_exchanges;
  std::map<std::string, SubscriptionOptions> subscriptions;
  std::vector<std::uint64_t> taken;  // by journal: the messages up to here have been given to the session
  std::uint64_t queue_from = 1;      // items from here on wait; earlier ones live only if they are in flight
  std::uint64_t end_sequence = 1;    // items from here on do not belong to this row
  std::uint16_t last_packet_id = 0;
  std::vector<StoredInFlight> in_flight;  // in the order of sending
  std::vector<RetainedDue> retained_due;  // retained messages of these have not all been queued yet
  std::optional<StoredWill> will;
  std::vector<std::uint64_t> held;  // items that are the session's once their group has let go of them
};
std::string encode_session(const SessionRecord& session);
/// Errors: corrupt, unsupported.
Result<SessionRecord> decode_session(std::string_view bytes);

/// A message that waits for one session: a row of store::Table::queue.
struct QueueItem {
  Message message;  // with its journal and position
  QoS qos = QoS::at_most_once;
  Message::Retain retain = Message::Retain::no;
  std::vector<std::uint32_t> identifiers;
};
std::string encode_queue_item(const Message& message, QoS qos, Message::Retain retain,
                              const std::vector<std::uint32_t>& identifiers);
/// Errors: corrupt, unsupported.
Result<QueueItem> decode_queue_item(std::string_view bytes, MessageDecoder& decoder);

struct QueueKey {
  SessionInstance instance = 0;
  std::uint64_t sequence = 0;
};
std::string encode_queue_key(QueueKey key);
Result<QueueKey> decode_queue_key(std::string_view key);

/// What tells a message from every other, also after a restart.
JournalPosition place_of(const Message& message);

}  // namespace dunlin::hub
