// Shard: subscriptions and what the other shards know of them.

#include <algorithm>
#include <utility>

#include "hub/shard.h"
#include "hub/topic.h"

namespace dunlin::hub {
namespace {

/// Runs `done` after the last step. Shared by the steps; if one of them never happens, nothing runs.
struct Countdown {
  std::size_t left;
  Task done;
  void step() {
    if (--left == 0) done();
  }
};

}  // namespace

/// Services ask whether somebody hears what they would say: below '$', where nothing but they speaks.
void Shard::hear(TenantId tenant, std::string_view filter) {
  if (filter.starts_with('$')) heard_.add(interest_key(tenant, filter));
}

void Shard::hear_no_more(TenantId tenant, std::string_view filter) {
  if (filter.starts_with('$')) heard_.remove(interest_key(tenant, filter));
}

bool Shard::is_heard(TenantId tenant, std::string_view topic) const {
  return heard_.may_match(tenant, topic) || router_.may_be_foreign(tenant, topic);
}

void Shard::add_interest(TenantId tenant, std::string_view filter) {
  hear(tenant, filter);
  const InterestKey key = interest_key(tenant, filter);
  if (setup_.shards.size() == 1 || !interest_.add(key)) return;
  interest_.expect(key, setup_.shards.size() - 1);
  for (std::uint16_t shard = 0; shard < shard_count(); ++shard) {
    if (shard == index()) continue;
    post_to(shard, [key, from = index()](Shard& other) {
      other.router_.add_foreign(key, from);
      other.post_to(from, [key, other = other.index(), routed = other.routed_](Shard& asker) {
        asker.taken_[other] = std::max(asker.taken_[other], routed);
        asker.interest_.acknowledged(key);
      });
    });
  }
}

void Shard::remove_interest(TenantId tenant, std::string_view filter) {
  hear_no_more(tenant, filter);
  const InterestKey key = interest_key(tenant, filter);
  if (setup_.shards.size() == 1 || !interest_.remove(key)) return;
  for (std::uint16_t shard = 0; shard < shard_count(); ++shard) {
    if (shard == index()) continue;
    post_to(shard, [key, from = index()](Shard& other) { other.router_.remove_foreign(key, from); });
  }
}

void Shard::subscribe(Session& session, std::vector<SubscribeRequest> requests, Session::SubscribeDone done) {
  const TenantId tenant = session.principal()->tenant;
  std::vector<Result<void>> results;
  std::vector<InterestKey> keys;
  std::vector<std::pair<std::string, SubscriptionOptions>> joins;
  const std::uint64_t subscribe = next_subscribe();
  for (SubscribeRequest& request : requests) {
    const bool fresh = !session.is_subscribed(router_, request.filter);
    if (fresh && session.subscription_count() >= limits().subscriptions_per_session) {
      results.push_back(fail(Errc::limit_exceeded, "the session has too many subscriptions"));
      continue;
    }
    if (fresh && !may_subscribe_more(session)) {
      results.push_back(fail(Errc::limit_exceeded, "the server is short of memory"));
      continue;
    }
    results.push_back({});
    if (is_shared(request.filter)) {
      session.shared_part().subscriptions.insert_or_assign(request.filter, request.options);
      joins.emplace_back(std::move(request.filter), request.options);
      continue;
    }
    const Filter* filter =
        router_.place(tenant, request.filter, {session.self_.slot, request.options}).filter;
    if (fresh) session.filters_.add(filter);
    if (fresh) add_interest(tenant, request.filter);
    keys.push_back(interest_key(tenant, request.filter));
    using Handling = SubscribeRequest::RetainHandling;
    const bool retained = request.retain_handling == Handling::send ||
                          (fresh && request.retain_handling == Handling::send_if_new);
    if (retained) owe_retained(session, {request.filter, request.options}, subscribe);
  }
  metrics_.subscriptions.set(static_cast<std::int64_t>(router_.subscription_count()));
  if (session.persistent() && durable()) session.make_durable();
  Task finished = [this, ref = session.self_, attachment = session.attachment_, done = std::move(done),
                   results = std::move(results)]() mutable {
    if (!is_attached(ref, attachment)) return;
    done(results);
    if (is_attached(ref, attachment)) begin_retained(*find(ref));
  };
  // The row says which messages the session has been given: it is written when the other shards have said
  // how far they are.
  Task known_everywhere = [this, ref = session.self_, finished = std::move(finished)]() mutable {
    Session* subscriber = find(ref);
    if (subscriber == nullptr || !subscriber->persistent()) return finished();
    save_soon(*subscriber, [this, ref, finished = std::move(finished)](const Result<void>& stored) mutable {
      if (stored) return finished();
      end(ref, EndReason::shutdown, "the subscriptions cannot be stored");
    });
  };
  // Shared by the steps that must finish before the answer.
  const auto countdown =
      std::make_shared<Countdown>(Countdown{keys.size() + joins.size() + 1, std::move(known_everywhere)});
  for (const InterestKey key : keys) interest_.when_known(key, [countdown] { countdown->step(); });
  for (const auto& [filter, options] : joins) {
    join_group(session, filter, options, [this, countdown, ref = session.self_](const Result<void>& joined) {
      if (joined) return countdown->step();
      end(ref, EndReason::shutdown, "the subscriptions cannot be stored");
    });
  }
  countdown->step();
}

void Shard::unsubscribe(Session& session, const std::vector<std::string>& filters,
                        Session::UnsubscribeDone done) {
  std::vector<bool> existed;
  for (const std::string& filter : filters) {
    const bool exists = session.is_subscribed(router_, filter);
    if (exists && is_shared(filter)) {
      leave_group(session, filter);
    } else if (exists) {
      drop_subscription(session, *router_.find(session.principal()->tenant, filter));
    }
    existed.push_back(exists);
  }
  if (!session.persistent()) {
    return done(existed);
  }
  save_soon(session, [this, ref = session.self_, attachment = session.attachment_, done = std::move(done),
                      existed = std::move(existed)](const Result<void>& stored) mutable {
    if (!stored) return end(ref, EndReason::shutdown, "the subscriptions cannot be stored");
    if (is_attached(ref, attachment)) done(existed);
  });
}

void Shard::drop_subscription(Session& session, const Filter& filter) {
  const TenantId tenant = session.principal()->tenant;
  forget_retained(session, filter.text());
  remove_interest(tenant, filter.text());
  session.filters_.remove(&filter);
  router_.remove(tenant, filter.text(), session.self_.slot);  // and with it, perhaps, the filter
  metrics_.subscriptions.set(static_cast<std::int64_t>(router_.subscription_count()));
}

}  // namespace dunlin::hub
