#pragma once
// One client's state: it outlives the connection when the client asked for that.

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/executor.h"
#include "hub/bus.h"
#include "hub/durable_outbound.h"
#include "hub/exchanges.h"
#include "hub/limits.h"
#include "hub/retained.h"
#include "hub/ring_queue.h"
#include "hub/router.h"
#include "hub/session_activity.h"
#include "hub/session_link.h"
#include "hub/session_names.h"
#include "hub/shared_messages.h"
#include "hub/trace.h"
#include "store/keyed.h"

namespace dunlin::hub {

class Shard;
class SharedGroup;
struct SharedPart;
/// Counts the links that a session has had, so that an answer never goes to a later one.
using Attachment = std::uint32_t;

/// A copy with a payload of its own.
std::shared_ptr<Message> keep_message(const Message& message);

/// A message on its way to many: copied only when somebody must keep it. The message that it is made of
/// outlives it.
class Traveller {
 public:
  explicit Traveller(const Message& message) : view_(&message) {}
  /// Taken from there when somebody must keep it.
  explicit Traveller(Message&& message) : view_(&message), source_(&message) {}
  explicit Traveller(MessageRef message) : view_(message.get()), ref_(std::move(message)) {}
  const Message& get() const { return *view_; }
  const MessageRef& ref() {
    if (!ref_) keep();
    return ref_;
  }
  /// Nobody comes after the present receiver.
  void mark_last() { last_ = true; }
  /// ref() for a receiver that keeps it.
  MessageRef take() {
    if (!ref_) keep();
    return last_ ? std::move(ref_) : ref_;
  }

 private:
  void keep();

  const Message* view_;
  Message* source_ = nullptr;
  MessageRef ref_;
  bool last_ = false;
};

/// QoS 1 and 2 messages that wait for a session, in memory or on the disk.
struct Waiting {
  std::size_t messages = 0;
  std::uint64_t bytes = 0;
};

/// Made and owned by its shard; valid for a link from Hub::open() until close() or SessionLink::ended().
/// Shard's thread only.
class Session {
 public:
  Session(Shard& shard, SessionRef self, SessionInstance instance, OpenOptions options);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  const PrincipalRef& principal() const { return principal_; }
  std::string_view client_id() const {
    return names_.client_id().empty() ? std::string_view(principal_->client_id) : names_.client_id();
  }

  using PublishDone = std::move_only_function<void(Result<void>)>;
  /// QoS 0: routed at once, `done` is not called. QoS 1: `done` once the message is on the disk (at once
  /// without a journal). QoS 2: likewise; a packet id that is still open is not routed again. `done` is
  /// dropped if the link has gone. Errors: no_space, io, unavailable, limit_exceeded.
  /// `message` is copied where it must last; its payload may be borrowed. `hint` (or null) is the caller's
  /// for this topic.
  void publish(Message& message, std::uint16_t packet_id, RouteHint* hint, PublishDone done);
  void publish(Message message, std::uint16_t packet_id, PublishDone done) {
    publish(message, packet_id, nullptr, std::move(done));
  }
  /// The same for QoS 0.
  void publish_at_once(Message& message, RouteHint& hint);
  /// PUBREL from the peer: `done` once the packet id may be used again. Errors: not_found (no such exchange)
  /// and as publish().
  void release(std::uint16_t packet_id, PublishDone done);
  /// How many QoS 2 exchanges of the peer are open.
  std::size_t open_exchanges() const { return inbound_ ? inbound_->size() : 0; }

  /// Results in the order of the requests; an error is a limit.
  using SubscribeDone = std::move_only_function<void(const std::vector<Result<void>>& results)>;
  /// `done` runs (perhaps at once) when every shard knows of the filters and a persistent session has stored
  /// them; retained messages follow.
  void subscribe(std::vector<SubscribeRequest> requests, SubscribeDone done);
  /// Whether there was such a subscription, in order.
  using UnsubscribeDone = std::move_only_function<void(const std::vector<bool>& existed)>;
  void unsubscribe(const std::vector<std::string>& filters, UnsubscribeDone done);
  /// `visit(filter, options)` for each, shared ones too.
  template <class Visit>
  void for_each_subscription(Visit&& visit) const;

  /// PUBACK, or PUBREC with an error code: the message is done with. False: no such packet id (the peer is at
  /// fault).
  bool acknowledged(std::uint16_t packet_id);
  /// PUBREC: answers with SessionLink::release(), also for an id that is not known (MQTT 5.0 section 4.3.3).
  bool received(std::uint16_t packet_id);
  /// PUBCOMP.
  bool completed(std::uint16_t packet_id);
  /// The link could not send a message that deliver() gave it.
  void dropped(DropReason reason, const Message& message);
  /// The link can take output again.
  void drained() { pump(); }

