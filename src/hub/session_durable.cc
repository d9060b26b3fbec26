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
  for (std::size_t i = 0; i < in_flight_.size(); ++i) {
    InFlight& entry = in_flight_[i];
    if (!entry.publish.message || entry.publish.shared.is_lent()) continue;
    take_sequence(entry.publish);
    entry.at = place_of(*entry.publish.message);
  }
  for (std::size_t i = 0; i < queue_.size(); ++i) {
    if (!queue_[i].shared.is_lent()) take_sequence(queue_[i]);
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
  InFlight& entry = in_flight_[place];
  --storing_;
  if (step == DeliveryNote::Step::received && shared_ && shared_->group) {  // also while no member is there
    entry.state = State::released;
    ++unacknowledged_;
    return shared_->group->release(packet_id);
  }
  entry.state = entry.state == State::storing ? State::ready : State::to_release;
  resend_from_ = std::min(resend_from_, place);
}

void Session::pump_stored() {
  if (opened_) pump();
}

std::vector<StoredInFlight> Session::stored_in_flight() const {
  std::vector<StoredInFlight> stored;
  for (std::size_t i = 0; i < in_flight_.size(); ++i) {
    const InFlight& entry = in_flight_[i];
    if (entry.state == State::done || entry.publish.shared.is_lent()) continue;
    const bool released = entry.state >= State::storing_release;
    stored.push_back({entry.publish.sequence, entry.at, entry.packet_id,
                      released ? StoredInFlight::State::released : StoredInFlight::State::assigned});
  }
  return stored;
}

std::vector<const Session::Queued*> Session::new_items() const {
  std::vector<const Queued*> items;
  // What a group has lent is the group's.
  const auto is_new = [this](const Queued& publish) {
    return publish.message && publish.sequence >= durable_->stored_to;
  };
  const auto is_old = [&](const Queued& publish) { return !publish.shared.is_lent() && !is_new(publish); };
  for (std::size_t i = 0; i < in_flight_.size(); ++i) {
    if (is_new(in_flight_[i].publish)) items.push_back(&in_flight_[i].publish);
  }
  std::size_t first = queue_.size();
  while (first > 0 && !is_old(queue_[first - 1])) --first;
  for (; first < queue_.size(); ++first) {
    if (is_new(queue_[first])) items.push_back(&queue_[first]);
  }
  return items;
}

std::vector<std::uint64_t> Session::stored_items() const {
  std::vector<std::uint64_t> items = durable_->obsolete;
  const auto add = [&](const Queued& publish) {
    if (publish.sequence != 0 && publish.sequence < durable_->stored_to) items.push_back(publish.sequence);
  };
  for (std::size_t i = 0; i < in_flight_.size(); ++i) add(in_flight_[i].publish);
  for (std::size_t i = 0; i < queue_.size(); ++i) add(queue_[i]);
  if (shared_) {
    for (const auto& held : shared_->held) add(held.publish);
  }
  return items;
}

SessionRecord Session::to_record() const {
  SessionRecord record;
  record.instance = instance_;
  record.principal_name = principal()->name;
  record.expiry_seconds = options_.expiry_seconds;
  record.offline_since = link_ ? 0 : unix_nanoseconds(state_since_);
  for (const auto& [packet_id, exchange] : inbound_) {
    if (exchange == Exchange::open) record.open_exchanges.push_back(packet_id);
  }
  record.subscriptions.insert(subscriptions_.begin(), subscriptions_.end());
  record.last_packet_id = last_packet_id_;
  if (options_.will) {
    record.will = StoredWill{options_.will->message, options_.will->delay_seconds};
    record.will->message.principal = principal();
  }
  if (!durable_) return record;
  record.end_sequence = durable_->next_sequence;
  record.queue_from = durable_->next_sequence;
  for (std::size_t i = 0; i < queue_.size() && record.queue_from == durable_->next_sequence; ++i) {
    if (!queue_[i].shared.is_lent()) record.queue_from = queue_[i].sequence;
  }
  if (shared_) {
    for (const auto& held : shared_->held) record.held.push_back(held.publish.sequence);
  }
  record.in_flight = stored_in_flight();
  record.retained_due = durable_->retained_due;
  return record;
}

void Session::restore(const SessionRecord& record) {
  make_durable();
  durable_->next_sequence = record.end_sequence;
  durable_->stored_to = record.end_sequence;
  durable_->retained_due = record.retained_due;
  last_packet_id_ = record.last_packet_id;
  for (const StoredInFlight& stored : record.in_flight) {
    InFlight entry;
    entry.packet_id = stored.packet_id;
    entry.at = stored.at;
    entry.publish.sequence = stored.sequence;
    entry.publish.qos = QoS::exactly_once;  // until its item says otherwise
    entry.state = stored.state == StoredInFlight::State::released ? State::released : State::sent;
    in_flight_.push(std::move(entry));
  }
}

void Session::restore_waiting(std::uint64_t sequence, QueueItem item) {
  enqueue({std::make_shared<const Message>(std::move(item.message)), item.qos, item.retain,
           std::move(item.identifiers), sequence});
}

void Session::restore_in_flight(std::uint64_t sequence, QueueItem item) {
  for (std::size_t i = 0; i < in_flight_.size(); ++i) {
    InFlight& entry = in_flight_[i];
    if (entry.publish.sequence != sequence || entry.state != State::sent) continue;
    entry.publish = {std::make_shared<const Message>(std::move(item.message)), item.qos, item.retain,
                     std::move(item.identifiers), sequence};
    return;
  }
  durable_->obsolete.push_back(sequence);
}

void Session::assign(const DeliveryNote& note) {
  std::optional<std::size_t> place;
  for (std::size_t i = 0; i < queue_.size() && !place; ++i) {
    if (place_of(*queue_[i].message) == note.at) place = i;
  }
  Queued publish;
  if (place) {
    publish = queue_.take(*place);
    queue_bytes_ -= body_bytes(*publish.message);
  } else if (auto held = take_held(note.at)) {  // the group had let go of it
    publish = std::move(*held);
  } else {
    return;
  }
  in_flight_.push({std::move(publish), note.packet_id, State::sent, note.at});
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
  InFlight* entry = nullptr;
  for (std::size_t i = 0; i < in_flight_.size() && entry == nullptr; ++i) {
    InFlight& candidate = in_flight_[i];
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
  while (!in_flight_.empty() && in_flight_.front().state == State::done) in_flight_.drop();
}

/// Makes the packet ids in flight rise by one from entry to entry again, as find() expects.
void Session::finish_restore() {
  // What was not granted is still the group's.
  while (shared_ && !shared_->held.empty()) decide_held(shared_->held.back().publish.sequence, Held::drop);
  RingQueue<InFlight> restored;
  for (std::size_t i = 0; i < in_flight_.size(); ++i) {
    InFlight& entry = in_flight_[i];
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
  in_flight_ = std::move(restored);
  if (!in_flight_.empty()) last_packet_id_ = in_flight_.back().packet_id;
}

}  // namespace dunlin::hub
