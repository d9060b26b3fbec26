#pragma once
// One reactor's part of the hub: its sessions, its tries, its journal. Everything here runs on the shard's
// own executor, except where said; shards talk by posting to each other.

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/executor.h"
#include "base/memory_level.h"
#include "base/rng.h"
#include "hub/access.h"
#include "hub/bus.h"
#include "hub/consumer.h"
#include "hub/refused_topics.h"
#include "hub/retained_walk.h"
#include "hub/session.h"
#include "hub/session_record.h"
#include "hub/shard_metrics.h"
#include "hub/shared_group.h"
#include "store/keyed.h"
#include "store/log.h"

namespace dunlin::hub {

struct ShardSetup {
  std::uint16_t index = 0;
  Executor& executor;
  store::Log* log;      // null: nothing is durable
  store::Keyed* keyed;  // null: likewise
  metrics::Registry& registry;
  const Limits& limits;
  const std::vector<std::unique_ptr<class Shard>>&
      shards;                                // all of them, complete before the first task runs
  std::function<void(SessionEvent)> report;  // any thread
  std::uint64_t seed = 0;
  const std::vector<std::string>& durable_filters;  // of HubEnvironment
  Tracer& tracer;
  TenantBudgets& budgets;
  const Authorizer& authorize_will;  // of HubEnvironment
};

class Shard {
 public:
  explicit Shard(ShardSetup setup);
  /// Once all shards are there, before any task runs.
  void connect_shards() {
    parcels_.resize(setup_.shards.size());
    lent_.resize(setup_.shards.size());
    answers_.resize(setup_.shards.size());
    taken_.resize(setup_.shards.size());
  }
  ~Shard();
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  Executor& executor() { return setup_.executor; }
  store::Log* log() const { return setup_.log; }
  const Limits& limits() const { return setup_.limits; }
  bool durable() const { return setup_.log != nullptr && setup_.keyed != nullptr; }
  ShardMetrics& metrics() { return metrics_; }
  std::uint16_t index() const { return setup_.index; }
  /// At most kMaxShards.
  std::uint16_t shard_count() const { return static_cast<std::uint16_t>(setup_.shards.size()); }
  /// The last journal position whose message has been routed.
  store::Position routed() const { return routed_; }
  Tracer& tracer() const { return setup_.tracer; }
  /// So far, in deliveries and matching filters: a measure of what clients' packets cost.
  std::uint64_t work_done() const { return work_ + router_.matched(); }
  void count_out(QoS qos) { metrics_.out[static_cast<std::size_t>(qos)]->add(); }

  // Sessions (shard_sessions.cc).
  using OpenDone = std::move_only_function<void(Present)>;
  Result<Session*> open(OpenOptions options, SessionLink& link, OpenDone done);
  void close(Session& session, Session::CloseOptions options);
  /// A session has sent a portion and has more.
  void pump_later(const Session& session);
  void end(SessionRef ref, EndReason reason, std::string detail);
  void end_principal(TenantId tenant, const std::string& principal_name, const std::string& detail);
  void end_certificates(TenantId tenant, const std::unordered_set<std::string>& fingerprints,
                        const std::string& detail);
  void set_standing(TenantId tenant, const std::string& thing, Standing standing);
  void set_client_standing(TenantId tenant, const std::string& client_id, Standing standing);
  /// For the shutdown: ends every connected session, each with a line at debug only. Returns how many.
  std::size_t end_all();
  std::vector<SessionInfo> list(TenantId tenant, std::size_t limit) const;

  // Subscriptions (shard_subscriptions.cc).
  void subscribe(Session& session, std::vector<SubscribeRequest> requests, Session::SubscribeDone done);
  void unsubscribe(Session& session, const std::vector<std::string>& filters, Session::UnsubscribeDone done);
  std::vector<MessageRef> match_retained(TenantId tenant, std::string_view filter);
  /// What has to be sent to the session is kept until it has been queued.
  /// `subscribe` (next_subscribe()) tells one SUBSCRIBE from another.
  void owe_retained(const Session& session, const RetainedDue& due, std::uint64_t subscribe);
  std::uint64_t next_subscribe() { return ++last_subscribe_; }
  std::vector<RetainedDue> retained_owed(const Session& session) const;
  /// The session has room again.
  void go_on_with_retained(Session& session);

