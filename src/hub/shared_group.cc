#include "hub/shared_group.h"

#include <algorithm>
#include <utility>

#include "base/core/assert.h"
#include "hub/shard.h"
#include "hub/topic.h"

namespace dunlin::hub {
namespace {

constexpr std::size_t kNobody = static_cast<std::size_t>(-1);

}  // namespace

SharedGroup::~SharedGroup() {
  shard_.metrics().shared_subscriptions.add(-static_cast<std::int64_t>(members_.size()));
}

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
    members_.push_back({member, options, state});
    shard_.metrics().shared_subscriptions.add();
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
  const std::size_t gone =
      std::erase_if(members_, [member](const Member& one) { return one.session == member; });
  shard_.metrics().shared_subscriptions.add(-static_cast<std::int64_t>(gone));
  members_changed();
}

void SharedGroup::set_session(Session& session) {
  session_ = &session;
  for (Member& member : members_) member.in_flight = 0;
  members_changed();
}

void SharedGroup::give_up() {
  for (const auto& [packet_id, dispatch] : std::exchange(dispatched_, {})) {
    if (dispatch.held != 0) shard_.decide_held(dispatch.member, dispatch.held, Session::Held::drop);
  }
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
  DUNLIN_ASSERT(can_take());
  const std::size_t chosen = candidate(message.principal.get());
  DUNLIN_ASSERT(chosen != kNobody);
  // Equally busy ones take turns, too.
  if (shard_.limits().shared_strategy != SharedStrategy::sticky) next_ = next_in_turn() + 1;
  return members_[chosen];
}

std::size_t SharedGroup::candidate(const Principal* publisher) const {
  switch (shard_.limits().shared_strategy) {
    case SharedStrategy::round_robin:
      return next_in_turn();
    case SharedStrategy::least_in_flight:
      return least_busy();
    case SharedStrategy::sticky:
      return publisher == nullptr ? kNobody : favourite_of(*publisher);
  }
  return next_in_turn();
}

std::size_t SharedGroup::next_in_turn() const {
  for (std::size_t i = 0; i < members_.size(); ++i) {
    const std::size_t place = (next_ + i) % members_.size();
    if (members_[place].may_take()) return place;
  }
  return kNobody;
}

std::size_t SharedGroup::least_busy() const {
  std::size_t best = next_in_turn();
  if (best == kNobody) return best;
  for (std::size_t i = 0; i < members_.size(); ++i) {
    if (members_[i].may_take() && members_[i].in_flight < members_[best].in_flight) best = i;
  }
  return best;
}

/// The member with the highest hash of publisher and member: when members come and go, the other publishers
/// keep theirs.
std::size_t SharedGroup::favourite_of(const Principal& publisher) const {
  const std::uint64_t who = stable_hash(publisher.client_id, stable_hash(publisher.name));
  std::size_t best = kNobody;
  std::uint64_t highest = 0;
  for (std::size_t i = 0; i < members_.size(); ++i) {
    if (!members_[i].may_take()) continue;
    const SessionRef& member = members_[i].session;
    const std::uint64_t place = (std::uint64_t{member.shard} << 32) | member.slot;
    const std::uint64_t hash = stable_hash("member", who ^ (place * 0x9E37'79B9'7F4A'7C15ULL));
    if (best == kNobody || hash > highest) {
      best = i;
      highest = hash;
    }
  }
  return best;
}

void SharedGroup::deliver(const Outbound& publish, EncodingCache&) {
  Member& member = choose(publish.message);
  ++member.given;
  ++given_;
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
    if (++member.in_flight == member.state.window) ++member.filled;
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
    ++returned_;
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

// ---- for operators ----

GroupView SharedGroup::view(const Principal* publisher) const {
  GroupView view;
  view.strategy = shard_.limits().shared_strategy;
  view.members = members_.size();
  for (const Member& member : members_) {
    view.connected += member.state.window > 0 ? 1 : 0;
    view.ready += member.may_take() ? 1 : 0;
  }
  view.keeps = is_lasting() ? GroupView::Keeps::yes : GroupView::Keeps::no;
  view.lent = dispatched_.size();
  view.handed_over = static_cast<std::size_t>(
      std::ranges::count_if(dispatched_, [](const auto& entry) { return entry.second.held != 0; }));
  view.given = given_;
  view.returned = returned_;
  if (const std::size_t next = candidate(publisher); next != kNobody) view.next = members_[next].session;
  return view;
}

std::vector<GroupMemberView> SharedGroup::member_views() const {
  std::vector<GroupMemberView> views;
  for (const Member& member : members_) {
    if (views.size() == kMaxGroupMembersShown) break;
    GroupMemberView view;
    view.session = member.session;
    view.qos = member.options.qos;
    view.window = member.state.window;
    view.in_flight = member.in_flight;
    view.given = member.given;
    view.filled = member.filled;
    views.push_back(std::move(view));
  }
  return views;
}

std::vector<SessionRef> SharedGroup::members() const {
  std::vector<SessionRef> all;
  for (const Member& member : members_) all.push_back(member.session);
  return all;
}

void SharedGroup::end_stuck_members() {
  for (const Member& member : members_) {
    if (member.state.window > 0 && member.in_flight > 0) shard_.end_slow(member.session);
  }
}

}  // namespace dunlin::hub
