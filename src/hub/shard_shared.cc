// Shard: shared subscriptions. A group's session and its members' are on any shards.

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "hub/shard.h"
#include "hub/topic.h"

namespace dunlin::hub {

std::string_view shared_strategy_name(SharedStrategy strategy) {
  switch (strategy) {
    case SharedStrategy::round_robin:
      return "round_robin";
    case SharedStrategy::least_in_flight:
      return "least_in_flight";
    case SharedStrategy::sticky:
      return "sticky";
  }
  return "unknown";
}

namespace {

PrincipalRef group_principal(TenantId tenant) {
  static const PrincipalRef kGroups = make_service_principal("$share");
  return in_tenant(kGroups, tenant);
}

}  // namespace

// ---- on a member's shard ----

MemberState Shard::member_state(const Session& session) const {
  using Lasting = MemberState::Lasting;
  const std::size_t window = session.opened_ ? std::min<std::size_t>(session.window_, kMaxLentMessages) : 0;
  return {static_cast<std::uint16_t>(window), session.persistent() ? Lasting::yes : Lasting::no};
}

void Shard::join_group(const Session& session, const std::string& filter, const SubscriptionOptions& options,
                       Joined joined) {
  const TenantId tenant = session.principal()->tenant;
  const SessionRef member = session.self_;
  const MemberState state = member_state(session);
  Joined reply = [from = this, joined = std::move(joined)](Result<void> result) mutable {
    from->executor().post(
        [joined = std::move(joined), result = std::move(result)]() mutable { joined(std::move(result)); });
  };
  post_to(shard_of(tenant, filter),
          [tenant, filter, options, member, state, reply = std::move(reply)](Shard& home) mutable {
            home.take_member(tenant, filter, member, options, state, std::move(reply));
          });
}

void Shard::leave_group(Session& session, const std::string& filter) {
  const TenantId tenant = session.principal()->tenant;
  session.shared_part().subscriptions.erase(filter);
  post_to(shard_of(tenant, filter), [tenant, filter, member = session.self_](Shard& home) {
    SharedGroup* group = home.find_group(tenant, filter);
    if (group == nullptr) return;
    group->leave(member);
    home.group_changed(*group);
  });
}

/// The session's client has come or gone.
void Shard::tell_groups(const Session& session) {
  if (!session.shared_) return;
  const TenantId tenant = session.principal()->tenant;
  const MemberState state = member_state(session);
  for (const auto& [name, options] : session.shared_->subscriptions) {
    post_to(shard_of(tenant, name), [tenant, filter = name, member = session.self_, state](Shard& home) {
      SharedGroup* group = home.find_group(tenant, filter);
      if (group == nullptr) return;
      group->update(member, state);
      home.group_changed(*group);
    });
  }
}

void Shard::take_shared(const SharedDelivery& delivery) {
  if (Session* member = find(delivery.member)) return member->deliver_shared(delivery);
  if (delivery.origin.is_lent())
    answer_shared({delivery.origin, delivery.member, SharedAnswer::Outcome::returned});
}

/// The last message that the session holds. The row is not written in the middle of a message's way: it says
/// which messages the session has been given.
void Shard::store_held(Session& session, Task stored) {
  store_item(session, session.shared_->held.back().publish);
  executor().post([this, ref = session.self_, stored = std::move(stored)]() mutable {
    Session* holder = find(ref);
    if (holder == nullptr) return;
    save(*holder, [stored = std::move(stored)](const Result<void>& result) mutable {
      if (result) return stored();
      log::error("hub", "a message of a shared subscription cannot be stored",
                 {{"error", result.error().message}});
    });
  });
}

// ---- on the group's shard ----

SharedGroup* Shard::group_of(const Session& session) {
  return session.shared_ ? session.shared_->group.get() : nullptr;
}

SharedGroup* Shard::find_group(TenantId tenant, const std::string& name) {
  const Session* session = session_of(tenant, name);
  return session == nullptr ? nullptr : group_of(*session);
}

Session& Shard::make_group_session(TenantId tenant, const std::string& name) {
  OpenOptions options;
  options.principal = group_principal(tenant);
  options.client_id = name;
  Session& session = make_session(std::move(options), instances_.next());
  const std::string filter(split_shared(name).filter);
  // Members ask for less than this where they want less.
  const SubscriptionOptions all{.qos = QoS::exactly_once,
                                .retain_as_published = SubscriptionOptions::RetainAsPublished::yes};
  session.filters_.add(router_.place(tenant, filter, {session.self_.slot, all}).filter);
  add_interest(tenant, filter);
  return session;
}

SharedGroup& Shard::find_or_make_group(TenantId tenant, const std::string& name) {
  if (SharedGroup* known = find_group(tenant, name)) return *known;
  Session& session = make_group_session(tenant, name);
  session.shared_part().group = std::make_unique<SharedGroup>(*this, session);
  metrics_.shared_groups.add();
  return *session.shared_->group;
}

void Shard::take_member(TenantId tenant, const std::string& name, SessionRef member,
                        const SubscriptionOptions& options, MemberState state, Joined joined) {
  SharedGroup& group = find_or_make_group(tenant, name);
  group.join(member, options, state);
  group_changed(group);
  // A member's row says that it belongs to the group: the group's own row must be there first.
  interest_.when_known(interest_key(tenant, split_shared(name).filter),
                       [this, ref = group.session().self_, joined = std::move(joined)]() mutable {
                         Session* session = find(ref);
                         if (session == nullptr || !session->wants_row()) return joined({});
                         save(*session, [joined = std::move(joined)](Result<void> stored) mutable {
                           joined(std::move(stored));
                         });
                       });
}

void Shard::group_changed(SharedGroup& group) {
  Session& session = group.session();
  if (group.empty()) {
    metrics_.shared_groups.add(-1);
    return remove(session);
  }
  const std::uint32_t expiry = group.is_lasting() ? kNeverExpires : 0;
  if (std::exchange(session.expiry_seconds_, expiry) != expiry) save(session);
}

/// All that waits for the group or is with its members. Its session goes next.
GroupLoss Shard::lose_messages(Session& session) {
  group_of(session)->give_up();
  GroupLoss loss;
  loss.messages = session.waiting().messages;
  if (!session.outgoing_) return loss;
  loss.messages += session.outgoing_->qos0.size();
  const auto& in_flight = session.outgoing_->in_flight;
  for (std::size_t i = 0; i < in_flight.size(); ++i)
    loss.messages += in_flight[i].state == Session::State::done ? 0 : 1;
  return loss;
}

/// It begins anew, with the same members.
GroupLoss Shard::empty_group(Session& session, KeyedWriter::Done stored) {
  const TenantId tenant = session.principal()->tenant;
  const std::string name(session.client_id());
  const GroupLoss loss = lose_messages(session);
  std::unique_ptr<SharedGroup> group = std::move(session.shared_->group);
  remove(session);
  Session& fresh = make_group_session(tenant, name);
  fresh.shared_part().group = std::move(group);
  fresh.shared_->group->set_session(fresh);
  group_changed(*fresh.shared_->group);
  if (!stored) return loss;
  // A fresh row is given after the old rows, or the last of these is.
  if (fresh.persistent()) {
    save(fresh, std::move(stored));
  } else {
    rows_.put(store::Table::session, tenant_key(tenant, name), std::nullopt, std::move(stored));
  }
  return loss;
}

/// Its members' shards are told by the caller.
GroupLoss Shard::end_group(Session& session, KeyedWriter::Done stored) {
  const TenantId tenant = session.principal()->tenant;
  const std::string name(session.client_id());
  GroupLoss loss = lose_messages(session);
  loss.sessions = group_of(session)->members();
  loss.members = loss.sessions.size();
  metrics_.shared_groups.add(-1);
  remove(session);
  rows_.put(store::Table::session, tenant_key(tenant, name), std::nullopt, std::move(stored));
  return loss;
}

void Shard::drop_membership(SessionRef member, const std::string& filter, KeyedWriter::Done stored) {
  Session* session = find(member);
  if (session == nullptr || !session->is_subscribed(router_, filter)) return stored({});
  leave_group(*session, filter);
  if (tracer().on()) [[unlikely]]
    trace_session(TraceKind::unsubscribed, *session, "an operator ended the group " + filter);
  if (!session->persistent()) return stored({});
  save(*session, std::move(stored));
}

// ---- between them ----

void Shard::send_shared(SharedDelivery delivery) {
  if (delivery.member.shard == index()) return take_shared(delivery);
  lent_[delivery.member.shard].push_back(std::move(delivery));
  schedule_turn_end();
}

void Shard::answer_shared(SharedAnswer answer) {
  answers_[answer.origin.group.shard].push_back(answer);
  schedule_turn_end();
}

void Shard::take_answers(const std::vector<SharedAnswer>& answers) {
  for (const SharedAnswer& answer : answers) {
    const Session* session = find(answer.origin.group);
    SharedGroup* group = session == nullptr ? nullptr : group_of(*session);
    if (group != nullptr) {
      group->answered(answer);
    } else if (answer.outcome == SharedAnswer::Outcome::held) {  // the group went, with what it had
      decide_held(answer.member, answer.held, Session::Held::drop);
    }
  }
}

void Shard::flush_shared(std::uint16_t shard) {
  if (!answers_[shard].empty()) {
    post_to(shard, [answers = std::exchange(answers_[shard], {})](Shard& to) { to.take_answers(answers); });
  }
  if (!lent_[shard].empty()) {
    post_to(shard, [deliveries = std::exchange(lent_[shard], {})](Shard& to) {
      for (const SharedDelivery& delivery : deliveries) to.take_shared(delivery);
    });
  }
}

void Shard::decide_held(SessionRef member, std::uint64_t sequence, Session::Held decision) {
  post_to(member.shard, [member, sequence, decision](Shard& shard) {
    if (Session* session = shard.find(member)) session->decide_held(sequence, decision);
  });
}

void Shard::end_slow(SessionRef member) {
  post_to(member.shard, [member](Shard& shard) {
    shard.end(member, EndReason::slow_consumer, "messages were not acknowledged for too long");
  });
}

// ---- after a restart ----

void Shard::rejoin_groups() {
  sessions_.for_each([this](const std::unique_ptr<Session>& session) {
    if (!session->shared_) return;
    for (const auto& [filter, options] : session->shared_->subscriptions)
      join_group(*session, filter, options, [](const Result<void>&) {});
  });
}

void Shard::drop_deserted_groups() {
  std::vector<SharedGroup*> deserted;
  sessions_.for_each([&](const std::unique_ptr<Session>& session) {
    SharedGroup* group = group_of(*session);
    if (group != nullptr && group->empty()) deserted.push_back(group);
  });
  for (SharedGroup* group : deserted) group_changed(*group);
}

}  // namespace dunlin::hub
