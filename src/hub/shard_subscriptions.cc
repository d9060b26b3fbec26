// Shard: subscriptions, what the other shards know of them, and retained messages.

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

void Shard::add_interest(InterestKey key) {
  if (setup_.shards.size() == 1 || !interest_.add(key)) return;
  interest_.expect(key, setup_.shards.size() - 1);
  for (std::uint16_t shard = 0; shard < shard_count(); ++shard) {
    if (shard == index()) continue;
    post_to(shard, [key, from = index()](Shard& other) {
      other.router_.add_foreign(key, from);
      other.post_to(from, [key](Shard& asker) { asker.interest_.acknowledged(key); });
    });
  }
}

void Shard::remove_interest(InterestKey key) {
  if (setup_.shards.size() == 1 || !interest_.remove(key)) return;
  for (std::uint16_t shard = 0; shard < shard_count(); ++shard) {
    if (shard == index()) continue;
    post_to(shard, [key, from = index()](Shard& other) { other.router_.remove_foreign(key, from); });
  }
}

void Shard::subscribe(Session& session, std::vector<SubscribeRequest> requests, Session::SubscribeDone done) {
  const TenantId tenant = session.principal()->tenant;
  std::vector<Result<void>> results;
  std::vector<std::pair<std::string, SubscriptionOptions>> wants_retained;
  std::vector<InterestKey> keys;
  for (SubscribeRequest& request : requests) {
    const auto known = session.subscriptions_.find(request.filter);
    const bool fresh = known == session.subscriptions_.end();
    if (fresh && session.subscriptions_.size() >= limits().subscriptions_per_session) {
      results.push_back(fail(Errc::limit_exceeded, "the session has too many subscriptions"));
      continue;
    }
    router_.add(tenant, request.filter, {session.self_.slot, request.options});
    session.subscriptions_.insert_or_assign(request.filter, request.options);
    const InterestKey key = interest_key(tenant, request.filter);
    if (fresh) add_interest(key);
    keys.push_back(key);
    using Handling = SubscribeRequest::RetainHandling;
    const bool retained = request.retain_handling == Handling::send ||
                          (fresh && request.retain_handling == Handling::send_if_new);
    if (retained) wants_retained.emplace_back(std::move(request.filter), request.options);
    results.push_back({});
  }
  metrics_.subscriptions.set(static_cast<std::int64_t>(router_.subscription_count()));
  Task finished = [this, ref = session.self_, attachment = session.attachment_, done = std::move(done),
                   results = std::move(results), wants_retained = std::move(wants_retained)]() mutable {
    if (!is_attached(ref, attachment)) return;
    done(results);
    if (!is_attached(ref, attachment)) return;
    for (const auto& [filter, options] : wants_retained) send_retained(*find(ref), filter, options);
  };
  // Shared by the steps that must finish before the answer: the other shards' knowledge and the stored
  // session.
  const auto countdown = std::make_shared<Countdown>(Countdown{keys.size() + 1, std::move(finished)});
  for (const InterestKey key : keys) interest_.when_known(key, [countdown] { countdown->step(); });
  if (!session.persistent()) {
    return countdown->step();
  }
  save(session, [this, countdown, ref = session.self_](const Result<void>& stored) {
    if (stored) return countdown->step();
    end(ref, EndReason::shutdown, "the subscriptions cannot be stored");
  });
}

void Shard::unsubscribe(Session& session, const std::vector<std::string>& filters,
                        Session::UnsubscribeDone done) {
  std::vector<bool> existed;
  for (const std::string& filter : filters) {
    const bool known = session.subscriptions_.contains(filter);
    if (known) drop_subscription(session, filter);
    existed.push_back(known);
  }
  if (!session.persistent()) {
    return done(existed);
  }
  save(session, [this, ref = session.self_, attachment = session.attachment_, done = std::move(done),
                 existed = std::move(existed)](const Result<void>& stored) mutable {
    if (!stored) return end(ref, EndReason::shutdown, "the subscriptions cannot be stored");
    if (is_attached(ref, attachment)) done(existed);
  });
}

void Shard::drop_subscription(Session& session, std::string_view filter) {
  const TenantId tenant = session.principal()->tenant;
  router_.remove(tenant, filter, session.self_.slot);
  remove_interest(interest_key(tenant, filter));
  session.subscriptions_.erase(session.subscriptions_.find(filter));
  metrics_.subscriptions.set(static_cast<std::int64_t>(router_.subscription_count()));
}

std::vector<MessageRef> Shard::match_retained(TenantId tenant, std::string_view filter) {
  return retained_.match(tenant, filter, executor().wall_now());
}

void Shard::send_retained(Session& session, const std::string& filter, const SubscriptionOptions& options) {
  const TenantId tenant = session.principal()->tenant;
  const bool everywhere = has_wildcard(filter);
  const std::uint16_t home = shard_of(tenant, filter);
  const SessionRef ref = session.self_;
  const Attachment attachment = session.attachment_;
  for (std::uint16_t shard = 0; shard < shard_count(); ++shard) {
    if (!everywhere && shard != home) continue;
    if (shard == index()) {
      take_retained(ref, attachment, match_retained(tenant, filter), options);
      continue;
    }
    flush_parcels(shard);  // what this shard has published before must be there first
    post_to(shard, [ref, attachment, tenant, filter, options](Shard& other) {
      other.post_to(ref.shard, [ref, attachment, options, found = other.match_retained(tenant, filter)](
                                   Shard& asker) { asker.take_retained(ref, attachment, found, options); });
    });
  }
}

void Shard::take_retained(SessionRef ref, Attachment attachment, const std::vector<MessageRef>& messages,
                          const SubscriptionOptions& options) {
  if (messages.empty() || !is_attached(ref, attachment)) return;
  Session& session = *find(ref);
  for (const MessageRef& message : messages) session.deliver_retained(message, options);
  session.pump();
}

}  // namespace dunlin::hub
