#pragma once
// How services meet devices: they publish and consume through the hub, like anyone else. No protocol, no
// socket.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/executor.h"
#include "base/result.h"
#include "hub/message.h"
#include "store/log.h"

namespace dunlin::hub {

/// A message with its place; position 0 for a message that is not journalled (QoS 0, or from another node).
struct Delivery {
  Message message;
  JournalPosition at;
};

/// Handles one batch; the next is not delivered before `done` is called (once, on the consumer's executor).
using BatchHandler = std::move_only_function<void(std::vector<Delivery> batch, Task done)>;

struct ConsumerOptions {
  std::string name;  // unique; names its cursors, metrics and log lines
  TenantId tenant = kDefaultTenant;
  std::vector<std::string> filters;  // MQTT topic filters, without "$share"
  /// Journalled messages behind these are delivered first, then live ones; an absent journal starts at its
  /// first record, unless `absent` says otherwise.
  std::vector<JournalPosition> start;
  enum class Absent : std::uint8_t { first_record, now } absent = Absent::first_record;
  std::size_t max_batch = 1024;
  /// no: that a filter of it matches does not mean that somebody wants the message (Hub::is_heard()).
  enum class Listens : std::uint8_t { yes, no } listens = Listens::yes;
  /// Messages that are not journalled and wait for this consumer; past it the oldest go, with a counter.
  /// Journalled ones wait in the journal and are never dropped.
  std::size_t max_waiting = 65536;
};

/// How far a consumer is behind in one journal.
struct ConsumerLag {
  JournalPosition done;         // committed by the consumer, or passed since nothing was for it
  std::uint64_t first = 0;      // the oldest record that is kept
  std::uint64_t committed = 0;  // the newest
  std::uint64_t bytes = 0;      // of all that is kept
};

/// Ends its subscription when destroyed. Consumer's executor only.
class Consumer {
 public:
  virtual ~Consumer() = default;
  /// The result of every journalled message up to here is durable: the journal may let go of it.
  virtual void commit(JournalPosition position) = 0;
  /// One row per journal (none where nothing is kept), on the consumer's executor; not after the consumer is
  /// destroyed.
  virtual void lag(std::move_only_function<void(std::vector<ConsumerLag>)> done) = 0;
  /// It will not come back: the journals keep nothing for it from now on.
  virtual void forget() = 0;
};

/// A session came or went. `reason` is a stable word: "connected", "disconnected", "keep_alive",
/// "taken_over", "connection_lost", "timed_out", "revoked", "shutdown".
struct SessionEvent {
  PrincipalRef principal;
  std::string client_id;
  std::string protocol;  // "mqtt" ...
  std::string peer;
  enum class State : std::uint8_t { online, offline } state = State::online;
  std::string reason;
  WallTime at{};
};

/// Called on the message's way in, after commit for journalled ones.
using PublishDone = std::move_only_function<void(Result<void>)>;

class Bus {
 public:
  virtual ~Bus() = default;

  /// Publishes on behalf of message.principal (already authorised by the caller). `done` runs on `reply_to`:
  /// at once for QoS 0, after the group commit for QoS 1 and 2. It may be empty. Any thread.
  virtual void publish(Executor& reply_to, Message message, PublishDone done) = 0;

  /// Any thread; `handler` runs on `executor`.
  virtual std::unique_ptr<Consumer> consume(Executor& executor, ConsumerOptions options,
                                            BatchHandler handler) = 0;

  /// `handler` runs on `executor` for every session that comes or goes, until the hub ends. At start-up only.
  virtual void on_session_event(Executor& executor, std::function<void(const SessionEvent&)> handler) = 0;

  /// Ends the sessions of a principal (by name) everywhere, with a reason that the transport renders. Any
  /// thread.
  virtual void end_sessions(TenantId tenant, std::string principal_name, std::string reason) = 0;

  /// The retained message of a topic, if any. `done` runs on `reply_to`. Any thread.
  virtual void retained(Executor& reply_to, TenantId tenant, std::string topic,
                        std::move_only_function<void(std::optional<Message>)> done) = 0;
};

}  // namespace dunlin::hub
