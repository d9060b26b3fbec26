#include "hub/group_view.h"

#include <map>
#include <utility>

#include "hub/gather.h"
#include "hub/hub.h"
#include "hub/view.h"

namespace dunlin::hub {

std::string_view readiness_name(GroupMemberView::Readiness readiness) {
  switch (readiness) {
    case GroupMemberView::Readiness::ready:
      return "ready";
    case GroupMemberView::Readiness::full:
      return "full";
    case GroupMemberView::Readiness::away:
      return "away";
  }
  return "unknown";
}

void HubView::groups(Executor& reply_to, GroupQuery query, Done<GroupPage> done) const {
  gather_page(hub_, reply_to, query, &GroupPage::groups, &ShardView::groups, std::move(done));
}

namespace {

/// Asks the members' own shards who they are.
void name_members(Hub& hub, Executor& reply_to, GroupView view,
                  std::move_only_function<void(std::optional<GroupView>)> done) {
  using Names = std::map<SessionRef, ShardView::Who>;
  std::map<std::uint16_t, std::vector<SessionRef>> by_shard;
  for (const GroupMemberView& member : view.member_list)
    by_shard[member.session.shard].push_back(member.session);
  // One who is not among those that are shown.
  if (view.next.generation != 0) by_shard[view.next.shard].push_back(view.next);
  if (by_shard.empty()) return done(std::move(view));
  auto finish = [view = std::move(view), done = std::move(done)](Names names) mutable {
    for (GroupMemberView& member : view.member_list) {
      member.client_id = names[member.session].client_id;
      member.thing = names[member.session].thing;
    }
    if (view.next.generation != 0) view.next_client = names[view.next].client_id;
    done(std::move(view));
  };
  const auto answers = gather<Names>(by_shard.size(), Names{}, std::move(finish));
  for (auto& [number, sessions] : by_shard) {
    Shard& shard = hub.shard(number);
    shard.executor().post([&shard, &reply_to, asked = std::move(sessions), answers]() mutable {
      auto names = ShardView(shard).names_of(asked);
      reply_to.post([asked = std::move(asked), names = std::move(names), answers]() mutable {
        for (std::size_t i = 0; i < asked.size(); ++i) answers->gathered[asked[i]] = std::move(names[i]);
        answers->one_less();
      });
    });
  }
}

}  // namespace

void HubView::group(Executor& reply_to, TenantId tenant, std::string name, PrincipalRef publisher,
                    Done<std::optional<GroupView>> done) const {
  const std::size_t home = hub_.session_home(tenant, name);
  ask<std::optional<GroupView>>(
      hub_, home, reply_to,
      [tenant, name = std::move(name), publisher = std::move(publisher)](ShardView view) {
        return view.group(tenant, name, publisher);
      },
      [&hub = hub_, &reply_to, done = std::move(done)](std::optional<GroupView> view) mutable {
        if (!view) return done(std::nullopt);
        name_members(hub, reply_to, *std::move(view), std::move(done));
      });
}

namespace {

void remove_of_group(Hub& hub, Executor& reply_to, TenantId tenant, const std::string& name,
                     ShardView::Removal what, std::move_only_function<void(Result<GroupLoss>)> done) {
  Shard& home = hub.shard(hub.session_home(tenant, name));
  home.executor().post([&home, &reply_to, tenant, name, what, done = std::move(done)]() mutable {
    ShardView(home).remove_of_group(
        tenant, name, what, [&reply_to, done = std::move(done)](Result<GroupLoss> loss) mutable {
          reply_to.post(
              [done = std::move(done), loss = std::move(loss)]() mutable { done(std::move(loss)); });
        });
  });
}

/// Ends the members' subscriptions, each on its own shard; answers when all is on the disk.
void drop_memberships(Hub& hub, Executor& reply_to, const std::string& name, GroupLoss loss,
                      std::move_only_function<void(Result<GroupLoss>)> done) {
  if (loss.sessions.empty()) return done(std::move(loss));
  const std::vector<SessionRef> members = std::exchange(loss.sessions, {});
  auto finish = [loss = std::move(loss), done = std::move(done)](Result<void> all) mutable {
    if (!all) return done(std::unexpected(std::move(all).error()));
    done(std::move(loss));
  };
  const auto answers = gather<Result<void>>(members.size(), {}, std::move(finish));
  for (const SessionRef member : members) {
    Shard& shard = hub.shard(member.shard);
    shard.executor().post([&shard, &reply_to, member, name, answers] {
      ShardView(shard).drop_membership(member, name, [&reply_to, answers](Result<void> stored) {
        reply_to.post([answers, stored = std::move(stored)]() mutable {
          if (!stored) answers->gathered = std::move(stored);
          answers->one_less();
        });
      });
    });
  }
}

}  // namespace

void HubView::clear_group(Executor& reply_to, TenantId tenant, std::string name,
                          Done<Result<GroupLoss>> done) const {
  remove_of_group(hub_, reply_to, tenant, name, ShardView::Removal::messages, std::move(done));
}

void HubView::end_group(Executor& reply_to, TenantId tenant, std::string name,
                        Done<Result<GroupLoss>> done) const {
  remove_of_group(hub_, reply_to, tenant, name, ShardView::Removal::group,
                  [&hub = hub_, &reply_to, name, done = std::move(done)](Result<GroupLoss> loss) mutable {
                    if (!loss) return done(std::move(loss));
                    drop_memberships(hub, reply_to, name, *std::move(loss), std::move(done));
                  });
}

}  // namespace dunlin::hub