  // Publishing (shard_publish.cc).
  void publish_from(Session& session, Message& message, std::uint16_t packet_id, RouteHint* hint,
                    Session::PublishDone&& done);
  void publish_at_once(Session& session, Message& message, RouteHint* hint);
  void release_exchange(Session& session, std::uint16_t packet_id, Session::PublishDone done);
  void publish_in_process(Message message, PublishDone done);
  void let_publishers_go(Session& session);

  // What may come in (shard_admission.cc).
  void set_memory_level(MemoryLevel level);
  MemoryLevel memory_level() const { return memory_; }
  bool has_session(TenantId tenant, std::string_view client_id);
  /// How many QoS 0 messages may wait for a session.
  std::size_t qos0_room() const;
  /// How many messages of a stored session's queue may be in memory.
  std::size_t queue_room() const;

  // Long queues (shard_spill.cc).
  void store_item(const Session& session, const Session::Queued& item);
  void load_spilled(Session& session);
  void count_queued(std::int64_t bytes) { queued_bytes_ += bytes; }
  bool queues_are_full() const {
    return queued_bytes_ > static_cast<std::int64_t>(limits().all_queues_memory_bytes) ||
           memory_ != MemoryLevel::normal;
  }
  /// How much may wait for the session.
  Waiting room_of(const Session& session) const;
  bool has_room(const Session& session) const;
  void queue_has_room(Session& session);

  // Shared subscriptions (shard_shared.cc).
  using Joined = std::move_only_function<void(Result<void>)>;
  void send_shared(SharedDelivery delivery);
  void answer_shared(SharedAnswer answer);
  void decide_held(SessionRef member, std::uint64_t sequence, Session::Held decision);
  void end_slow(SessionRef member);
  /// After the start: the members that the rows name are known to their groups.
  void rejoin_groups();
  /// After that: groups without members go.
  void drop_deserted_groups();

  // What becomes of messages in flight (shard_deliveries.cc).
  /// Writes the note with the next group; `waiting` (none: generation 0) is told when it is on the disk.
  void note(DeliveryNote note, SessionRef waiting);
  /// The session's rows differ from what it is.
  void changed(SessionRef ref) { changed_sessions_.insert(ref); }

  // Consumers.
  void add_consumer(ConsumerId id, std::shared_ptr<const ConsumerOptions> options,
                    std::shared_ptr<Mailbox> mailbox);
  void remove_consumer(ConsumerId id);
  void commit(ConsumerId id, store::Position position);
  std::optional<ConsumerLag> consumer_lag(ConsumerId id) const;
  void forget_consumer(ConsumerId id);
  void batch_taken(ConsumerId id);
  void schedule_feed(ConsumerFeed& feed);
  void run_feed(ConsumerId id);
  /// Whether a session anywhere, or a consumer that listens, may want a topic that begins with '$': by the
  /// first two levels of its filters.
  bool is_heard(TenantId tenant, std::string_view topic) const;

  // Start and end (shard_loading.cc, shard_recovery.cc). Completions run on this shard.
  void load_session(TenantId tenant, const std::string& client_id, SessionRecord record);
  void load_item(QueueKey key, const std::string& value);
  /// After every journal has been replayed: the loaded sessions may be opened.
  void finish_loading();
  void load_retained(const std::string& value);
  void replay_journal(std::move_only_function<void(Result<void>)> done);
  void start_checkpoints();
  void checkpoint(std::move_only_function<void(Result<void>)> done);
  void flush_retained(KeyedWriter::Done done) { retained_.flush(std::move(done)); }

