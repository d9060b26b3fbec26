#include "hub/session.h"

#include <algorithm>

#include "base/core/assert.h"
#include "hub/shard.h"
#include "hub/shared_group.h"
#include "hub/topic.h"

namespace dunlin::hub {
std::string_view end_reason_name(EndReason reason) {
  switch (reason) {
    case EndReason::taken_over:
      return "taken_over";
    case EndReason::revoked:
      return "revoked";
    case EndReason::slow_consumer:
      return "slow_consumer";
    case EndReason::queue_full:
      return "queue_full";
    case EndReason::shutdown:
      return "shutdown";
    case EndReason::administrative:
      return "administrative";
  }
  return "unknown";
}

Session::Session(Shard& shard, SessionRef self, SessionInstance instance, OpenOptions options)
    : shard_(shard), self_(self), instance_(instance) {
  take_options(std::move(options));
}

Session::~Session() = default;

/// Of the connection that opened it last.
void Session::take_options(OpenOptions options) {
  principal_ = std::move(options.principal);
  const bool same_id = principal_->client_id == options.client_id;
  names_ = SessionNames(same_id ? std::string_view() : options.client_id, options.protocol, options.peer);
  expiry_seconds_ = options.expiry_seconds;
  will_ = std::move(options.will);
}

void Session::attach(SessionLink& link, std::uint16_t receive_maximum) {
  link_ = &link;
  state_since_ = shard_.executor().wall_now();
  ++attachment_;
  opened_ = false;
  window_ = static_cast<std::uint16_t>(std::min<std::size_t>(receive_maximum, kMaxOutboundInFlight));
  if (!outgoing_) return;
  // MQTT 5.0 section 4.4: everything unacknowledged is sent again, in its order, before anything new.
  Outgoing& out = *outgoing_;
  out.unacknowledged = 0;
  out.resend_from = 0;
  for (std::size_t i = 0; i < out.in_flight.size(); ++i) {
    InFlight& entry = out.in_flight[i];
    if (entry.state == State::sent) entry.state = State::to_send;
    if (entry.state == State::released) entry.state = State::to_release;
  }
}

void Session::detach() {
  return_lent();
  link_ = nullptr;
  opened_ = false;
  if (holds_ > 0) shard_.metrics().held.add(-1);
  holds_ = 0;
  if (activity_) activity_->held_since = {};
  if (!outgoing_) return;
  outgoing_->qos0.clear();
  outgoing_->qos0_bytes = 0;
}

bool Session::window_open(const Outgoing& out) const {
  return out.unacknowledged + out.storing < window_ && out.in_flight.size() < kMaxTrackedInFlight;
}

void Session::write(const Queued& publish, std::uint16_t packet_id, Outbound::Duplicate duplicate,
                    EncodingCache& cache) {
  shard_.count_out(publish.qos);
  ++activity().out;
  if (traced()) [[unlikely]]
    trace(TraceKind::delivered, *publish.message, publish.qos,
          duplicate == Outbound::Duplicate::yes ? "again, after a reconnect" : "");
  link_->deliver({*publish.message, publish.qos, publish.retain, duplicate, packet_id, publish.identifiers,
                  &publish.message},
                 cache);
}

void Session::deliver(Traveller& message, const Target& target, std::span<const std::uint32_t> identifiers,
                      EncodingCache& cache) {
  const Message& view = message.get();
  const QoS qos = std::min(view.qos, target.qos);
  const auto retain = target.retain_as_published == SubscriptionOptions::RetainAsPublished::yes
                          ? view.retain
                          : Message::Retain::no;
  const bool ready = opened_ && link_->can_take();
  if (qos == QoS::at_most_once) {
    if (link_ == nullptr) return dropped(DropReason::offline, view);
    if (!ready || (outgoing_ && !outgoing_->qos0.empty()))
      return enqueue_qos0({message.take(), qos, retain, {identifiers.begin(), identifiers.end()}});
    shard_.count_out(qos);
    ++activity().out;
    if (traced()) [[unlikely]]
      trace(TraceKind::delivered, view, qos);
    link_->deliver({view, qos, retain, Outbound::Duplicate::no, 0, identifiers}, cache);
    return;
  }
  Queued publish{message.take(), qos, retain, {identifiers.begin(), identifiers.end()}};
  if (durable_) take_sequence(publish);
  offer(std::move(publish), cache);
}

void Session::offer_qos0(Queued&& publish, EncodingCache& cache) {
  if (!opened_ || !link_->can_take() || (outgoing_ && !outgoing_->qos0.empty()))
    return enqueue_qos0(std::move(publish));
  write(publish, 0, Outbound::Duplicate::no, cache);
}

void Session::offer(Queued&& publish, EncodingCache& cache) {
  const bool ready = opened_ && link_->can_take();
  const Outgoing& out = outgoing();
  if (ready && out.queue.empty() && !spills() && out.resend_from >= out.in_flight.size() &&
      window_open(out)) {
    return send_tracked(std::move(publish), cache);
  }
  enqueue(std::move(publish));
}

bool Session::has_room_for_retained() const {
  if (!opened_ || !link_->can_take()) return false;
  if (!outgoing_) return true;
  return !spills() && outgoing_->queue.size() < kRetainedAhead && outgoing_->qos0.size() < kRetainedAhead;
}

void Session::deliver_retained(const MessageRef& message, const SubscriptionOptions& options) {
  Queued publish{message, std::min(message->qos, options.qos), Message::Retain::yes, {}};
  if (options.identifier != 0) publish.identifiers.push_back(options.identifier);
  Outgoing& out = outgoing();
  if (publish.qos == QoS::at_most_once) {
    out.qos0_bytes += body_bytes(*message);
    out.qos0.push(std::move(publish));
  } else {
    if (durable_) take_sequence(publish);
    enqueue(std::move(publish));
  }
}

void Session::enqueue_qos0(Queued&& publish) {
  Outgoing& out = outgoing();
  out.qos0_bytes += body_bytes(*publish.message);
  if (traced()) [[unlikely]]
    trace(TraceKind::queued, *publish.message, QoS::at_most_once);
  out.qos0.push(std::move(publish));
  drop_surplus_qos0();
}

void Session::drop_surplus_qos0() {
  const Limits& limits = shard_.limits();
  const bool no_memory = shard_.memory_level() == MemoryLevel::critical;
  Outgoing& out = *outgoing_;
  while (out.qos0.size() > shard_.qos0_room() ||
         (out.qos0_bytes > limits.qos0_bytes && out.qos0.size() > 1)) {
    const Queued oldest = out.qos0.pop();
    out.qos0_bytes -= body_bytes(*oldest.message);
    (no_memory ? shard_.metrics().dropped_memory : shard_.metrics().dropped_qos0).add();
    dropped(no_memory ? DropReason::memory : DropReason::qos0_queue, *oldest.message);
  }
}

void Session::enqueue(Queued&& publish) {
  if (ending_) return;  // the whole session ends because its queue is full
  Outgoing& out = outgoing();
  if (traced()) [[unlikely]]
    trace(TraceKind::queued, *publish.message, publish.qos, link_ == nullptr ? "the client is away" : "");
  if (durable_ && publish.sequence != 0 && (spills() || (!durable_->restoring && past_memory(1))))
    return spill(publish);
  count_queued(static_cast<std::int64_t>(body_bytes(*publish.message)));
  out.queue.push(std::move(publish));
}

std::size_t Session::subscription_count() const {
  return filters_.size() + (shared_ ? shared_->subscriptions.size() : 0);
}

bool Session::is_subscribed(const Router& router, std::string_view filter) const {
  if (is_shared(filter)) return shared_ && shared_->subscriptions.contains(filter);
  const Filter* known = router.find(principal_->tenant, filter);
  return known != nullptr && known->find(self_.slot) != nullptr;
}

bool Session::above_high_mark() const {
  if (!outgoing_) return false;
  const Limits& limits = shard_.limits();
  const Waiting all = waiting();
  if (all.messages > limits.online_messages || all.bytes > limits.online_bytes) return true;
  return all.messages > kMinQueueInMemory && !durable_ && shard_.queues_are_full();
}

bool Session::below_low_mark() const {
  const Limits& limits = shard_.limits();
  const Waiting all = waiting();
  return all.messages <= limits.online_messages / 2 && all.bytes <= limits.online_bytes / 2;
}

std::uint16_t Session::next_packet_id() {
  // What is in flight spans far fewer than 65535 consecutive ids, so the next one is never in use.
  if (++last_packet_id_ == 0) last_packet_id_ = 1;
  return last_packet_id_;
}

void Session::send_tracked(Queued&& publish, EncodingCache& cache) {
  if (durable_ && publish.qos == QoS::exactly_once) return send_once_stored(std::move(publish));
  Outgoing& out = *outgoing_;
  const std::uint16_t packet_id = next_packet_id();
  write(publish, packet_id, Outbound::Duplicate::no, cache);
  const bool durable = durable_ && !publish.shared.is_lent();
  const JournalPosition at = durable ? place_of(*publish.message) : JournalPosition{};
  out.in_flight.push({std::move(publish), packet_id, State::sent, at});
  out.resend_from = out.in_flight.size();
  ++out.unacknowledged;
  if (durable) note(out.in_flight.back(), DeliveryNote::Step::assigned);
}

void Session::send_once_stored(Queued&& publish) {
  Outgoing& out = *outgoing_;
  const JournalPosition at = place_of(*publish.message);
  out.in_flight.push({std::move(publish), next_packet_id(), State::storing, at});
  out.resend_from = out.in_flight.size();
  ++out.storing;
  note(out.in_flight.back(), DeliveryNote::Step::assigned);
}

/// The message is done with, unless it never counted.
void Session::forget(Queued& publish) {
  publish.message.reset();
  if (publish.shared.is_lent()) return answer_lent(publish, SharedAnswer::Outcome::finished);
  if (!durable_ || publish.sequence == 0) return;
  if (publish.sequence < durable_->stored_to) durable_->obsolete.push_back(publish.sequence);
  publish.sequence = 0;
  changed();
}

std::size_t Session::pump_again(std::size_t portion) {
  EncodingCache cache;
  Outgoing& out = *outgoing_;
  while (portion > 0 && out.resend_from < out.in_flight.size() && out.unacknowledged < window_ &&
         link_->can_take()) {
    InFlight& entry = out.in_flight[out.resend_from++];
    --portion;
    if (entry.state == State::to_send || entry.state == State::ready) {
      const bool again = entry.state == State::to_send;
      cache = {};
      write(entry.publish, entry.packet_id, again ? Outbound::Duplicate::yes : Outbound::Duplicate::no,
            cache);
      entry.state = State::sent;
      ++out.unacknowledged;
    } else if (entry.state == State::to_release) {
      link_->release(entry.packet_id);
      entry.state = State::released;
      ++out.unacknowledged;
    }
  }
  return portion;
}

std::size_t Session::pump_queue(std::size_t portion) {
  Outgoing& out = *outgoing_;
  while (portion > 0 && !out.queue.empty() && out.resend_from >= out.in_flight.size() && window_open(out) &&
         link_->can_take()) {
    count_queued(-static_cast<std::int64_t>(body_bytes(*out.queue.front().message)));
    std::optional<Queued> publish = keep_unexpired(out.queue.pop());
    --portion;
    if (!publish) continue;
    EncodingCache cache;
    send_tracked(std::move(*publish), cache);
  }
  return portion;
}

std::size_t Session::pump_qos0(std::size_t portion) {
  Outgoing& out = *outgoing_;
  while (portion > 0 && !out.qos0.empty() && link_->can_take()) {
    out.qos0_bytes -= body_bytes(*out.qos0.front().message);
    const std::optional<Queued> publish = keep_unexpired(out.qos0.pop());
    --portion;
    if (!publish) continue;
    EncodingCache cache;
    write(*publish, 0, Outbound::Duplicate::no, cache);
  }
  return portion;
}

std::optional<Session::Queued> Session::keep_unexpired(Queued publish) {
  if (!has_expired(*publish.message, shard_.executor().wall_now())) return publish;
  shard_.metrics().expired.add();
  dropped(DropReason::expired, *publish.message);
  forget(publish);
  return std::nullopt;
}

void Session::pump() {
  if (!opened_ || !outgoing_ || outgoing_->pump_is_due) return;
  Outgoing& out = *outgoing_;
  if (pump_qos0(pump_queue(pump_again(kPumpPortion))) == 0) {
    out.pump_is_due = true;
    shard_.pump_later(*this);
  }
  load_spilled();
  if (!out.held_publishers.empty() && below_low_mark()) shard_.let_publishers_go(*this);
  if (!out.refused.empty() && shard_.has_room(*this)) shard_.queue_has_room(*this);
  if (out.retained_waits && has_room_for_retained()) {
    out.retained_waits = false;
    shard_.go_on_with_retained(*this);
  }
}

void Session::go_on_pumping() {
  if (!outgoing_) return;
  outgoing_->pump_is_due = false;
  pump();
}

std::optional<std::size_t> Session::place_in_flight(std::uint16_t packet_id) const {
  if (!outgoing_ || outgoing_->in_flight.empty() || packet_id == 0) return std::nullopt;
  const RingQueue<InFlight>& in_flight = outgoing_->in_flight;
  // Ids rise by one from entry to entry, skipping 0 at the wrap.
  const std::uint16_t first = in_flight[0].packet_id;
  std::size_t index = static_cast<std::uint16_t>(packet_id - first);
  if (packet_id < first) --index;
  if (index >= in_flight.size() || in_flight[index].packet_id != packet_id) return std::nullopt;
  return index;
}

Session::InFlight* Session::find(std::uint16_t packet_id) {
  const auto place = place_in_flight(packet_id);
  if (!place || outgoing_->in_flight[*place].state == State::done) return nullptr;
  return &outgoing_->in_flight[*place];
}

void Session::finish(InFlight& entry) {
  Outgoing& out = *outgoing_;
  if (durable_ && !entry.publish.shared.is_lent()) note(entry, DeliveryNote::Step::finished);
  if (traced() && entry.publish.message) [[unlikely]]
    trace(TraceKind::acknowledged, *entry.publish.message, entry.publish.qos);
  entry.state = State::done;
  forget(entry.publish);
  DUNLIN_ASSERT(out.unacknowledged > 0);
  --out.unacknowledged;
  ++out.progress;
  while (!out.in_flight.empty() && out.in_flight.front().state == State::done) {
    out.in_flight.drop();
    if (out.resend_from > 0) --out.resend_from;
  }
  pump();
}

bool Session::acknowledged(std::uint16_t packet_id) {
  InFlight* entry = find(packet_id);
  if (entry == nullptr || entry->state != State::sent) return false;
  finish(*entry);
  return true;
}

bool Session::received(std::uint16_t packet_id) {
  InFlight* entry = find(packet_id);
  if (entry == nullptr || entry->publish.qos == QoS::at_least_once) return false;
  if (entry->state == State::storing_release) return true;  // answered when it is on the disk
  if (entry->state != State::sent && entry->state != State::released) return false;
  if (traced() && entry->publish.message) [[unlikely]]
    trace(TraceKind::acknowledged, *entry->publish.message, entry->publish.qos);
  if (durable_ && entry->state == State::sent) {
    entry->state = State::storing_release;
    note(*entry, DeliveryNote::Step::received);
    forget(entry->publish);
    --outgoing_->unacknowledged;
    ++outgoing_->storing;
    return true;
  }
  entry->state = State::released;
  forget(entry->publish);  // the peer owns it now
  link_->release(packet_id);
  return true;
}

bool Session::completed(std::uint16_t packet_id) {
  InFlight* entry = find(packet_id);
  if (entry == nullptr || entry->state != State::released) return false;
  finish(*entry);
  return true;
}

std::shared_ptr<Message> keep_message(const Message& message) {
  auto copy = std::make_shared<Message>(message);
  copy->payload = copy->payload.owned();
  return copy;
}

void Traveller::keep() {
  if (source_ != nullptr) {
    ref_ = std::make_shared<const Message>(std::move(*source_));
  } else {
    ref_ = keep_message(*view_);
  }
  view_ = ref_.get();
}

void Session::publish(Message& message, std::uint16_t packet_id, RouteHint* hint, PublishDone done) {
  if (message.qos == QoS::at_most_once) return shard_.publish_at_once(*this, message, hint);
  shard_.publish_from(*this, message, packet_id, hint, std::move(done));
}

void Session::publish_at_once(Message& message, RouteHint& hint) {
  shard_.publish_at_once(*this, message, &hint);
}

void Session::release(std::uint16_t packet_id, PublishDone done) {
  shard_.release_exchange(*this, packet_id, std::move(done));
}

void Session::subscribe(std::vector<SubscribeRequest> requests, SubscribeDone done) {
  shard_.subscribe(*this, std::move(requests), std::move(done));
}

void Session::unsubscribe(const std::vector<std::string>& filters, UnsubscribeDone done) {
  shard_.unsubscribe(*this, filters, std::move(done));
}

void Session::close(CloseOptions options) {
  shard_.close(*this, std::move(options));
}

}  // namespace dunlin::hub
