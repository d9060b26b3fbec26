// Session: what of the outgoing messages outlives the process.

#include <algorithm>
#include <utility>

#include "base/core/assert.h"
#include "base/log.h"
#include "hub/session.h"
#include "hub/shard.h"
#include "hub/shared_group.h"

namespace dunlin::hub {

namespace {

std::uint16_t next_after(std::uint16_t packet_id) {
  return packet_id == 0xFFFF ? 1 : static_cast<std::uint16_t>(packet_id + 1);
}

/// How many steps of next_after() lead from one to the other.
std::size_t distance(std::uint16_t from, std::uint16_t to) {
  return to > from ? to - from : 0xFFFFU - from + to;
}

}  // namespace

/// From now on; what waits already counts as new.
void Session::make_durable() {
  if (durable_) return;
  durable_ = std::make_unique<DurableOutbound>();
  if (!outgoing_) return;
  Outgoing& out = *outgoing_;
  for (std::size_t i = 0; i < out.in_flight.size(); ++i) {
    InFlight& entry = out.in_flight[i];
    if (!entry.publish.message || entry.publish.shared.is_lent()) continue;
    take_sequence(entry.publish);
    entry.at = place_of(*entry.publish.message);
  }
  for (std::size_t i = 0; i < out.queue.size(); ++i) {
    if (!out.queue[i].shared.is_lent()) take_sequence(out.queue[i]);
  }
}

void Session::take_sequence(Queued& publish) {
  publish.sequence = durable_->next_sequence++;
  changed();
}

void Session::changed() {
  if (!std::exchange(durable_->changed, true)) shard_.changed(self_);
}

void Session::note(const InFlight& entry, DeliveryNote::Step step) {
  changed();
  const bool waits = entry.state == State::storing || entry.state == State::storing_release;
  shard_.note({instance_, entry.at, entry.packet_id, step}, waits ? self_ : SessionRef{});
}

bool Session::waits_for(std::uint16_t packet_id, DeliveryNote::Step step) {
  const InFlight* entry = find(packet_id);
  if (entry == nullptr) return false;
  return (step == DeliveryNote::Step::assigned && entry->state == State::storing) ||
         (step == DeliveryNote::Step::received && entry->state == State::storing_release);
}

void Session::stored(std::uint16_t packet_id, DeliveryNote::Step step) {
  if (!waits_for(packet_id, step)) return;
  const std::size_t place = *place_in_flight(packet_id);
  Outgoing& out = *outgoing_;
  InFlight& entry = out.in_flight[place];
  --out.storing;
  if (step == DeliveryNote::Step::received && shared_ && shared_->group) {  // also while no member is there
    entry.state = State::released;
    ++out.unacknowledged;
    return shared_->group->release(packet_id);
  }
  entry.state = entry.state == State::storing ? State::ready : State::to_release;
  out.resend_from = std::min(out.resend_from, place);
}

void Session::pump_stored() {
  if (opened_) pump();
}

std::vector<StoredInFlight> Session::stored_in_flight() const {
  std::vector<StoredInFlight> stored;
  const RingQueue<InFlight>& in_flight = outgoing_->in_flight;
  for (std::size_t i = 0; i < in_flight.size(); ++i) {
    const InFlight& entry = in_flight[i];
    if (entry.state == State::done || entry.publish.shared.is_lent()) continue;
    const bool released = entry.state >= State::storing_release;
    stored.push_back({entry.publish.sequence, entry.at, entry.packet_id,
                      released ? StoredInFlight::State::released : StoredInFlight::State::assigned});
  }
  return stored;
}

std::vector<const Session::Queued*> Session::new_items() const {
  std::vector<const Queued*> items;
  if (!outgoing_) return items;
  const Outgoing& out = *outgoing_;
  // What a group has lent is the group's.
  const auto is_new = [this](const Queued& publish) {
    return publish.message && publish.sequence >= durable_->stored_to;
  };
  const auto is_old = [&](const Queued& publish) { return !publish.shared.is_lent() && !is_new(publish); };
  for (std::size_t i = 0; i < out.in_flight.size(); ++i) {
    if (is_new(out.in_flight[i].publish)) items.push_back(&out.in_flight[i].publish);
  }
  std::size_t first = out.queue.size();
  while (first > 0 && !is_old(out.queue[first - 1])) --first;
  for (; first < out.queue.size(); ++first) {
    if (is_new(out.queue[first])) items.push_back(&out.queue[first]);
  }
  return items;
}

std::vector<std::uint64_t> Session::stored_items() const {
  std::vector<std::uint64_t> items = durable_->obsolete;
  const auto add = [&](const Queued& publish) {
    if (publish.sequence != 0 && publish.sequence < durable_->stored_to) items.push_back(publish.sequence);
  };
  if (shared_) {
    for (const auto& held : shared_->held) items.push_back(held.publish.sequence);
  }
  if (!outgoing_) return items;
  const Outgoing& out = *outgoing_;
  for (std::size_t i = 0; i < out.in_flight.size(); ++i) add(out.in_flight[i].publish);
  for (std::size_t i = 0; i < out.queue.size(); ++i) add(out.queue[i]);
  return items;
}

SessionRecord Session::to_record() const {
  SessionRecord record;
  record.instance = instance_;
  record.principal_name = principal()->name;
  record.expiry_seconds = expiry_seconds_;
  record.offline_since = link_ ? 0 : unix_nanoseconds(state_since_);
  for (const auto& [packet_id, state] : inbound_ ? inbound_->all() : std::span<const Exchanges::Exchange>()) {
    if (state == Exchanges::State::open) record.open_exchanges.push_back(packet_id);
  }
  for_each_subscription([&](std::string_view filter, const SubscriptionOptions& options) {
    record.subscriptions.emplace(filter, options);
  });
  record.last_packet_id = last_packet_id_;
  if (will_) {
    record.will = StoredWill{will_->message, will_->delay_seconds};
    record.will->message.principal = principal();
  }
  if (!durable_) return record;
  record.end_sequence = durable_->next_sequence;
  record.queue_from = durable_->next_sequence;
  record.retained_due = shard_.retained_owed(*this);
  if (shared_) {
    for (const auto& held : shared_->held) record.held.push_back(held.publish.sequence);
  }
  if (!outgoing_) return record;
  const RingQueue<Queued>& queue = outgoing_->queue;
  for (std::size_t i = 0; i < queue.size() && record.queue_from == durable_->next_sequence; ++i) {
    if (!queue[i].shared.is_lent()) record.queue_from = queue[i].sequence;
  }
  if (spills()) record.queue_from = std::min(record.queue_from, durable_->spilled.from);
  record.in_flight = stored_in_flight();
  return record;
}

void Session::restore(const SessionRecord& record) {
  make_durable();
  durable_->restoring = true;
  durable_->next_sequence = record.end_sequence;
  durable_->stored_to = record.end_sequence;
  for (const RetainedDue& due : record.retained_due) shard_.owe_retained(*this, due, shard_.next_subscribe());
  last_packet_id_ = record.last_packet_id;
  for (const StoredInFlight& stored : record.in_flight) {
    InFlight entry;
    entry.packet_id = stored.packet_id;
    entry.at = stored.at;
    entry.publish.sequence = stored.sequence;
    entry.publish.qos = QoS::exactly_once;  // until its item says otherwise
    entry.state = stored.state == StoredInFlight::State::released ? State::released : State::sent;
    outgoing().in_flight.push(std::move(entry));
  }
}

/// The journal's notes can be about messages of one load more than what may be in memory (load_spilled()).
void Session::restore_waiting(std::uint64_t sequence, QueueItem item) {
  Spilled& spilled = durable_->spilled;
  outgoing();
  if (spilled.messages > 0 || past_memory(2)) {
    if (spilled.messages == 0) spilled.from = sequence;
    ++spilled.messages;
    spilled.bytes += body_bytes(item.message);
    return;
  }
  count_queued(static_cast<std::int64_t>(body_bytes(item.message)));
  outgoing_->queue.push({std::make_shared<const Message>(std::move(item.message)), item.qos, item.retain,
                         std::move(item.identifiers), sequence});
}

void Session::restore_in_flight(std::uint64_t sequence, QueueItem item) {
  RingQueue<InFlight>& in_flight = outgoing().in_flight;
  for (std::size_t i = 0; i < in_flight.size(); ++i) {
    InFlight& entry = in_flight[i];
    if (entry.publish.sequence != sequence || entry.state != State::sent) continue;
    entry.publish = {std::make_shared<const Message>(std::move(item.message)), item.qos, item.retain,
                     std::move(item.identifiers), sequence};
    return;
  }
  durable_->obsolete.push_back(sequence);
}

void Session::assign(const DeliveryNote& note) {
  Outgoing& out = outgoing();
  std::optional<std::size_t> place;
  for (std::size_t i = 0; i < out.queue.size() && !place; ++i) {
    if (place_of(*out.queue[i].message) == note.at) place = i;
  }
  Queued publish;
  if (place) {
    publish = out.queue.take(*place);
    count_queued(-static_cast<std::int64_t>(body_bytes(*publish.message)));
  } else if (auto held = take_held(note.at)) {  // the group had let go of it
    publish = std::move(*held);
    durable_->obsolete.push_back(publish.sequence);
    take_sequence(publish);
  } else {
    return;
  }
  out.in_flight.push({std::move(publish), note.packet_id, State::sent, note.at});
  last_packet_id_ = note.packet_id;
}

void Session::apply(const DeliveryNote& note) {
  if (note.step == DeliveryNote::Step::granted) {
    if (auto held = take_held(note.at)) {
      durable_->obsolete.push_back(held->sequence);
      take_sequence(*held);  // the queue is in the order of its numbers
      enqueue(std::move(*held));
    }
    return;
  }
  Outgoing& out = outgoing();
  InFlight* entry = nullptr;
  for (std::size_t i = 0; i < out.in_flight.size() && entry == nullptr; ++i) {
    InFlight& candidate = out.in_flight[i];
    if (candidate.packet_id == note.packet_id && candidate.at == note.at && candidate.state != State::done)
      entry = &candidate;
  }
  if (entry == nullptr) {
    if (note.step == DeliveryNote::Step::assigned) assign(note);
    return;
  }
  if (note.step == DeliveryNote::Step::assigned) return;
  forget(entry->publish);
  entry->state = note.step == DeliveryNote::Step::received ? State::released : State::done;
  while (!out.in_flight.empty() && out.in_flight.front().state == State::done) out.in_flight.drop();
}

/// Makes the packet ids in flight rise by one from entry to entry again, as find() expects.
void Session::finish_restore() {
  // What was not granted is still the group's.
  while (shared_ && !shared_->held.empty()) decide_held(shared_->held.back().publish.sequence, Held::drop);
  durable_->restoring = false;
  if (!outgoing_) return;
  spill_surplus();
  RingQueue<InFlight>& in_flight = outgoing_->in_flight;
  RingQueue<InFlight> restored;
  for (std::size_t i = 0; i < in_flight.size(); ++i) {
    InFlight& entry = in_flight[i];
    // An item that is not there any more was acknowledged before its row could be written again.
    if (entry.state == State::sent && !entry.publish.message) entry.state = State::done;
    if (entry.state == State::done) continue;
    const std::uint16_t last = restored.empty() ? 0 : restored.back().packet_id;
    if (!restored.empty() && distance(last, entry.packet_id) + restored.size() > kMaxTrackedInFlight) {
      log::error("hub", "the packet identifiers of a stored session lie too far apart",
                 {{"client", client_id()}});
      continue;
    }
    for (std::uint16_t id = last; !restored.empty() && next_after(id) != entry.packet_id;) {
      id = next_after(id);
      restored.push({{}, id, State::done, {}});
    }
    restored.push(std::move(entry));
  }
  in_flight = std::move(restored);
  if (!in_flight.empty()) last_packet_id_ = in_flight.back().packet_id;
}

}  // namespace dunlin::hub