 private:
  friend class Session;
  friend class ShardView;
  enum class Origin : std::uint8_t { here, elsewhere };
  struct SessionTraits {
    static bool is_empty(const std::unique_ptr<Session>& session) { return session == nullptr; }
    std::uint64_t hash(const std::unique_ptr<Session>& session) const;
    std::uint64_t place(TenantId tenant, std::string_view client_id) const;
    std::uint64_t seed = 0;
  };
  struct Slot {
    Session* session = nullptr;
    ConsumerFeed* feed = nullptr;
    std::uint32_t generation = 1;
  };
  /// A message for another shard.
  struct Parcel {
    MessageRef message;
    SessionRef publisher;
    enum Purpose : std::uint8_t { route = 1, retain = 2, replay = 4 };
    std::uint8_t purpose = 0;
  };
  struct WaitingNote {
    SessionRef session;
    DeliveryNote note;
  };
  struct Pending {
    RecordKind kind = RecordKind::message;
    std::uint16_t packet_id = 0;
    Attachment attachment = 0;  // of the link that waits
    SessionRef publisher;
    std::shared_ptr<Message> message;  // nobody else's until it is routed
    RouteHint route;                   // of its topic
    Session::PublishDone done;
    std::unique_ptr<Error> error;  // of one that failed
    store::Position position = 0;  // 0: not journalled
  };
  /// A session that a restart has found, until every message for it has been found too.
  struct Loading {
    SessionRef session;
    SessionRecord record;
    std::vector<DeliveryNote> notes;
  };
  struct OrphanWill {
    std::string key;  // of the row
    Message message;
  };

  // Slots and references.
  SubscriberId take_slot();
  void free_slot(SubscriberId slot);
  Session* find(SessionRef ref);
  bool is_attached(SessionRef ref, Attachment attachment);

  // Publishing.
  /// The time, and never the same twice.
  WallTime take_arrival_time();
  void raise_qos(Message& message) const;
  void append(RecordKind kind, ByteView bytes, Pending&& pending);
  void answered(store::Position last, const Result<void>& result);
  void settle(Pending&& pending);
  void flush_notes();
  void settle_notes(const Pending& pending);
  void stamp(Session& session, Message& message);
  void journal_message(Session& session, const Message& message, std::uint16_t packet_id, RouteHint* hint,
                       Session::PublishDone&& done);
  void open_exchange(Session& session, std::uint16_t packet_id);
  void close_exchange(Session& session, std::uint16_t packet_id);
  template <class Test>
  void end_revoked(TenantId tenant, const std::string& detail, Test is_meant);
  void route(Traveller& message, SessionRef publisher, Origin origin, RouteHint* hint = nullptr);
  void retain(const MessageRef& message, SessionRef publisher);
  void send_parcel(std::uint16_t shard, Parcel parcel);
  void flush_parcels(std::uint16_t shard);
  void take_parcels(std::vector<Parcel> parcels);
  void schedule_turn_end();
  void turn_end();
  // What may come in.
  void watch_admission();
  TenantAllowance& allowance_of(TenantId tenant);
  /// Whether the message is taken. Slows its publisher down where it comes too fast. Errors: limit_exceeded.
  Result<void> admit(Session& session, const Message& message);
  Result<void> admit_to_memory(Session& session, const Message& message);
  Result<void> admit_within_rate(Session& session, const Message& message);
  void rest(Session& session, Duration time, metrics::Cell& count, std::string_view why);
  bool may_subscribe_more(const Session& session);
  bool may_retain(const Message& message) const;
  void shed(std::size_t from);

  void overloaded(Session& session, SessionRef publisher);
  void hold(SessionRef publisher);
  void let_go(SessionRef publisher);
  /// Runs the step on the session's own shard: at once where that is this one.
  void at_home(SessionRef ref, void (Shard::*step)(SessionRef));
  void watch_patience(Session& session);
  void defer_end(Session& session, EndReason reason, std::string detail);

