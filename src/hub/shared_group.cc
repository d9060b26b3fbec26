#include "hub/shared_group.h"

#include <algorithm>
#include <utility>

#include "base/core/assert.h"
#include "hub/shard.h"
#include "hub/topic.h"

namespace dunlin::hub {

SharedGroup::Member* SharedGroup::find(SessionRef member) {
  const auto found = std::ranges::find(members_, member, &Member::session);
  return found == members_.end() ? nullptr : &*found;
}

bool SharedGroup::is_lasting() const {
  return std::ranges::any_of(
      members_, [](const Member& member) { return member.state.lasting == MemberState::Lasting::yes; });
}

void SharedGroup::join(SessionRef member, const SubscriptionOptions& options, MemberState state) {
  if (Member* known = find(member)) {
    known->options = options;
    known->state = state;
  } else {
    members_.push_back({member, options, state, 0});
  }
  members_changed();
}

void SharedGroup::update(SessionRef member, MemberState state) {
  Member* known = find(member);
  if (known == nullptr) return;
  known->state = state;
  members_changed();
}

void SharedGroup::leave(SessionRef member) {
  std::erase_if(members_, [member](const Member& one) { return one.session == member; });
  members_changed();
}

void SharedGroup::set_session(Session& session) {
  session_ = &session;
  dispatched_.clear();
  for (Member& member : members_) member.in_flight = 0;
  members_changed();
}

/// While nobody is there the group is like a session whose client is away.
void SharedGroup::members_changed() {
  const bool present =
      std::ranges::any_of(members_, [](const Member& member) { return member.state.window > 0; });
  const bool attached = session_->is_attached();
  if (present && !attached) return session_->attach_group(*this);
  if (!present && attached) return session_->detach_group();
  if (present) session_->drained();
}

bool SharedGroup::can_take() const {
  return std::ranges::any_of(members_, &Member::may_take);
}

SharedGroup::Member& SharedGroup::choose(const Message& message) {
  switch (shard_.limits().shared_strategy) {
    case SharedStrategy::round_robin:
      return choose_next();
    case SharedStrategy::least_in_flight:
      return choose_least_busy();
    case SharedStrategy::sticky:
      return choose_for(*message.principal);
  }
  return choose_next();
}

SharedGroup::Member& SharedGroup::choose_next() {
  DUNLIN_ASSERT(can_take());
  while (true) {
    Member& member = members_[next_++ % members_.size()];
    if (member.may_take()) return member;
  }
}

SharedGroup::Member& SharedGroup::choose_least_busy() {
  Member* best = &choose_next();  // equally busy ones take turns
  for (Member& member : members_) {
    if (member.may_take() && member.in_flight < best->in_flight) best = &member;
  }
  return *best;
}

/// The member with the highest hash of publisher and member: when members come and go, the other publishers
/// keep theirs.
SharedGroup::Member& SharedGroup::choose_for(const Principal& publisher) {
  const std::uint64_t who = stable_hash(publisher.client_id, stable_hash(publisher.name));
  Member* best = nullptr;
  std::uint64_t highest = 0;
  for (Member& member : members_) {
    if (!member.may_take()) continue;
    const std::uint64_t place = (std::uint64_t{member.session.shard} << 32) | member.session.slot;
    const std::uint64_t hash = stable_hash("member", who ^ (place * 0x9E37'79B9'7F4A'7C15ULL));
    if (best == nullptr || hash > highest) {
      best = &member;
      highest = hash;
    }
  }
  DUNLIN_ASSERT(best != nullptr);
  return *best;
}

void SharedGroup::deliver(const Outbound& publish, EncodingCache&) {
  Member& member = choose(publish.message);
  using RetainAsPublished = SubscriptionOptions::RetainAsPublished;
  SharedDelivery delivery;
  delivery.member = member.session;
  delivery.message = publish.shared != nullptr ? *publish.shared : keep_message(publish.message);
  delivery.qos = std::min(publish.qos, member.options.qos);
  delivery.retain =
      member.options.retain_as_published == RetainAsPublished::yes ? publish.retain : Message::Retain::no;
  delivery.identifier = member.options.identifier;
  if (publish.packet_id != 0) {
    let_go_of(publish.packet_id);
    ++member.in_flight;
    dispatched_[publish.packet_id] = {member.session, ++attempts_, 0};
    delivery.origin = {session_->ref(), publish.packet_id, attempts_};
  }
  shard_.send_shared(std::move(delivery));
}

/// Whoever had it has it no more.
void SharedGroup::let_go_of(std::uint16_t packet_id) {
  const auto found = dispatched_.find(packet_id);
  if (found == dispatched_.end()) return;
  const Dispatch old = found->second;
  dispatched_.erase(found);
  if (old.held != 0) shard_.decide_held(old.member, old.held, Session::Held::drop);
  if (Member* member = find(old.member); member != nullptr && member->in_flight > 0) --member->in_flight;
}

void SharedGroup::answered(const SharedAnswer& answer) {
  using Outcome = SharedAnswer::Outcome;
  const std::uint16_t packet_id = answer.origin.packet_id;
  if (answer.outcome == Outcome::completed) return void(session_->completed(packet_id));
  const auto found = dispatched_.find(packet_id);
  const bool current = found != dispatched_.end() && found->second.member == answer.member &&
                       found->second.attempt == answer.origin.attempt;
  if (answer.outcome == Outcome::held) {
    if (!current) return shard_.decide_held(answer.member, answer.held, Session::Held::drop);
    found->second.held = answer.held;
    session_->hand_over_lent_out(packet_id, answer.instance);
    return;
  }
  if (!current) return;
  let_go_of(packet_id);
  if (answer.outcome == Outcome::finished) {
    session_->finish_lent_out(packet_id);
  } else {
    shard_.metrics().shared_returned.add();
    session_->send_again(packet_id);
  }
  session_->drained();
}

/// That a member has taken the message over is on the disk.
void SharedGroup::release(std::uint16_t packet_id) {
  if (const auto found = dispatched_.find(packet_id); found != dispatched_.end()) {
    const Dispatch kept = found->second;
    dispatched_.erase(found);
    if (Member* member = find(kept.member); member != nullptr && member->in_flight > 0) --member->in_flight;
    if (kept.held != 0) shard_.decide_held(kept.member, kept.held, Session::Held::keep);
  }
  shard_.answer_shared({{session_->ref(), packet_id, 0}, {}, SharedAnswer::Outcome::completed});
}

void SharedGroup::end_stuck_members() {
  for (const Member& member : members_) {
    if (member.state.window > 0 && member.in_flight > 0) shard_.end_slow(member.session);
  }
}

}  // namespace dunlin::hub
