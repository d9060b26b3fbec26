// Shard: sessions come, go and expire.

#include <utility>

#include "base/core/assert.h"
#include "base/log.h"
#include "hub/shard.h"
#include "hub/topic.h"

namespace dunlin::hub {

SubscriberId Shard::take_slot() {
  if (free_slots_.empty()) {
    slots_.emplace_back();
    return static_cast<SubscriberId>(slots_.size() - 1);
  }
  const SubscriberId slot = free_slots_.back();
  free_slots_.pop_back();
  return slot;
}

void Shard::free_slot(SubscriberId slot) {
  slots_[slot].session = nullptr;
  slots_[slot].feed = nullptr;
  ++slots_[slot].generation;
  free_slots_.push_back(slot);
}

Session* Shard::find(SessionRef ref) {
  if (ref.generation == 0 || ref.shard != index() || ref.slot >= slots_.size()) return nullptr;
  const Slot& slot = slots_[ref.slot];
  return slot.generation == ref.generation ? slot.session : nullptr;
}

bool Shard::is_attached(SessionRef ref, Attachment attachment) {
  const Session* session = find(ref);
  return session != nullptr && session->link_ != nullptr && session->attachment_ == attachment;
}

std::uint64_t Shard::SessionTraits::hash(const std::unique_ptr<Session>& session) const {
  return place(session->principal()->tenant, session->client_id());
}

std::uint64_t Shard::SessionTraits::place(TenantId tenant, std::string_view client_id) const {
  return stable_hash(client_id, seed + tenant.value);
}

std::unique_ptr<Session>* Shard::session_entry(TenantId tenant, std::string_view client_id) {
  const std::uint64_t hash = SessionTraits{setup_.seed}.place(tenant, client_id);
  return sessions_.find(hash, [&](const std::unique_ptr<Session>& one) {
    return one->client_id() == client_id && one->principal()->tenant == tenant;
  });
}

Session* Shard::session_of(TenantId tenant, std::string_view client_id) {
  const std::unique_ptr<Session>* entry = session_entry(tenant, client_id);
  return entry == nullptr ? nullptr : entry->get();
}

Session& Shard::make_session(OpenOptions options, SessionInstance instance) {
  const SubscriberId slot = take_slot();
  const SessionRef self{index(), slot, slots_[slot].generation};
  auto made = std::make_unique<Session>(*this, self, instance, std::move(options));
  Session& session = *made;
  slots_[slot].session = &session;
  sessions_.insert(std::move(made));
  update_gauges();
  return session;
}

Result<Session*> Shard::resume_or_make(OpenOptions options, Present& present) {
  const TenantId tenant = options.principal->tenant;
  TokenBucket takeovers;
  if (Session* found = session_of(tenant, options.client_id)) {
    Session& session = *found;
    // A client id is not a proof: another identity must not inherit subscriptions and messages.
    if (session.principal()->name != options.principal->name) {
      return fail(Errc::permission_denied, "the client id belongs to another identity");
    }
    if (session.link_ != nullptr) {
      DUNLIN_CHECK(may_take_over(session));
      takeovers = session.takeovers_;
      // MQTT 5.0 section 3.1.4: the earlier connection is disconnected.
      SessionLink* old = session.link_;
      Session::CloseOptions closing{"taken_over", Session::WillFate::publish, std::nullopt};
      if (options.start == OpenOptions::Start::clean) closing.expiry_seconds = 0;
      static_cast<void>(leave(session, std::move(closing)));  // the caller writes its row
      old->ended(EndReason::taken_over, "another connection uses this client id");
    }
  }
  Session* again = session_of(tenant, options.client_id);  // leave() may have removed it
  if (again != nullptr && options.start == OpenOptions::Start::clean) remove(*again);
  if (Session* kept = session_of(tenant, options.client_id)) {
    if (kept->absence_) {
      executor().cancel(kept->absence_->expiry);
      executor().cancel(kept->absence_->will);
      kept->absence_.reset();
    }
    kept->take_options(std::move(options));
    present = Present::yes;
    return kept;
  }
  if (sessions_.size() >= limits().sessions)
    return fail(Errc::limit_exceeded, "the server has no room for another session");
  present = Present::no;
  Session& made = make_session(std::move(options), instances_.next());
  made.takeovers_ = takeovers;
  return &made;
}

/// Each costs a row on the disk and everything in flight sent again: two devices with one client id, which
/// both come back at once, would have the server do nothing else.
Result<void> Shard::may_take_over(Session& session) {
  if (session.takeovers_.is_empty(kTakeovers, executor().now())) {
    metrics_.refused_takeovers.add();
    return fail(Errc::unavailable,
                "connections take this client id from each other all the time: do two clients have it?");
  }
  session.takeovers_.take(kTakeovers, executor().now(), 1);
  return {};
}

Result<Session*> Shard::open(OpenOptions options, SessionLink& link, OpenDone done) {
  DUNLIN_ASSERT(routing_ == 0);
  options.expiry_seconds = std::min(options.expiry_seconds, limits().session_expiry_seconds);
  Present present = Present::no;
  const std::uint16_t receive_maximum = options.receive_maximum;
  DUNLIN_TRY(Session * session, resume_or_make(std::move(options), present));
  session->attach(link, receive_maximum);
  ++online_;
  update_gauges();
  report(*session, SessionEvent::State::online, "connected");
  if (session->wants_row()) {
    wait_for_row(*session, std::move(done), present);
    return session;
  }
  // A former persistent session of this client must not come back after a restart; the answer need not wait
  // for that.
  if (present == Present::yes) save(*session);
  finish_open(*session, std::move(done), present);
  return session;
}

void Shard::wait_for_row(Session& session, OpenDone done, Present present) {
  save_soon(session, [this, ref = session.self_, attachment = session.attachment_, done = std::move(done),
                      present](const Result<void>& stored) mutable {
    if (!is_attached(ref, attachment)) return;
    Session& saved = *find(ref);
    if (stored) return finish_open(saved, std::move(done), present);
    log::error("hub", "a session cannot be stored", {{"error", stored.error().message}});
    end(ref, EndReason::shutdown, "the session cannot be stored");
  });
}

void Shard::finish_open(Session& session, OpenDone done, Present present) {
  const SessionRef ref = session.self_;
  const Attachment attachment = session.attachment_;
  done(present);
  if (!is_attached(ref, attachment)) return;
  session.opened_ = true;
  session.pump();
  tell_groups(session);
}

void Shard::pump_later(const Session& session) {
  due_pumps_.push(SessionRef(session.self_));
  if (due_pumps_.size() == 1) executor().post([this] { run_due_pump(); });
}

void Shard::run_due_pump() {
  Session* session = find(due_pumps_.pop());
  if (!due_pumps_.empty()) executor().post([this] { run_due_pump(); });
  if (session != nullptr) session->go_on_pumping();
}

void Shard::report(const Session& session, SessionEvent::State state, std::string reason) {
  if (tracer().on()) [[unlikely]] {
    const bool online = state == SessionEvent::State::online;
    trace_session(online ? TraceKind::connected : TraceKind::disconnected, session, online ? "" : reason);
  }
  setup_.report({session.principal(), std::string(session.client_id()),
                 std::string(session.names_.protocol()), std::string(session.names_.peer()), state,
                 std::move(reason), executor().wall_now()});
}

void Shard::close(Session& session, Session::CloseOptions options) {
  if (leave(session, std::move(options)) == Stays::yes) save(session);
}

Shard::Stays Shard::leave(Session& session, Session::CloseOptions options) {
  DUNLIN_ASSERT(routing_ == 0 && session.link_ != nullptr);
  report(session, SessionEvent::State::offline, std::move(options.reason));
  let_publishers_go(session);
  session.detach();
  tell_groups(session);
  --online_;
  update_gauges();
  if (options.expiry_seconds) {
    session.expiry_seconds_ = std::min(*options.expiry_seconds, limits().session_expiry_seconds);
  }
  if (options.will == Session::WillFate::discard) session.will_.reset();
  const bool keep_will = options.will == Session::WillFate::keep;
  if (!session.persistent()) {
    // MQTT 5.0 section 3.1.3.2.2: the will is sent when the session ends, whatever its delay.
    if (keep_will) {
      session.stored_ = false;  // its row stays for the restart
    } else {
      send_will(session);
    }
    remove(session);
    return Stays::no;
  }
  if (!keep_will) schedule_will(session, executor().wall_now());
  go_offline(session, executor().wall_now());
  return Stays::yes;
}

void Shard::go_offline(Session& session, WallTime since) {
  session.state_since_ = since;
  if (session.expiry_seconds_ == kNeverExpires) return;
  const Duration left = since + std::chrono::seconds{session.expiry_seconds_} - executor().wall_now();
  session.absence().expiry = executor().schedule(left, [this, ref = session.self_] {
    Session* expired = find(ref);
    if (expired == nullptr || expired->link_ != nullptr) return;
    metrics_.sessions_expired.add();
    send_will(*expired);
    remove(*expired);
  });
}

void Shard::schedule_will(Session& session, WallTime gone_since) {
  if (!session.will_) return;
  const Duration delay =
      gone_since + std::chrono::seconds{session.will_->delay_seconds} - executor().wall_now();
  if (delay <= Duration::zero()) return send_will(session);
  session.absence().will = executor().schedule(delay, [this, ref = session.self_] {
    if (Session* absent = find(ref); absent != nullptr && absent->link_ == nullptr) send_will(*absent);
  });
}

/// Its row goes only when the will is in the journal.
void Shard::send_will(Session& session) {
  if (!session.will_) return;
  Message message = std::move(session.will_->message);
  session.will_.reset();
  message.principal = session.principal();
  if (!may_publish_will(message)) {
    if (session.stored_) save(session);  // its row is without the will now
    return;
  }
  PublishDone published;
  if (std::exchange(session.stored_, false)) {
    std::string key = tenant_key(session.principal()->tenant, session.client_id());
    published = [this, key = std::move(key)](const Result<void>& result) {
      if (result) drop_row(key);
    };
  }
  message.received_at = take_arrival_time();
  publish_in_process(std::move(message), std::move(published));
}

/// Of a session as it was: one that has the key now writes its own.
void Shard::drop_row(const std::string& key) {
  const Result<TenantKey> name = split_tenant_key(key);
  Session* session = name ? session_of(name->tenant, name->text) : nullptr;
  if (session == nullptr) return rows_.put(store::Table::session, key, std::nullopt);
  session->stored_ = true;
  save(*session);
}

void Shard::remove(Session& session) {
  let_publishers_go(session);
  queue_has_room(session);
  session.return_lent();
  session.return_held();
  if (session.outgoing_) session.count_queued(-static_cast<std::int64_t>(session.outgoing_->queue_bytes));
  if (session.absence_) {
    executor().cancel(session.absence_->expiry);
    executor().cancel(session.absence_->will);
  }
  walks_.erase(session.self_.slot);
  for (const Filter* filter : session.filters_.take_all()) drop_subscription(session, *filter);
  while (session.shared_ && !session.shared_->subscriptions.empty())
    leave_group(session, std::string(session.shared_->subscriptions.begin()->first));
  changed_sessions_.erase(session.self_);
  delete_rows(session);
  free_slot(session.self_.slot);
  std::unique_ptr<Session>* entry = session_entry(session.principal()->tenant, session.client_id());
  DUNLIN_ASSERT(entry != nullptr && entry->get() == &session);
  sessions_.erase(entry);
  update_gauges();
}

void Shard::end(SessionRef ref, EndReason reason, std::string detail) {
  Session* session = find(ref);
  if (session == nullptr) return;
  if (reason == EndReason::slow_consumer) metrics_.slow_consumers.add();
  if (reason == EndReason::queue_full) metrics_.queue_full.add();
  log::refusal("hub", "a session was ended", session->client_id(),
               {{"reason", end_reason_name(reason)}, {"detail", detail}});
  if (group_of(*session) != nullptr) return void(empty_group(*session));
  end_unlogged(*session, reason, detail);
}

void Shard::end_unlogged(Session& session, EndReason reason, const std::string& detail) {
  // The queue of a session that is ended for good goes with it; its client sees "session present" 0 and
  // knows.
  const bool for_good = reason == EndReason::queue_full || reason == EndReason::revoked;
  SessionLink* link = session.link_;
  if (link == nullptr) {
    if (tracer().on()) [[unlikely]]
      trace_session(TraceKind::ended, session, detail);
    if (for_good) remove(session);
    return;
  }
  Session::CloseOptions closing;
  closing.reason = end_reason_name(reason);
  // At a shutdown the will waits for the restart (MQTT 5.0 section 3.1.2.5), where the client is expected
  // back.
  if (reason == EndReason::shutdown) closing.will = Session::WillFate::keep;
  if (for_good) closing.expiry_seconds = 0;
  close(session, std::move(closing));
  link->ended(reason, detail);
}

template <class Test>
void Shard::end_revoked(TenantId tenant, const std::string& detail, Test is_meant) {
  std::vector<SessionRef> theirs;
  sessions_.for_each([&](const std::unique_ptr<Session>& session) {
    const Principal& principal = *session->principal();
    if (principal.tenant == tenant && is_meant(principal)) theirs.push_back(session->self_);
  });
  for (const SessionRef ref : theirs) end(ref, EndReason::revoked, detail);
}

void Shard::end_principal(TenantId tenant, const std::string& principal_name, const std::string& detail) {
  end_revoked(tenant, detail, [&](const Principal& principal) { return principal.name == principal_name; });
}

void Shard::end_certificates(TenantId tenant, const std::unordered_set<std::string>& fingerprints,
                             const std::string& detail) {
  end_revoked(tenant, detail, [&](const Principal& principal) {
    return fingerprints.contains(std::string(principal.fingerprint()));
  });
}

std::size_t Shard::end_all() {
  std::vector<SessionRef> online;
  sessions_.for_each([&](const std::unique_ptr<Session>& session) {
    if (session->link_ != nullptr && group_of(*session) == nullptr) online.push_back(session->self_);
  });
  std::size_t ended = 0;
  for (const SessionRef ref : online) {
    Session* session = find(ref);
    if (session == nullptr) continue;
    log::debug("hub", "a session was ended",
               {{"client", session->client_id()}, {"reason", end_reason_name(EndReason::shutdown)}});
    end_unlogged(*session, EndReason::shutdown, "the server is shutting down");
    ++ended;
  }
  return ended;
}

std::vector<SessionInfo> Shard::list(TenantId tenant, std::size_t limit) const {
  std::vector<SessionInfo> sessions;
  sessions_.for_each([&](const std::unique_ptr<Session>& session) {
    if (sessions.size() >= limit || session->principal()->tenant != tenant || group_of(*session) != nullptr)
      return;
    SessionInfo info;
    info.client_id = session->client_id();
    info.principal_name = session->principal()->name;
    info.protocol = session->names_.protocol();
    info.peer = session->names_.peer();
    info.state = session->link_ ? SessionEvent::State::online : SessionEvent::State::offline;
    info.subscriptions = session->subscription_count();
    if (const Session::Outgoing* out = session->outgoing_.get())
      info.queued = out->queue.size() + out->qos0.size() + out->in_flight.size();
    sessions.push_back(std::move(info));
  });
  return sessions;
}

/// The rows of new messages come first and those of old ones go last, so that a crash between them leaves
/// what the session's own row says.
void Shard::save(Session& session, KeyedWriter::Done done) {
  changed_sessions_.erase(session.self_);
  if (!session.wants_row() && !session.spills()) {
    delete_rows(session);
    if (done) rows_.flush(std::move(done));
    return;
  }
  if (session.persistent() && durable()) session.make_durable();
  DurableOutbound* outbound = session.durable_.get();
  if (outbound != nullptr) {
    for (const Session::Queued* item : session.new_items()) store_item(session, *item);
    outbound->stored_to = outbound->next_sequence;
    outbound->changed = false;
  }
  SessionRecord record = session.to_record();
  record.journal = index();
  record.journal_position = routed_;
  record.taken = taken_;
  session.stored_ = true;
  rows_.put(store::Table::session, tenant_key(session.principal()->tenant, session.client_id()),
            encode_session(record), std::move(done));
  if (outbound == nullptr) return;
  for (const std::uint64_t sequence : std::exchange(outbound->obsolete, {}))
    delete_item({session.instance_, sequence});
}

/// A row names every subscription and every message in flight: one that changes again while another batch is
/// on its way to the disk is made once, for the next.
void Shard::save_soon(Session& session, KeyedWriter::Done done) {
  if (!rows_.durable()) return save(session, std::move(done));
  due_rows_[session.self_].push_back(std::move(done));
  rows_.write_soon();
}

void Shard::save_due() {
  while (!due_rows_.empty()) {  // an answer may ask for another
    auto due = due_rows_.extract(due_rows_.begin());
    Session* session = find(due.key());
    if (session == nullptr) continue;
    save(*session, [answers = std::move(due.mapped())](const Result<void>& stored) mutable {
      for (KeyedWriter::Done& done : answers) done(stored);
    });
  }
}

void Shard::save_changed() {
  for (const SessionRef ref : std::exchange(changed_sessions_, {})) {
    if (Session* session = find(ref); session != nullptr && (session->persistent() || session->spills()))
      save(*session);
  }
}

void Shard::delete_rows(Session& session) {
  if (std::exchange(session.stored_, false)) {
    rows_.put(store::Table::session, tenant_key(session.principal()->tenant, session.client_id()),
              std::nullopt);
  }
  if (!session.durable_) return;
  for (const std::uint64_t sequence : session.stored_items()) delete_item({session.instance_, sequence});
  if (session.spills())
    delete_items(session.instance_, session.durable_->spilled.from, session.durable_->next_sequence);
  session.durable_.reset();
}

void Shard::update_gauges() {
  metrics_.sessions.set(static_cast<std::int64_t>(sessions_.size()));
  metrics_.online.set(static_cast<std::int64_t>(online_));
}

}  // namespace dunlin::hub
