#include "hub/view.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "hub/gather.h"
#include "hub/hub.h"
#include "hub/shard_view.h"

namespace dunlin::hub {
std::string_view session_condition_name(SessionCondition condition) {
  switch (condition) {
    case SessionCondition::slow:
      return "slow";
    case SessionCondition::online:
      return "online";
    case SessionCondition::offline:
      return "offline";
  }
  return "unknown";
}

void HubView::sessions(Executor& reply_to, SessionQuery query, Done<SessionPage> done) const {
  gather_page(hub_, reply_to, query, &SessionPage::sessions, &ShardView::sessions, std::move(done));
}

void HubView::session(Executor& reply_to, TenantId tenant, std::string client_id,
                      Done<std::optional<SessionView>> done) const {
  const std::size_t home = hub_.session_home(tenant, client_id);
  ask<std::optional<SessionView>>(
      hub_, home, reply_to,
      [tenant, client_id = std::move(client_id)](ShardView view) { return view.session(tenant, client_id); },
      std::move(done));
}

void HubView::subscriptions(Executor& reply_to, SubscriptionQuery query, Done<SubscriptionPage> done) const {
  gather_page(hub_, reply_to, query, &SubscriptionPage::subscriptions, &ShardView::subscriptions,
              std::move(done));
}

void HubView::retained(Executor& reply_to, RetainedQuery query, Done<RetainedPage> done) const {
  using Found = std::vector<MessageRef>;
  auto finish = [done = std::move(done), limit = query.limit](Found found) mutable {
    std::ranges::sort(found, {}, [](const MessageRef& one) { return one->topic.text(); });
    RetainedPage page;
    // As many as a shard may find tell that there may be more.
    if (found.size() >= limit) {
      found.resize(limit);
      page.next = found.back()->topic.text();
    }
    for (const MessageRef& one : found) page.messages.push_back(*one);
    done(std::move(page));
  };
  const auto answers = gather<Found>(hub_.shard_count(), Found{}, std::move(finish));
  for (std::size_t i = 0; i < hub_.shard_count(); ++i) {
    Shard& shard = hub_.shard(i);
    shard.executor().post([&shard, &reply_to, query, answers] {
      ShardView(shard).retained(query, [&reply_to, answers](Found found) {
        reply_to.post([answers, found = std::move(found)]() mutable {
          std::ranges::move(found, std::back_inserter(answers->gathered));
          answers->one_less();
        });
      });
    });
  }
}

void HubView::facts(Executor& reply_to, TenantId tenant, std::string client_id, std::string topic,
                    Done<std::optional<DeliveryFacts>> done) const {
  const std::size_t home = hub_.session_home(tenant, client_id);
  ask<std::optional<DeliveryFacts>>(
      hub_, home, reply_to,
      [tenant, client_id = std::move(client_id), topic = std::move(topic)](ShardView view) {
        return view.facts(tenant, client_id, topic);
      },
      std::move(done));
}

void HubView::end(Executor& reply_to, TenantId tenant, std::string client_id, State state, std::string detail,
                  Done<Result<SessionCondition>> done) const {
  const std::size_t home = hub_.session_home(tenant, client_id);
  ask<Result<SessionCondition>>(
      hub_, home, reply_to,
      [tenant, client_id = std::move(client_id), state, detail = std::move(detail)](ShardView view) {
        return view.end(tenant, client_id, state, detail);
      },
      std::move(done));
}

namespace {

void pass(Hub& hub, std::size_t rounds, Executor& reply_to, Task done) {
  if (rounds == 0) return done();
  const auto answers =
      gather<bool>(hub.shard_count(), true, [&hub, rounds, &reply_to, done = std::move(done)](bool) mutable {
        pass(hub, rounds - 1, reply_to, std::move(done));
      });
  for (std::size_t i = 0; i < hub.shard_count(); ++i) {
    hub.executor(i).post([&reply_to, answers] { reply_to.post([answers] { answers->one_less(); }); });
  }
}

}  // namespace

void HubView::settle(Executor& reply_to, Task done) const {
  pass(hub_, 2, reply_to, std::move(done));
}

}  // namespace dunlin::hub