  // Sessions.
  Session& make_session(OpenOptions options, SessionInstance instance);
  std::unique_ptr<Session>* session_entry(TenantId tenant, std::string_view client_id);
  Session* session_of(TenantId tenant, std::string_view client_id);
  Result<Session*> resume_or_make(OpenOptions options, Present& present);
  Result<void> may_take_over(Session& session);
  enum class Stays : std::uint8_t { no, yes };
  /// The connection goes. The row of a session that stays has to be written.
  Stays leave(Session& session, Session::CloseOptions options);
  void finish_open(Session& session, OpenDone done, Present present);
  void remove(Session& session);
  void end_unlogged(Session& session, EndReason reason, const std::string& detail);
  void go_offline(Session& session, WallTime since);
  void send_will(Session& session);
  bool may_publish_will(const Message& will);
  void schedule_will(Session& session, WallTime gone_since);
  void save(Session& session, KeyedWriter::Done done = {});
  /// With the next write: once for all that asks for it until then.
  void save_soon(Session& session, KeyedWriter::Done done);
  void save_due();
  void save_changed();
  void delete_rows(Session& session);
  void drop_row(const std::string& key);
  void wait_for_row(Session& session, OpenDone done, Present present);
  void report(const Session& session, SessionEvent::State state, std::string reason);
  // For operators (session_trace.cc).
  void trace_session(TraceKind kind, const Session& session, std::string_view detail) const;
  void trace_published(const Session& session, const Message& message) const;
  void trace_routed(const Message& message, const Route& route, Origin origin) const;
  void update_gauges();

  // Subscriptions.
  void add_interest(TenantId tenant, std::string_view filter);
  void remove_interest(TenantId tenant, std::string_view filter);
  void hear(TenantId tenant, std::string_view filter);
  void hear_no_more(TenantId tenant, std::string_view filter);
  void drop_subscription(Session& session, const Filter& filter);

  // Retained messages for new subscriptions (shard_retained.cc).
  RetainedStore::Walk walk_retained(TenantId tenant, std::string_view filter, std::string_view after);
  void forget_retained(const Session& session, std::string_view filter);
  void begin_retained(Session& session);
  void make_due(const Session& session, RetainedWalks& walks);
  void run_due_walk();
  void walk_some(Session& session, RetainedWalks& walks);
  void run_due_pump();
  std::uint16_t walked_shard(TenantId tenant, std::string_view filter, std::uint16_t place) const;
  void ask_for_retained(Session& session, RetainedWalks& walks, std::uint16_t shard);
  void answered_retained(SessionRef ref, std::uint64_t number, RetainedStore::Walk portion);
  void take_retained(Session& session, RetainedWalks& walks, RetainedStore::Walk portion);

  void post_to(std::uint16_t shard, std::move_only_function<void(Shard&)> task);
  std::uint16_t shard_of(TenantId tenant, std::string_view text) const;

  // Long queues.
  void load_spilled_later(SessionRef ref);
  void read_spilled(SessionRef ref, std::uint64_t end);
  void delete_item(QueueKey key);
  void delete_items(SessionInstance instance, std::uint64_t from, std::uint64_t end);
  void hold_for_disk(SessionRef publisher);
  void watch_disk();
  void queue_is_full(Session& session);
  void tell_refused(const Session& session, const std::vector<std::string>& filters, Refusal refusal);
  bool refuses(TenantId tenant, std::string_view topic);

  // Shared subscriptions.
  MemberState member_state(const Session& session) const;
  /// `joined` runs here when the group has a place for the session that outlives a restart where need be.
  void join_group(const Session& session, const std::string& filter, const SubscriptionOptions& options,
                  Joined joined);
  void leave_group(Session& session, const std::string& filter);
  void tell_groups(const Session& session);
  void take_shared(const SharedDelivery& delivery);
  void take_answers(const std::vector<SharedAnswer>& answers);
  void flush_shared(std::uint16_t shard);
  void store_held(Session& session, Task stored);
  void take_member(TenantId tenant, const std::string& name, SessionRef member,
                   const SubscriptionOptions& options, MemberState state, Joined joined);
  static SharedGroup* group_of(const Session& session);
  SharedGroup* find_group(TenantId tenant, const std::string& name);
  SharedGroup& find_or_make_group(TenantId tenant, const std::string& name);
  Session& make_group_session(TenantId tenant, const std::string& name);
  void group_changed(SharedGroup& group);
  /// What is lost is with them; `stored` runs when that is on the disk.
  GroupLoss empty_group(Session& session, KeyedWriter::Done stored = {});
  GroupLoss end_group(Session& session, KeyedWriter::Done stored);
  GroupLoss lose_messages(Session& session);
  void drop_membership(SessionRef member, const std::string& filter, KeyedWriter::Done stored);

