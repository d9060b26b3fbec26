// Shard: retained messages on their way to new subscriptions. There may be a million of them for one
// SUBSCRIBE: they go out in portions, one session's after the other's, and no further ahead than the client
// reads.

#include <utility>

#include "hub/shard.h"
#include "hub/topic.h"

namespace dunlin::hub {

std::vector<MessageRef> Shard::match_retained(TenantId tenant, std::string_view filter) {
  return retained_.match(tenant, filter, executor().wall_now());
}

RetainedStore::Walk Shard::walk_retained(TenantId tenant, std::string_view filter, std::string_view after) {
  if (!has_wildcard(filter)) {
    RetainedStore::Walk exact;
    exact.found = match_retained(tenant, filter);
    return exact;
  }
  return retained_.walk(tenant, filter,
                        {.after = after, .max_found = kRetainedPortion, .max_steps = kRetainedSteps},
                        executor().wall_now());
}

void Shard::owe_retained(const Session& session, const RetainedDue& due, std::uint64_t subscribe) {
  RetainedWalk& walk = walks_[session.self_.slot].owed[due.filter];
  const bool repeated = walk.number == subscribe;
  const auto again = static_cast<std::uint16_t>(repeated ? walk.again + 1 : 0);
  walk = {.options = due.options, .number = subscribe, .again = again};
}

std::vector<RetainedDue> Shard::retained_owed(const Session& session) const {
  std::vector<RetainedDue> due;
  const auto found = walks_.find(session.self_.slot);
  if (found == walks_.end()) return due;
  for (const auto& [filter, walk] : found->second.owed) due.push_back({filter, walk.options});
  return due;
}

void Shard::forget_retained(const Session& session, std::string_view filter) {
  const auto found = walks_.find(session.self_.slot);
  if (found == walks_.end()) return;
  auto& owed = found->second.owed;
  if (const auto walk = owed.find(filter); walk != owed.end()) owed.erase(walk);
}

/// The first portion goes at once: few subscriptions have more.
void Shard::begin_retained(Session& session) {
  const auto found = walks_.find(session.self_.slot);
  if (found == walks_.end()) return;
  const auto state = found->second.state;
  if (state == RetainedWalks::State::idle) walk_some(session, found->second);
}

void Shard::go_on_with_retained(Session& session) {
  const auto found = walks_.find(session.self_.slot);
  if (found == walks_.end() || found->second.state != RetainedWalks::State::waiting) return;
  make_due(session, found->second);
}

void Shard::make_due(const Session& session, RetainedWalks& walks) {
  walks.state = RetainedWalks::State::due;
  due_walks_.push(SessionRef(session.self_));
  if (due_walks_.size() == 1) executor().post([this] { run_due_walk(); });
}

/// One portion of one session a turn, so that neither many messages nor many subscribers hold up the rest.
void Shard::run_due_walk() {
  const SessionRef ref = due_walks_.pop();
  if (!due_walks_.empty()) executor().post([this] { run_due_walk(); });
  Session* session = find(ref);
  const auto found = walks_.find(ref.slot);
  if (session == nullptr || found == walks_.end()) return;
  if (found->second.state == RetainedWalks::State::due) walk_some(*session, found->second);
}

void Shard::walk_some(Session& session, RetainedWalks& walks) {
  const SessionRef ref = session.self_;
  for (std::size_t given = 0; !walks.owed.empty();) {
    if (!session.has_room_for_retained()) {
      walks.state = RetainedWalks::State::waiting;
      session.outgoing().retained_waits = true;
      return;
    }
    if (given >= kRetainedPortion) return make_due(session, walks);
    const auto& [filter, walk] = *walks.owed.begin();
    const TenantId tenant = session.principal()->tenant;
    const std::uint16_t shard = walked_shard(tenant, filter, walk.place);
    if (shard != index()) return ask_for_retained(session, walks, shard);
    RetainedStore::Walk portion = walk_retained(tenant, filter, walk.after);
    // Looking costs too.
    given += portion.more == RetainedStore::Walk::More::yes ? kRetainedPortion : portion.found.size() + 1;
    take_retained(session, walks, std::move(portion));
  }
  const bool changed = session.durable_ != nullptr;
  walks_.erase(ref.slot);
  if (changed) session.changed();
}

/// Its own first: what a client has published itself is there already.
std::uint16_t Shard::walked_shard(TenantId tenant, std::string_view filter, std::uint16_t place) const {
  if (!has_wildcard(filter)) return shard_of(tenant, filter);
  return static_cast<std::uint16_t>((index() + place) % shard_count());
}

void Shard::ask_for_retained(Session& session, RetainedWalks& walks, std::uint16_t shard) {
  walks.state = RetainedWalks::State::asking;
  const auto& [filter, walk] = *walks.owed.begin();
  flush_parcels(shard);  // what this shard has published before must be there first
  post_to(shard, [ref = session.self_, tenant = session.principal()->tenant, filter, after = walk.after,
                  number = walk.number](Shard& other) {
    other.post_to(ref.shard,
                  [ref, number, portion = other.walk_retained(tenant, filter, after)](Shard& asker) mutable {
                    asker.answered_retained(ref, number, std::move(portion));
                  });
  });
}

void Shard::answered_retained(SessionRef ref, std::uint64_t number, RetainedStore::Walk portion) {
  Session* session = find(ref);
  const auto found = walks_.find(ref.slot);
  if (session == nullptr || found == walks_.end()) return;
  RetainedWalks& walks = found->second;
  if (walks.state != RetainedWalks::State::asking) return;
  // The subscription may have gone, or have been made anew, in between.
  if (!walks.owed.empty() && walks.owed.begin()->second.number == number)
    take_retained(*session, walks, std::move(portion));
  make_due(*session, walks);
}

void Shard::take_retained(Session& session, RetainedWalks& walks, RetainedStore::Walk portion) {
  const auto first = walks.owed.begin();
  RetainedWalk& walk = first->second;
  work_ += portion.found.size();
  for (const MessageRef& message : portion.found) session.deliver_retained(message, walk.options);
  if (portion.more == RetainedStore::Walk::More::yes) {
    walk.after = std::move(portion.last);
  } else if (has_wildcard(first->first) && walk.place + 1 < shard_count()) {
    ++walk.place;
    walk.after.clear();
  } else if (walk.again > 0) {
    walk = {
        .options = walk.options, .number = walk.number, .again = static_cast<std::uint16_t>(walk.again - 1)};
  } else {
    walks.owed.erase(first);
  }
  session.pump();
}

}  // namespace dunlin::hub
