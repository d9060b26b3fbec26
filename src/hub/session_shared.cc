// Session: messages that a shared subscription's group has lent to it, and what a group itself needs.

#include <algorithm>
#include <utility>

#include "base/core/assert.h"
#include "hub/session.h"
#include "hub/shard.h"
#include "hub/shared_group.h"

namespace dunlin::hub {

SharedPart& Session::shared_part() {
  if (!shared_) shared_ = std::make_unique<SharedPart>();
  return *shared_;
}

SharedPart::~SharedPart() = default;

// ---- a member ----

void Session::deliver_shared(const SharedDelivery& delivery) {
  const bool lent = delivery.origin.is_lent();
  using Outcome = SharedAnswer::Outcome;
  if (link_ == nullptr || ending_) {
    if (lent) shard_.answer_shared({delivery.origin, self_, Outcome::returned});
    return;
  }
  Queued publish{delivery.message, delivery.qos, delivery.retain, {}};
  if (delivery.identifier != 0) publish.identifiers.push_back(delivery.identifier);
  EncodingCache cache;
  if (delivery.qos == QoS::at_most_once) {
    offer_qos0(std::move(publish), cache);
    if (lent) shard_.answer_shared({delivery.origin, self_, Outcome::finished});
    return;
  }
  if (delivery.qos == QoS::exactly_once && persistent()) return hold(std::move(publish), delivery);
  publish.shared = delivery.origin;
  ++shared_part().lent;
  offer(std::move(publish), cache);
}

/// A QoS 2 message must never be with two members, nor be lost between them: the member stores it, the group
/// lets go of it, and only then it is sent.
void Session::hold(Queued publish, const SharedDelivery& delivery) {
  if (!shard_.durable()) {
    EncodingCache cache;
    offer(std::move(publish), cache);
    return shard_.answer_shared({delivery.origin, self_, SharedAnswer::Outcome::finished});
  }
  make_durable();
  take_sequence(publish);
  publish.sequence |= kHeldBit;
  const std::uint64_t sequence = publish.sequence;
  shared_part().held.push_back({std::move(publish), delivery.origin});
  shard_.store_held(*this,
                    [&shard = shard_, ref = self_, instance = instance_, origin = delivery.origin, sequence] {
                      shard.answer_shared({origin, ref, SharedAnswer::Outcome::held, sequence, instance});
                    });
}

void Session::restore_held(std::uint64_t sequence, QueueItem item) {
  Queued publish{std::make_shared<const Message>(std::move(item.message)), item.qos, item.retain,
                 std::move(item.identifiers), sequence};
  shared_part().held.push_back({std::move(publish), {}});
}

std::optional<Session::Queued> Session::take_held(JournalPosition at) {
  if (!shared_) return std::nullopt;
  const auto found = std::ranges::find_if(
      shared_->held, [at](const auto& held) { return place_of(*held.publish.message) == at; });
  if (found == shared_->held.end()) return std::nullopt;
  Queued publish = std::move(found->publish);
  shared_->held.erase(found);
  return publish;
}

void Session::decide_held(std::uint64_t sequence, Held decision) {
  if (!shared_) return;
  const auto found = std::ranges::find_if(
      shared_->held, [sequence](const auto& held) { return held.publish.sequence == sequence; });
  if (found == shared_->held.end()) return;
  Queued publish = std::move(found->publish);
  shared_->held.erase(found);
  if (durable_) durable_->obsolete.push_back(sequence);
  if (durable_) changed();
  if (decision == Held::drop) return;
  // The queue is in the order of its numbers.
  if (durable_) take_sequence(publish);
  EncodingCache cache;
  offer(std::move(publish), cache);
}

void Session::answer_lent(Queued& publish, SharedAnswer::Outcome outcome) {
  shard_.answer_shared({std::exchange(publish.shared, {}), self_, outcome});
  DUNLIN_ASSERT(shared_ && shared_->lent > 0);
  --shared_->lent;
}

/// The client has gone: others may have what it had not acknowledged, but a QoS 2 message that was sent
/// (MQTT 5.0 section 4.8.2).
void Session::return_lent() {
  if (!shared_ || shared_->lent == 0) return;
  using Outcome = SharedAnswer::Outcome;
  Outgoing& out = outgoing();
  for (std::size_t i = 0; i < out.in_flight.size(); ++i) {
    InFlight& entry = out.in_flight[i];
    if (!entry.publish.shared.is_lent()) continue;
    const bool stays = entry.publish.qos == QoS::exactly_once;
    answer_lent(entry.publish, stays ? Outcome::finished : Outcome::returned);
    entry.publish.message.reset();
    entry.state = State::done;
  }
  while (!out.in_flight.empty() && out.in_flight.front().state == State::done) out.in_flight.drop();
  RingQueue<Queued> kept;
  for (std::size_t left = out.queue.size(); left > 0; --left) {
    Queued publish = out.queue.pop();
    if (!publish.shared.is_lent()) {
      kept.push(std::move(publish));
      continue;
    }
    count_queued(-static_cast<std::int64_t>(body_bytes(*publish.message)));
    answer_lent(publish, Outcome::returned);
  }
  out.queue = std::move(kept);
}

/// The session ends: nobody will send these.
void Session::return_held() {
  if (!shared_) return;
  for (const auto& held : shared_->held) {
    if (held.origin.is_lent()) shard_.answer_shared({held.origin, self_, SharedAnswer::Outcome::returned});
  }
}

// ---- a group ----

void Session::attach_group(SharedGroup& group) {
  attach(group, kMaxOutboundInFlight);
  opened_ = true;
  pump();
}

void Session::detach_group() {
  shard_.let_publishers_go(*this);
  detach();
}

/// What a group's packet id counts as after all members have come and gone meanwhile.
Session::InFlight* Session::find_lent_out(std::uint16_t packet_id) {
  InFlight* entry = find(packet_id);
  if (entry == nullptr || (entry->state != State::sent && entry->state != State::to_send)) return nullptr;
  if (std::exchange(entry->state, State::sent) == State::to_send) ++outgoing_->unacknowledged;
  return entry;
}

void Session::finish_lent_out(std::uint16_t packet_id) {
  if (InFlight* entry = find_lent_out(packet_id)) finish(*entry);
}

/// The notes that the group has let go and that the member may go on are on the disk together or not at all.
void Session::hand_over_lent_out(std::uint16_t packet_id, SessionInstance to) {
  InFlight* entry = find_lent_out(packet_id);
  if (entry == nullptr) return;
  if (durable_) {
    shard_.note({to, entry->at, 0, DeliveryNote::Step::granted}, {});
    return void(received(packet_id));
  }
  entry->state = State::released;
  forget(entry->publish);
  shared_->group->release(packet_id);
}

void Session::send_again(std::uint16_t packet_id) {
  const auto place = place_in_flight(packet_id);
  if (!place || outgoing_->in_flight[*place].state != State::sent) return;
  outgoing_->in_flight[*place].state = State::to_send;
  --outgoing_->unacknowledged;
  outgoing_->resend_from = std::min(outgoing_->resend_from, *place);
  if (opened_) pump();
}

}  // namespace dunlin::hub