  // Recovery.
  void replay_page(std::shared_ptr<MessageDecoder> decoder, store::Position after,
                   std::move_only_function<void(Result<void>)> done);
  void replay_ended();
  Result<void> replay_record(const store::Record& record, MessageDecoder& decoder);
  void replay_message(const MessageRef& message, Origin origin);
  void replay_deliveries(const std::vector<DeliveryNote>& notes);
  void finish_loading(Session& session, const Loading& loading);
  void replay_exchange(TenantId tenant, const std::string& client_id, SessionInstance instance,
                       std::uint16_t packet_id, JournalPosition at, RecordKind kind);
  void checkpoint_later();

  ShardSetup setup_;
  ShardMetrics metrics_;
  Router router_;
  OwnInterest interest_;
  OwnInterest heard_;  // filters that begin with '$', of sessions and of consumers that listen
  RetainedStore retained_;
  KeyedWriter rows_;  // of sessions and their queues
  SeededRng instances_;
  FlatTable<std::unique_ptr<Session>, SessionTraits> sessions_;  // by tenant and client id
  std::vector<Slot> slots_;
  std::vector<SubscriberId> free_slots_;
  std::unordered_map<ConsumerId, std::unique_ptr<ConsumerFeed>> feeds_;
  RingQueue<Pending> pending_;                         // records that wait for the disk, in their order
  RingQueue<std::vector<WaitingNote>> pending_notes_;  // who waits for those of delivery notes among them
  std::vector<std::uint8_t> record_;                   // scratch for one record
  std::vector<std::vector<Parcel>> parcels_;           // by shard, until the end of the turn
  std::vector<std::vector<SharedDelivery>> lent_;      // by shard, until the end of the turn
  std::vector<std::vector<SharedAnswer>> answers_;     // likewise
  std::vector<ConsumerId> due_feeds_;
  std::set<SessionRef> changed_sessions_;  // persistent ones that differ from their stored rows
  std::map<SessionRef, std::vector<KeyedWriter::Done>> due_rows_;  // until the next write
  std::vector<DeliveryNote> notes_;                                // likewise
  std::vector<WaitingNote> waiting_notes_;
  std::unordered_map<SessionInstance, Loading> loading_;
  std::vector<OrphanWill> orphan_wills_;
  MessageDecoder item_decoder_;
  store::Position routed_ = 0;
  std::vector<store::Position> taken_;  // by journal: what this shard's sessions have been given
  WallTime last_arrival_{};
  RefusedTopics refused_;
  std::unordered_map<SubscriberId, RetainedWalks> walks_;  // by session
  RingQueue<SessionRef> due_walks_;
  RingQueue<SessionRef> due_pumps_;
  std::uint64_t last_subscribe_ = 0;
  std::set<SessionRef> held_for_disk_;
  std::int64_t queued_bytes_ = 0;  // of all queues in memory
  std::unordered_map<TenantId, TenantAllowance> allowances_;
  MemoryLevel memory_ = MemoryLevel::normal;
  bool metered_ = false;     // some publish rate is limited
  bool guarded_ = false;     // so, or memory is short: publishes are looked at one by one
  bool sheds_ = false;       // shed() is under way
  bool shed_again_ = false;  // the level has risen meanwhile
  bool watches_disk_ = false;
  std::uint64_t work_ = 0;
  std::size_t online_ = 0;
  bool turn_end_scheduled_ = false;
  std::size_t routing_ = 0;  // depth of route(): sessions must not end meanwhile
};

}  // namespace dunlin::hub
