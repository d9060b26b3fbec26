// Shard: from a publish to its receivers.

#include <algorithm>
#include <utility>

#include "base/core/assert.h"
#include "base/log.h"
#include "hub/shard.h"
#include "hub/topic.h"

namespace dunlin::hub {

// All messages of one loop turn see the same clock, but a sample without a time of its own is stored under
// its arrival: two of a channel must not fall together. A clock that was set back by more is followed.
WallTime Shard::take_arrival_time() {
  const WallTime now = executor().wall_now();
  const bool set_back = last_arrival_ - now > kArrivalTimeLead;
  last_arrival_ = set_back ? now : std::max(now, last_arrival_ + Duration{1});
  return last_arrival_;
}

namespace {

std::unexpected<Error> no_room() {
  return fail(Errc::limit_exceeded, "the queue of a subscriber of this topic is full");
}

}  // namespace

void Shard::raise_qos(Message& message) const {
  if (message.qos != QoS::at_most_once || log() == nullptr) return;
  const auto matches = [&](const std::string& filter) {
    return filter_matches(filter, message.topic.text());
  };
  if (std::ranges::any_of(setup_.durable_filters, matches)) message.qos = QoS::at_least_once;
}

void Shard::stamp(Session& session, Message& message) {
  metrics_.in[static_cast<std::size_t>(message.qos)]->add();
  if (!setup_.durable_filters.empty()) raise_qos(message);
  message.received_at = take_arrival_time();
  if (!message.principal) message.principal = session.principal();
  ++session.activity().in;
  if (tracer().on()) [[unlikely]]
    trace_published(session, message);
}

void Shard::publish_at_once(Session& session, Message& message, RouteHint* hint) {
  stamp(session, message);
  if (guarded_) [[unlikely]] {
    if (!admit(session, message)) return;  // counted there
  }
  if (message.qos != QoS::at_most_once) {
    if (refuses(session.principal()->tenant, message.topic.text())) return;  // counted there
    return journal_message(session, message, 0, hint, {});
  }
  Traveller traveller(message);
  route(traveller, session.self_, Origin::here, hint);
}

void Shard::publish_from(Session& session, Message& message, std::uint16_t packet_id, RouteHint* hint,
                         Session::PublishDone&& done) {
  stamp(session, message);
  if (message.qos == QoS::exactly_once) {
    if (const Exchanges::Exchange* known = session.inbound().find(packet_id)) {
      metrics_.duplicates.add();
      if (known->state == Exchanges::State::open) done({});
      return;  // one that is being stored is answered once, when it is on the disk
    }
  }
  if (guarded_) [[unlikely]] {
    if (Result<void> may = admit(session, message); !may) return done(std::move(may));
  }
  if (refuses(session.principal()->tenant, message.topic.text())) return done(no_room());
  if (message.qos == QoS::exactly_once) {
    if (log() == nullptr) {
      open_exchange(session, packet_id);
    } else {
      session.inbound().add(packet_id, Exchanges::State::storing);
    }
  }
  if (log() != nullptr) return journal_message(session, message, packet_id, hint, std::move(done));
  Traveller traveller(message);
  route(traveller, session.self_, Origin::here, hint);
  done({});
}

void Shard::journal_message(Session& session, const Message& message, std::uint16_t packet_id,
                            RouteHint* hint, Session::PublishDone&& done) {
  Pending pending;
  pending.packet_id = packet_id;
  pending.publisher = session.self_;
  pending.attachment = session.attachment_;
  pending.done = std::move(done);
  const ExchangeId exchange{session.client_id(), session.instance_, packet_id};
  encode_message(message, message.qos == QoS::exactly_once ? &exchange : nullptr, record_);
  if (hint != nullptr) {
    router_.route(message.principal->tenant, message.topic.text(), hint);
    pending.route = *hint;
  }
  pending.message = keep_message(message);
  append(RecordKind::message, record_, std::move(pending));
}

/// Only now does the row differ: one that was written while the message waited for the disk does not name the
/// exchange, and the next checkpoint passes the message by.
void Shard::open_exchange(Session& session, std::uint16_t packet_id) {
  session.inbound().set(packet_id, Exchanges::State::open);
  if (session.persistent()) changed_sessions_.insert(session.self_);
}

void Shard::close_exchange(Session& session, std::uint16_t packet_id) {
  session.inbound().erase(packet_id);
  if (session.persistent()) changed_sessions_.insert(session.self_);
}

void Shard::release_exchange(Session& session, std::uint16_t packet_id, Session::PublishDone done) {
  const Exchanges::Exchange* exchange = session.inbound_ ? session.inbound_->find(packet_id) : nullptr;
  if (exchange == nullptr || exchange->state != Exchanges::State::open) {
    return done(fail(Errc::not_found, "no such packet identifier"));
  }
  Pending pending;
  pending.kind = RecordKind::release;
  pending.packet_id = packet_id;
  pending.publisher = session.self_;
  pending.attachment = session.attachment_;
  pending.done = std::move(done);
  // A session that ends with its connection has no exchange to remember.
  if (log() == nullptr || !session.persistent()) return settle(std::move(pending));
  const auto record =
      encode_release(session.principal()->tenant, {session.client_id(), session.instance_, packet_id});
  append(RecordKind::release, record, std::move(pending));
}

void Shard::publish_in_process(Message message, PublishDone done) {
  metrics_.in[static_cast<std::size_t>(message.qos)]->add();
  raise_qos(message);
  if (message.received_at == WallTime{}) message.received_at = take_arrival_time();
  if (!message.principal) {
    static const PrincipalRef kHub = make_service_principal("hub");
    message.principal = kHub;
  }
  if (message.qos == QoS::at_most_once) {
    Traveller traveller(std::move(message));
    route(traveller, {}, Origin::here);
    if (done) done({});
    return;
  }
  const bool may_be_refused = message.principal->kind != PrincipalKind::service;
  if (may_be_refused && refuses(message.principal->tenant, message.topic.text())) {
    if (done) done(no_room());
    return;
  }
  Pending pending;
  pending.done = std::move(done);
  if (log() != nullptr) encode_message(message, nullptr, record_);
  pending.message = std::make_shared<Message>(std::move(message));
  append(RecordKind::message, record_, std::move(pending));
}

void Shard::append(RecordKind kind, ByteView bytes, Pending&& pending) {
  pending.kind = kind;
  if (log() == nullptr) return settle(std::move(pending));
  Result<store::Position> position = log()->append(static_cast<std::uint8_t>(kind), bytes);
  if (position) {
    pending.position = *position;
  } else {
    pending.error = std::make_unique<Error>(std::move(position).error());
    executor().post([this] { answered(0, {}); });
  }
  pending_.push(std::move(pending));
}

/// What the journal has refused at once has its turn behind what was appended before it.
void Shard::answered(store::Position last, const Result<void>& result) {
  while (!pending_.empty()) {
    Pending& first = pending_.front();
    if (!first.error) {
      if (first.position > last) return;
      if (!result) first.error = std::make_unique<Error>(result.error());
    }
    settle(pending_.pop());
  }
}

void Shard::settle(Pending&& pending) {
  const bool stored = pending.error == nullptr;
  if (stored && pending.position != 0) routed_ = taken_[index()] = pending.position;
  if (pending.kind == RecordKind::delivery) return settle_notes(pending);
  Session* session = find(pending.publisher);
  const bool wanted = pending.publisher.generation == 0 || is_attached(pending.publisher, pending.attachment);
  if (pending.kind == RecordKind::release) {
    if (stored && session != nullptr) close_exchange(*session, pending.packet_id);
  } else {
    const bool exactly_once = pending.message->qos == QoS::exactly_once;
    if (session != nullptr && exactly_once && stored) open_exchange(*session, pending.packet_id);
    if (session != nullptr && exactly_once && !stored) session->inbound().erase(pending.packet_id);
    if (stored) {
      pending.message->journal = index();
      pending.message->position = pending.position;
      Traveller traveller(std::move(pending.message));
      route(traveller, pending.publisher, Origin::here, &pending.route);
    }
  }
  if (!stored) {
    metrics_.append_failures.add();
    log::refusal("hub", "the journal refused a message", errc_name(pending.error->code),
                 {{"error", pending.error->message}});
  }
  if (!wanted || !pending.done) return;
  if (stored) return pending.done({});
  pending.done(std::unexpected(std::move(*pending.error)));
}

void Shard::route(Traveller& message, SessionRef publisher, Origin origin, RouteHint* hint) {
  const Message& view = message.get();
  if (origin == Origin::here && view.retain == Message::Retain::yes) retain(message.ref(), publisher);
  const Route& route = router_.route(message.get().principal->tenant, message.get().topic.text(), hint);
  work_ += route.targets.size();
  EncodingCache cache;
  if (tracer().on()) [[unlikely]]
    trace_routed(message.get(), route, origin);
  ++routing_;
  for (const Target& target : route.targets) {
    Slot& slot = slots_[target.subscriber];
    if (slot.feed != nullptr) {
      if (origin == Origin::here) slot.feed->offer(message);
      continue;
    }
    Session& session = *slot.session;
    if (route.shards == 0 && &target == &route.targets.back()) message.mark_last();
    if (target.no_local == SubscriptionOptions::NoLocal::yes && session.self_ == publisher) {
      if (tracer().on()) [[unlikely]]
        session.trace(TraceKind::dropped, message.get(), target.qos, "no_local");
      continue;
    }
    session.deliver(message, target, route.identifiers_of(target), cache);
    if (session.above_high_mark()) overloaded(session, publisher);
  }
  if (rows_.bytes() > kMaxUnwrittenBytes) hold_for_disk(publisher);
  --routing_;
  if (origin == Origin::elsewhere || route.shards == 0) return;
  for (ShardMask left = route.shards; left != 0; left &= left - 1) {
    const auto shard = static_cast<std::uint16_t>(std::countr_zero(left));
    send_parcel(shard, {message.ref(), publisher, Parcel::route});
  }
}

void Shard::retain(const MessageRef& message, SessionRef publisher) {
  const std::uint16_t home = shard_of(message->principal->tenant, message->topic.text());
  if (home != index()) return send_parcel(home, {message, publisher, Parcel::retain});
  if (memory_ != MemoryLevel::normal && !may_retain(*message)) return metrics_.refused_memory_retained.add();
  if (retained_.store(message) == RetainedStore::Stored::refused) {
    metrics_.retained_refused.add();
    log::refusal("hub",
                 retained_.is_behind() ? "the disk is behind with retained messages"
                                       : "the limit of retained messages is reached",
                 message->principal->name, {});
  }
  if (retained_.is_behind()) hold_for_disk(publisher);
  metrics_.retained.set(static_cast<std::int64_t>(retained_.count()));
}

void Shard::send_parcel(std::uint16_t shard, Parcel parcel) {
  std::vector<Parcel>& parcels = parcels_[shard];
  // One message that is both routed and retained crosses once.
  if (!parcels.empty() && parcels.back().message == parcel.message && parcel.purpose == Parcel::route) {
    parcels.back().purpose |= Parcel::route;
    parcels.back().publisher = parcel.publisher;
    return;
  }
  parcels.push_back(std::move(parcel));
  metrics_.forwarded.add();
  schedule_turn_end();
}

void Shard::schedule_turn_end() {
  if (std::exchange(turn_end_scheduled_, true)) return;
  executor().post([this] { turn_end(); });
}

void Shard::turn_end() {
  turn_end_scheduled_ = false;
  take_answers(std::exchange(answers_[index()], {}));
  flush_notes();
  for (std::uint16_t shard = 0; shard < shard_count(); ++shard) {
    flush_parcels(shard);
    if (shard != index()) flush_shared(shard);
  }
  for (const ConsumerId id : std::exchange(due_feeds_, {})) run_feed(id);
}

void Shard::flush_parcels(std::uint16_t shard) {
  if (parcels_[shard].empty()) return;
  post_to(shard, [parcels = std::exchange(parcels_[shard], {})](Shard& to) mutable {
    to.take_parcels(std::move(parcels));
  });
}

void Shard::take_parcels(std::vector<Parcel> parcels) {
  for (Parcel& parcel : parcels) {
    const Message& message = *parcel.message;
    if (message.position != 0) taken_[message.journal] = std::max(taken_[message.journal], message.position);
    if (parcel.purpose & Parcel::retain) retain(parcel.message, parcel.publisher);
    if (parcel.purpose & Parcel::replay) replay_message(parcel.message, Origin::elsewhere);
    if (!(parcel.purpose & Parcel::route)) continue;
    Traveller traveller(std::move(parcel.message));
    route(traveller, parcel.publisher, Origin::elsewhere);
  }
}

void Shard::post_to(std::uint16_t shard, std::move_only_function<void(Shard&)> task) {
  Shard& to = *setup_.shards[shard];
  to.executor().post([&to, task = std::move(task)]() mutable { task(to); });
}

std::uint16_t Shard::shard_of(TenantId tenant, std::string_view text) const {
  return static_cast<std::uint16_t>(stable_hash(text, tenant.value) % setup_.shards.size());
}

// ---- back-pressure ----

void Shard::overloaded(Session& session, SessionRef publisher) {
  Session::Outgoing& out = session.outgoing();
  const Waiting all = session.waiting();
  const Waiting room = room_of(session);
  if (all.messages > 2 * room.messages || all.bytes > 2 * room.bytes)
    return defer_end(session, EndReason::queue_full, "too many messages are waiting for this session");
  if (all.messages >= room.messages || all.bytes >= room.bytes) queue_is_full(session);
  if (session.link_ == nullptr || publisher.generation == 0) return;
  if (!out.held_publishers.insert(publisher).second) return;
  metrics_.held_publishers.add();
  if (out.held_publishers.size() == 1) {
    metrics_.holding.add();
    out.holding_since = executor().wall_now();
    watch_patience(session);
  }
  at_home(publisher, &Shard::hold);
}

void Shard::at_home(SessionRef ref, void (Shard::*step)(SessionRef)) {
  if (ref.shard == index()) return (this->*step)(ref);
  post_to(ref.shard, [ref, step](Shard& shard) { (shard.*step)(ref); });
}

void Shard::hold(SessionRef publisher) {
  Session* session = find(publisher);
  if (session == nullptr || session->link_ == nullptr) return;
  if (++session->holds_ > 1) return;
  metrics_.held.add();
  session->activity().held_since = executor().wall_now();
  session->link_->pause();
}

void Shard::let_go(SessionRef publisher) {
  Session* session = find(publisher);
  if (session == nullptr || session->link_ == nullptr || session->holds_ == 0) return;
  if (--session->holds_ > 0) return;
  metrics_.held.add(-1);
  session->activity().held_since = {};
  session->link_->resume();
}

void Shard::let_publishers_go(Session& session) {
  if (!session.outgoing_) return;
  Session::Outgoing& out = *session.outgoing_;
  executor().cancel(std::exchange(out.patience, TimerId{}));
  if (!out.held_publishers.empty()) metrics_.holding.add(-1);
  for (const SessionRef publisher : std::exchange(out.held_publishers, {})) {
    at_home(publisher, &Shard::let_go);
  }
}

void Shard::watch_patience(Session& session) {
  const SessionRef ref = session.self_;
  const std::uint64_t progress = session.outgoing().progress;
  session.outgoing_->patience = executor().schedule(kSlowConsumerPatience, [this, ref, progress] {
    Session* slow = find(ref);
    if (slow == nullptr || slow->outgoing().held_publishers.empty()) return;
    const bool stuck = slow->outgoing().progress == progress;
    SharedGroup* group = group_of(*slow);
    if (group != nullptr && stuck) group->end_stuck_members();
    if (group != nullptr || !stuck) return watch_patience(*slow);
    end(ref, EndReason::slow_consumer, "messages were not acknowledged for too long");
  });
}

void Shard::defer_end(Session& session, EndReason reason, std::string detail) {
  if (std::exchange(session.ending_, true)) return;
  executor().post(
      [this, ref = session.self_, reason, detail = std::move(detail)] { end(ref, reason, detail); });
}

}  // namespace dunlin::hub
