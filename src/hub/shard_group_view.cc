// ShardView: groups of shared subscriptions.

#include <utility>

#include "hub/shard_view.h"
#include "hub/topic.h"

namespace dunlin::hub {

GroupView ShardView::group_view_of(const Session& session, const Principal* publisher) const {
  GroupView view = Shard::group_of(session)->view(publisher);
  view.name = session.client_id();
  view.queued = session.waiting().messages;
  view.queued_bytes = session.waiting().bytes;
  if (session.durable_) {
    view.on_disk = session.durable_->spilled.messages;
    view.on_disk_bytes = session.durable_->spilled.bytes;
  }
  const Waiting room = shard_.room_of(session);
  view.room_messages = room.messages;
  view.room_bytes = room.bytes;
  if (session.outgoing_) {
    view.queued_qos0 = session.outgoing_->qos0.size();
    view.holds = session.outgoing_->held_publishers.size();
    if (!session.outgoing_->refused.empty()) view.full = GroupView::Full::yes;
  }
  if (session.activity_) view.activity = *session.activity_;
  return view;
}

std::optional<GroupView> ShardView::group(TenantId tenant, const std::string& name,
                                          const PrincipalRef& publisher) {
  const SharedGroup* group = shard_.find_group(tenant, name);
  if (group == nullptr) return std::nullopt;
  GroupView view = group_view_of(*shard_.session_of(tenant, name), publisher.get());
  view.member_list = group->member_views();
  return view;
}

std::vector<ShardView::Who> ShardView::names_of(const std::vector<SessionRef>& sessions) {
  std::vector<Who> names;
  for (const SessionRef ref : sessions) {
    const Session* session = shard_.find(ref);
    if (session == nullptr) {
      names.push_back({});
    } else {
      names.push_back({std::string(session->client_id()), session->principal()->name});
    }
  }
  return names;
}

void ShardView::remove_of_group(TenantId tenant, const std::string& name, Removal what,
                                std::move_only_function<void(Result<GroupLoss>)> done) {
  if (shard_.find_group(tenant, name) == nullptr)
    return done(fail(Errc::not_found, "there is no group \"" + name + "\""));
  Session& session = *shard_.session_of(tenant, name);
  // Shared: what is lost is known when the storing has begun.
  const auto loss = std::make_shared<GroupLoss>();
  // In a later turn: without a store the completion runs at once.
  auto stored = [&shard = shard_, loss, done = std::move(done)](Result<void> result) mutable {
    shard.executor().post([loss, result = std::move(result), done = std::move(done)]() mutable {
      if (!result) return done(std::unexpected(std::move(result).error()));
      done(std::move(*loss));
    });
  };
  *loss = what == Removal::group ? shard_.end_group(session, std::move(stored))
                                 : shard_.empty_group(session, std::move(stored));
  shard_.metrics_.shared_removed.add(static_cast<std::int64_t>(loss->messages));
}

void ShardView::drop_membership(SessionRef member, const std::string& filter,
                                std::move_only_function<void(Result<void>)> done) {
  shard_.drop_membership(member, filter, std::move(done));
}

// ---- the list ----

struct ShardView::GroupScan {
  GroupQuery query;
  GroupRows rows;
  std::move_only_function<void(GroupRows)> done;
  SubscriberId next = 0;
};

namespace {

bool is_wanted(const GroupQuery& query, std::string_view name) {
  const SharedFilter parts = split_shared(name);
  if (!query.group.empty() && parts.group != query.group) return false;
  if (!query.contains.empty() && name.find(query.contains) == std::string_view::npos) return false;
  return query.topic.empty() || filter_matches(parts.filter, query.topic);
}

}  // namespace

void ShardView::groups(GroupQuery query, std::move_only_function<void(GroupRows)> done) {
  GroupRows rows(query.after, query.limit);
  // Shared with the turns that follow.
  step(std::make_shared<GroupScan>(GroupScan{std::move(query), std::move(rows), std::move(done)}));
}

void ShardView::step(std::shared_ptr<GroupScan> scan) {
  const GroupQuery& query = scan->query;
  for (std::size_t budget = kViewStepsPerTurn; scan->next < shard_.slots_.size() && budget > 0;
       ++scan->next, --budget) {
    const Session* session = shard_.slots_[scan->next].session;
    if (session == nullptr || Shard::group_of(*session) == nullptr) continue;
    if (session->principal()->tenant != query.tenant || !is_wanted(query, session->client_id())) continue;
    std::string key(session->client_id());
    if (query.order == GroupQuery::Order::queued) key = falling(queued_of(*session)) + key;
    if (scan->rows.offer(key)) scan->rows.add(std::move(key), group_view_of(*session, nullptr));
  }
  if (scan->next >= shard_.slots_.size()) return scan->done(std::move(scan->rows));
  shard_.executor().post([&shard = shard_, scan = std::move(scan)] { ShardView(shard).step(scan); });
}

}  // namespace dunlin::hub
