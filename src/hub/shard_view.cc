#include "hub/shard_view.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "hub/topic.h"

namespace dunlin::hub {
namespace {

bool filter_takes(std::string_view filter, std::string_view topic) {
  return filter_matches(split_shared(filter).filter, topic);
}

bool has_state(SessionQuery::State wanted, SessionCondition condition) {
  switch (wanted) {
    case SessionQuery::State::any:
      return true;
    case SessionQuery::State::slow:
      return condition == SessionCondition::slow;
    case SessionQuery::State::online:
      return condition != SessionCondition::offline;
    case SessionQuery::State::offline:
      return condition == SessionCondition::offline;
  }
  return false;
}

std::string session_key(SessionQuery::Order order, SessionCondition condition, std::size_t queued,
                        std::string_view client_id) {
  const std::string id(client_id);
  switch (order) {
    case SessionQuery::Order::state:
      return static_cast<char>('0' + static_cast<int>(condition)) + falling(queued) + id;
    case SessionQuery::Order::queued:
      return falling(queued) + id;
    case SessionQuery::Order::client_id:
      break;
  }
  return id;
}

}  // namespace

std::string falling(std::uint64_t number) {
  char text[24];
  std::snprintf(text, sizeof text, "%020llu", static_cast<unsigned long long>(~number));
  return text;
}

// ---- one session ----

Session* ShardView::find(TenantId tenant, const std::string& client_id) const {
  Session* session = shard_.session_of(tenant, client_id);
  return session == nullptr || Shard::group_of(*session) != nullptr ? nullptr : session;
}

std::size_t ShardView::queued_of(const Session& session) {
  return session.waiting().messages + (session.outgoing_ ? session.outgoing_->qos0.size() : 0);
}

WallTime ShardView::waiting_since(const Session& session) const {
  WallTime oldest{};
  const auto look = [&](const RingQueue<Session::Queued>& queue) {
    if (queue.empty()) return;
    const WallTime at = queue[0].message->received_at;
    if (oldest == WallTime{} || at < oldest) oldest = at;
  };
  if (!session.outgoing_) return oldest;
  look(session.outgoing_->queue);
  look(session.outgoing_->qos0);
  // A retained message is older than the wait for it.
  return oldest == WallTime{} ? oldest : std::max(oldest, session.state_since_);
}

SessionCondition ShardView::condition_of(const Session& session) const {
  if (session.link_ == nullptr) return SessionCondition::offline;
  if (session.outgoing_ && !session.outgoing_->held_publishers.empty()) return SessionCondition::slow;
  const WallTime since = waiting_since(session);
  const bool slow = since != WallTime{} && shard_.executor().wall_now() - since > kSlowAfter;
  return slow ? SessionCondition::slow : SessionCondition::online;
}

std::string ShardView::slow_reason(const Session& session) const {
  std::string text;
  const Session::Outgoing& out = *session.outgoing_;
  if (!out.held_publishers.empty()) {
    text = "its queue is past its limit and holds back " + std::to_string(out.held_publishers.size()) +
           " publisher(s); ";
  }
  const std::size_t unanswered = out.unacknowledged + out.storing;
  if (!session.link_->can_take()) {
    text += std::to_string(session.link_->describe().output_bytes) + " bytes wait for it to read";
  } else if (!session.window_open(out)) {
    text += std::to_string(unanswered) + " messages wait for its acknowledgement (Receive Maximum " +
            std::to_string(session.window_) + ")";
  } else {
    text += "messages wait for their turn";
  }
  return text;
}

SessionView ShardView::view_of(const Session& session) const {
  SessionView view;
  view.client_id = session.client_id();
  view.principal = session.principal();
  view.condition = condition_of(session);
  view.since = session.state_since_;
  if (view.condition == SessionCondition::slow) {
    view.slow_reason = slow_reason(session);
    view.slow_since = waiting_since(session);
  }
  view.protocol = session.names_.protocol();
  view.address = session.names_.peer();
  if (session.link_ != nullptr) view.link = session.link_->describe();
  view.expiry_seconds = session.expiry_seconds_;
  view.receive_maximum = session.window_;
  view.subscriptions = session.subscription_count();
  if (session.outgoing_) {
    const Session::Outgoing& out = *session.outgoing_;
    view.queued_qos0 = out.qos0.size();
    view.queued_qos0_bytes = out.qos0_bytes;
    for (std::size_t i = 0; i < out.in_flight.size(); ++i)
      view.in_flight_out += out.in_flight[i].state == Session::State::done ? 0 : 1;
    view.holds = out.held_publishers.size();
    if (view.holds > 0) view.holding_since = out.holding_since;
  }
  view.queued = session.waiting().messages;
  view.queued_bytes = session.waiting().bytes;
  if (session.durable_) {
    view.on_disk = session.durable_->spilled.messages;
    view.on_disk_bytes = session.durable_->spilled.bytes;
  }
  const Waiting room = shard_.room_of(session);
  view.room_messages = room.messages;
  view.room_bytes = room.bytes;
  if (session.outgoing_ && !session.outgoing_->refused.empty()) view.full = SessionView::Full::yes;
  view.in_flight_in = session.open_exchanges();
  view.held_by = session.holds_;
  if (session.activity_) view.activity = *session.activity_;
  return view;
}

std::optional<SessionView> ShardView::session(TenantId tenant, const std::string& client_id) {
  const Session* session = find(tenant, client_id);
  if (session == nullptr) return std::nullopt;
  return view_of(*session);
}

Result<SessionCondition> ShardView::end(TenantId tenant, const std::string& client_id, HubView::State state,
                                        const std::string& detail) {
  Session* session = find(tenant, client_id);
  if (session == nullptr) return fail(Errc::not_found, "there is no session \"" + client_id + "\"");
  const SessionCondition condition = condition_of(*session);
  const bool forget = state == HubView::State::forget;
  if (session->link_ == nullptr) {
    if (!forget) {
      return fail(Errc::conflict,
                  "the client is not connected; to remove what is kept for it, ask with forget=true");
    }
    if (shard_.tracer().on()) [[unlikely]]
      shard_.trace_session(TraceKind::ended, *session, detail);
    shard_.remove(*session);
    return condition;
  }
  shard_.metrics_.administrative.add();
  SessionLink* link = session->link_;
  Session::CloseOptions closing;
  closing.reason = end_reason_name(EndReason::administrative);
  if (forget) closing.expiry_seconds = 0;
  shard_.close(*session, std::move(closing));
  link->ended(EndReason::administrative, detail);
  return condition;
}

// ---- lists ----

bool ShardView::matches(const SessionQuery& query, const Session& session, SessionCondition condition) const {
  const std::string_view id = session.client_id();
  if (!has_state(query.state, condition)) return false;
  if (!id.starts_with(query.prefix)) return false;
  if (!query.contains.empty() && id.find(query.contains) == std::string_view::npos) return false;
  if (!query.thing.empty() && session.principal()->name != query.thing) return false;
  if (!query.address.empty() && session.names_.peer().find(query.address) == std::string_view::npos)
    return false;
  if (query.topic.empty()) return true;
  bool any = false;
  session.for_each_subscription([&](std::string_view filter, const SubscriptionOptions&) {
    any = any || filter_takes(filter, query.topic);
  });
  return any;
}

struct ShardView::SessionScan {
  SessionQuery query;
  SessionRows rows;
  std::move_only_function<void(SessionRows)> done;
  SubscriberId next = 0;
};

void ShardView::sessions(SessionQuery query, std::move_only_function<void(SessionRows)> done) {
  SessionRows rows(query.after, query.limit);
  // Shared with the turns that follow.
  step(std::make_shared<SessionScan>(SessionScan{std::move(query), std::move(rows), std::move(done)}));
}

void ShardView::step(std::shared_ptr<SessionScan> scan) {
  std::size_t budget = kViewStepsPerTurn;
  for (; scan->next < shard_.slots_.size() && budget > 0; ++scan->next, --budget) {
    const Session* session = shard_.slots_[scan->next].session;
    if (session == nullptr || session->principal()->tenant != scan->query.tenant) continue;
    if (Shard::group_of(*session) != nullptr) continue;
    if (!scan->query.topic.empty()) budget -= std::min(budget - 1, session->subscription_count());
    const SessionCondition condition = condition_of(*session);
    if (!matches(scan->query, *session, condition)) continue;
    std::string key = session_key(scan->query.order, condition, queued_of(*session), session->client_id());
    if (scan->rows.offer(key)) scan->rows.add(std::move(key), view_of(*session));
  }
  if (scan->next >= shard_.slots_.size()) return scan->done(std::move(scan->rows));
  shard_.executor().post([&shard = shard_, scan = std::move(scan)] { ShardView(shard).step(scan); });
}

struct ShardView::SubscriptionScan {
  SubscriptionQuery query;
  SubscriptionRows rows;
  std::move_only_function<void(SubscriptionRows)> done;
  SubscriberId next = 0;
};

void ShardView::subscriptions(SubscriptionQuery query, std::move_only_function<void(SubscriptionRows)> done) {
  SubscriptionRows rows(query.after, query.limit);
  step(std::make_shared<SubscriptionScan>(
      SubscriptionScan{std::move(query), std::move(rows), std::move(done)}));
}

void ShardView::step(std::shared_ptr<SubscriptionScan> scan) {
  const SubscriptionQuery& query = scan->query;
  std::size_t budget = kViewStepsPerTurn;
  for (; scan->next < shard_.slots_.size() && budget > 0; ++scan->next, --budget) {
    const Session* session = shard_.slots_[scan->next].session;
    if (session == nullptr || session->principal()->tenant != query.tenant) continue;
    if (Shard::group_of(*session) != nullptr) continue;  // its members have the subscriptions
    if (!query.client_id.empty() && session->client_id() != query.client_id) continue;
    budget -= std::min(budget - 1, session->subscription_count());
    session->for_each_subscription([&](std::string_view filter, const SubscriptionOptions& options) {
      if (!query.filter.empty() && filter != query.filter) return;
      if (!query.topic.empty() && !filter_takes(filter, query.topic)) return;
      const std::string id(session->client_id());
      // No client id and no filter has this character (MQTT 5.0 section 1.5.4).
      std::string key = id + '\0' + std::string(filter);
      if (!scan->rows.offer(key)) return;
      scan->rows.add(std::move(key), {id, std::string(filter), options, condition_of(*session)});
    });
  }
  if (scan->next >= shard_.slots_.size()) return scan->done(std::move(scan->rows));
  shard_.executor().post([&shard = shard_, scan = std::move(scan)] { ShardView(shard).step(scan); });
}

struct ShardView::RetainedScan {
  RetainedQuery query;
  std::vector<MessageRef> found;
  std::move_only_function<void(std::vector<MessageRef>)> done;
};

void ShardView::retained(RetainedQuery query, std::move_only_function<void(std::vector<MessageRef>)> done) {
  step(std::make_shared<RetainedScan>(RetainedScan{std::move(query), {}, std::move(done)}));
}

void ShardView::step(std::shared_ptr<RetainedScan> scan) {
  RetainedQuery& query = scan->query;
  RetainedStore::Walk walk = shard_.retained_.walk(
      query.tenant, query.filter, {query.after, query.limit - scan->found.size(), kViewStepsPerTurn},
      shard_.executor().wall_now());
  std::ranges::move(walk.found, std::back_inserter(scan->found));
  if (walk.more == RetainedStore::Walk::More::no || scan->found.size() >= query.limit)
    return scan->done(std::move(scan->found));
  query.after = std::move(walk.last);
  shard_.executor().post([&shard = shard_, scan = std::move(scan)] { ShardView(shard).step(scan); });
}

// ---- facts ----

namespace {

/// Where a filter that does not match parts from the topic. `level` counts from 1.
DeliveryFacts::Nearest difference(const std::string& filter, std::string_view topic) {
  DeliveryFacts::Nearest nearest{filter, 0, {}, {}};
  std::string_view inner = split_shared(filter).filter;
  const bool hidden = topic.starts_with('$') && (inner.starts_with('+') || inner.starts_with('#'));
  bool more_filter = true;
  bool more_topic = true;
  for (nearest.level = 1;; ++nearest.level) {
    const LevelSplit f = more_filter ? split_level(inner) : LevelSplit{};
    const LevelSplit t = more_topic ? split_level(topic) : LevelSplit{};
    const bool same = more_filter && more_topic && !hidden && (f.level == "+" || f.level == t.level);
    if (!same) {
      if (more_filter) nearest.wanted = f.level;
      if (more_topic) nearest.found = t.level;
      return nearest;
    }
    inner = f.rest;
    topic = t.rest;
    more_filter = f.more;
    more_topic = t.more;
    if (!more_filter && !more_topic) return nearest;
  }
}

}  // namespace

std::optional<DeliveryFacts> ShardView::facts(TenantId tenant, const std::string& client_id,
                                              std::string_view topic) {
  const Session* session = find(tenant, client_id);
  if (session == nullptr) return std::nullopt;
  DeliveryFacts facts;
  facts.session = view_of(*session);
  session->for_each_subscription([&](std::string_view filter, const SubscriptionOptions& options) {
    if (filter_takes(filter, topic)) {
      if (facts.matching.size() < kMaxMatchingShown) facts.matching.push_back({std::string(filter), options});
      return;
    }
    DeliveryFacts::Nearest other = difference(std::string(filter), topic);
    if (!facts.nearest || other.level > facts.nearest->level) facts.nearest = std::move(other);
  });
  return facts;
}

}  // namespace dunlin::hub