  enum class WillFate : std::uint8_t { publish, discard, keep /* for the restart */ };
  struct CloseOptions {
    std::string reason;  // of the SessionEvent: "disconnected", "keep_alive", "connection_lost" ...
    WillFate will = WillFate::publish;
    std::optional<std::uint32_t> expiry_seconds;  // MQTT 5.0 section 3.14.2.2.2
  };
  /// The connection is gone. This object may be destroyed in the call.
  void close(CloseOptions options);

 private:
  friend class Shard;
  friend class SharedGroup;
  friend struct SharedPart;
  friend class ShardView;
  struct Queued {
    MessageRef message;
    QoS qos = QoS::at_most_once;
    Message::Retain retain = Message::Retain::no;
    std::vector<std::uint32_t> identifiers;
    std::uint64_t sequence = 0;  // 0 in a session that ends with its connection
    SharedOrigin shared = {};    // of one that a shared subscription's group has lent
  };
  struct InFlight {
    /// storing and storing_release wait for the journal: an exactly-once peer must never learn of a packet
    /// id, or be told to forget one, that a crash could make us forget.
    enum class State : std::uint8_t {
      done,
      storing,
      ready,
      to_send,
      sent,
      storing_release,
      to_release,
      released
    };
    Queued publish;
    std::uint16_t packet_id = 0;
    State state = State::done;
    JournalPosition at;  // of the message, in a durable session
  };
  using State = InFlight::State;
  /// What waits for the peer or for its answers. Made when there is something.
  struct Outgoing {
    RingQueue<Queued> qos0;
    RingQueue<Queued> queue;  // QoS 1 and 2
    RingQueue<InFlight> in_flight;
    std::size_t qos0_bytes = 0;
    std::size_t queue_bytes = 0;
    std::size_t unacknowledged = 0;
    std::size_t storing = 0;      // in flight, waiting for the journal
    std::size_t resend_from = 0;  // index into in_flight of the first that may have to be sent (again)
    std::set<SessionRef> held_publishers;  // paused until this session has drained
    WallTime holding_since{};              // the first of them
    std::vector<std::string> refused;      // filters that nobody may publish to: the queue is full
    std::uint64_t progress = 0;            // acknowledgements so far, for the patience with slow consumers
    TimerId patience;
    bool retained_waits = false;  // retained messages are owed that had no room
    bool pump_is_due = false;     // the shard goes on with it when others have had their turn
  };
  /// Of one whose client is absent, or that a restart has loaded.
  struct Absence {
    JournalPosition stored_at;  // of the row that a restart has loaded
    TimerId expiry;
    TimerId will;
  };

  bool persistent() const { return expiry_seconds_ > 0; }
  /// A restart must find a row of it.
  bool wants_row() const { return persistent() || will_; }
  void take_options(OpenOptions options);
  void take_standing(Standing standing);
  void attach(SessionLink& link, std::uint16_t receive_maximum);
  void detach();
  bool is_attached() const { return link_ != nullptr; }
  SessionRef ref() const { return self_; }
  std::size_t subscription_count() const;
  bool is_subscribed(const Router& router, std::string_view filter) const;
  /// `target` chose this session; the rest is decided here: QoS, retain flag, queue or wire.
  void deliver(Traveller& message, const Target& target, std::span<const std::uint32_t> identifiers,
               EncodingCache& cache);
  bool has_room_for_retained() const;
  void deliver_retained(const MessageRef& message, const SubscriptionOptions& options);
  /// Sends what waits, a portion at a time.
  void pump();
  void go_on_pumping();
  /// What was sent before and must be sent again, then what is new. Returns what is left of `portion`.
  std::size_t pump_again(std::size_t portion);
  std::size_t pump_queue(std::size_t portion);
  std::size_t pump_qos0(std::size_t portion);
  std::optional<Queued> keep_unexpired(Queued publish);
  bool window_open(const Outgoing& out) const;
  void send_tracked(Queued&& publish, EncodingCache& cache);
  void send_once_stored(Queued&& publish);
  /// To the wire if it can go at once, or else to the queue.
  void offer(Queued&& publish, EncodingCache& cache);
  void offer_qos0(Queued&& publish, EncodingCache& cache);
  void enqueue(Queued&& publish);
  void enqueue_qos0(Queued&& publish);
  void drop_surplus_qos0();
  InFlight* find(std::uint16_t packet_id);
  std::optional<std::size_t> place_in_flight(std::uint16_t packet_id) const;
  void finish(InFlight& entry);
  std::uint16_t next_packet_id();
  void forget(Queued& publish);

  // Durable sessions (session_durable.cc).
  void make_durable();
  void take_sequence(Queued& publish);
  void changed();
  void note(const InFlight& entry, DeliveryNote::Step step);
  /// The journal holds this step of the message in flight; pump_stored() goes on with it.
  void stored(std::uint16_t packet_id, DeliveryNote::Step step);
  bool waits_for(std::uint16_t packet_id, DeliveryNote::Step step);
  void pump_stored();
  SessionRecord to_record() const;
  std::vector<StoredInFlight> stored_in_flight() const;
  /// The messages that have no row yet.
  std::vector<const Queued*> new_items() const;
  /// The rows that are, or will be, there.
  std::vector<std::uint64_t> stored_items() const;
  void restore(const SessionRecord& record);
  void restore_waiting(std::uint64_t sequence, QueueItem item);
  void restore_in_flight(std::uint64_t sequence, QueueItem item);
  void apply(const DeliveryNote& note);
  void assign(const DeliveryNote& note);
  void finish_restore();

  // Long queues (session_spill.cc).
  bool spills() const;
  Waiting waiting() const;
  /// Adds to what the queue has in memory.
  void count_queued(std::int64_t bytes);
  /// Whether the queue has `share` times what it may have in memory.
  bool past_memory(std::size_t share) const;
  void spill(const Queued& publish);
  void spill_surplus();
  void shed();
  void load_spilled();
  void take_loaded(std::vector<store::Entry> rows);

  // Shared subscriptions (session_shared.cc): of a member,
  enum class Held : std::uint8_t { keep, drop };
  SharedPart& shared_part();
  void deliver_shared(const SharedDelivery& delivery);
  void hold(Queued publish, const SharedDelivery& delivery);
  void decide_held(std::uint64_t sequence, Held decision);
  void restore_held(std::uint64_t sequence, QueueItem item);
  std::optional<Queued> take_held(JournalPosition at);
  void answer_lent(Queued& publish, SharedAnswer::Outcome outcome);
  void return_lent();
  void return_held();
  // and of a group.
  void attach_group(SharedGroup& group);
  void detach_group();
  InFlight* find_lent_out(std::uint16_t packet_id);
  void finish_lent_out(std::uint16_t packet_id);
  void hand_over_lent_out(std::uint16_t packet_id, SessionInstance to);
  void send_again(std::uint16_t packet_id);

  // What operators see (session_trace.cc).
  SessionActivity& activity();
  bool traced() const;
  void trace(TraceKind kind, const Message& message, QoS qos, std::string_view detail = {}) const;

  bool above_high_mark() const;
  bool below_low_mark() const;
  void write(const Queued& publish, std::uint16_t packet_id, Outbound::Duplicate duplicate,
             EncodingCache& cache);

  Outgoing& outgoing() {
    if (!outgoing_) outgoing_ = std::make_unique<Outgoing>();
    return *outgoing_;
  }
  Exchanges& inbound() {
    if (!inbound_) inbound_ = std::make_unique<Exchanges>();
    return *inbound_;
  }
  Absence& absence() {
    if (!absence_) absence_ = std::make_unique<Absence>();
    return *absence_;
  }

  Shard& shard_;
  SessionRef self_;
  std::uint16_t window_ = 0;
  std::uint16_t last_packet_id_ = 0;
  SessionInstance instance_;
  PrincipalRef principal_;
  SessionNames names_;
  SessionLink* link_ = nullptr;
  Attachment attachment_ = 0;
  std::uint32_t expiry_seconds_ = 0;
  std::uint32_t holds_ = 0;  // how many receivers hold this publisher
  bool opened_ = false;      // the link has been told; nothing is delivered before
  bool ending_ = false;      // its end is due in a later task; nothing is queued any more
  bool stored_ = false;      // a row of it is, or will be, in the keyed store
  WallTime state_since_{};   // connected, or away
  TokenBucket takeovers_;
  FilterList filters_;
  // Most sessions are idle and have none of these.
  std::unique_ptr<Outgoing> outgoing_;
  std::unique_ptr<Exchanges> inbound_;        // QoS 2 packet ids of the peer
  std::unique_ptr<DurableOutbound> durable_;  // null: nothing of it outlives the process
  std::unique_ptr<Will> will_;
  std::unique_ptr<Absence> absence_;
  std::unique_ptr<SharedPart> shared_;         // null: no shared subscription so far
  std::unique_ptr<SessionActivity> activity_;  // null: no message so far
};

/// What few sessions have.
struct SharedPart {
  struct HeldMessage {
    Session::Queued publish;
    SharedOrigin origin;  // not after a restart
  };
  ~SharedPart();
  std::unique_ptr<SharedGroup> group;                                     // of a group's own session
  std::map<std::string, SubscriptionOptions, std::less<>> subscriptions;  // by "$share/..."
  std::size_t lent = 0;  // messages that wait or are in flight, and are a group's
  std::vector<HeldMessage> held;
};

template <class Visit>
void Session::for_each_subscription(Visit&& visit) const {
  filters_.for_each([&](const Filter* filter) { visit(filter->text(), *filter->find(self_.slot)); });
  if (!shared_) return;
  for (const auto& [filter, options] : shared_->subscriptions) visit(std::string_view(filter), options);
}

/// For lists of sessions.
struct SessionInfo {
  std::string client_id;
  std::string principal_name;
  std::string protocol;
  std::string peer;
  SessionEvent::State state = SessionEvent::State::online;
  std::size_t subscriptions = 0;
  std::size_t queued = 0;  // messages waiting or not acknowledged yet
};

}  // namespace dunlin::hub
