// Shard: queues that are too long for the memory, and those that are too long altogether.

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/log.h"
#include "hub/shard.h"
#include "hub/topic.h"

namespace dunlin::hub {
namespace {

constexpr std::size_t kDeletionsAtOnce = 4096;

}  // namespace

// ---- on the disk ----

void Shard::store_item(const Session& session, const Session::Queued& item) {
  rows_.put(store::Table::queue, encode_queue_key({session.instance_, item.sequence}),
            encode_queue_item(*item.message, item.qos, item.retain, item.identifiers));
}

void Shard::delete_item(QueueKey key) {
  rows_.put(store::Table::queue, encode_queue_key(key), std::nullopt);
}

void Shard::load_spilled(Session& session) {
  const std::uint64_t end = session.durable_->next_sequence;
  save(session, [this, ref = session.self_, end](const Result<void>& stored) {
    if (stored) return read_spilled(ref, end);
    load_spilled_later(ref);
  });
}

void Shard::load_spilled_later(SessionRef ref) {
  executor().schedule(kStoreRetryInterval, [this, ref] {
    Session* session = find(ref);
    if (session != nullptr && session->spills()) load_spilled(*session);
  });
}

void Shard::read_spilled(SessionRef ref, std::uint64_t end) {
  const Session* session = find(ref);
  if (session == nullptr || !session->spills()) return;
  store::Range range;
  range.begin = encode_queue_key({session->instance_, session->durable_->spilled.from});
  range.end = encode_queue_key({session->instance_, end});
  range.max_entries = std::max<std::size_t>(queue_room() / 2, 1);
  range.max_bytes = std::max<std::size_t>(limits().queue_memory_bytes / 2, 1);
  setup_.keyed->range(executor(), store::Table::queue, std::move(range),
                      [this, ref](Result<std::vector<store::Entry>> rows) {
                        Session* reader = find(ref);
                        if (reader == nullptr || !reader->spills()) return;
                        if (rows) return reader->take_loaded(std::move(*rows));
                        log::error("hub", "the stored messages of a session cannot be read",
                                   {{"error", rows.error().message}});
                        load_spilled_later(ref);
                      });
}

/// Of a session that has gone. What a restart interrupts is deleted at the start.
void Shard::delete_items(SessionInstance instance, std::uint64_t from, std::uint64_t end) {
  const std::uint64_t stop = std::min(end, from + kDeletionsAtOnce);
  for (; from < stop; ++from) delete_item({instance, from});
  if (stop == end) return;
  rows_.flush([this, instance, stop, end](const Result<void>&) { delete_items(instance, stop, end); });
}

// ---- a disk that cannot follow ----

void Shard::hold_for_disk(SessionRef publisher) {
  if (publisher.generation == 0 || !held_for_disk_.insert(publisher).second) return;
  metrics_.held_publishers.add();
  at_home(publisher, &Shard::hold);
  watch_disk();
}

void Shard::watch_disk() {
  if (std::exchange(watches_disk_, true)) return;
  executor().schedule(kDiskPatience, [this] {
    watches_disk_ = false;
    if (rows_.bytes() > kMaxUnwrittenBytes / 2 || retained_.is_behind()) return watch_disk();
    for (const SessionRef publisher : std::exchange(held_for_disk_, {})) at_home(publisher, &Shard::let_go);
  });
}

// ---- queues without room ----

Waiting Shard::room_of(const Session& session) const {
  if (session.durable_) return {limits().offline_messages, limits().offline_bytes};
  return {limits().memory_only_messages, limits().memory_only_bytes};
}

bool Shard::has_room(const Session& session) const {
  const Waiting all = session.waiting();
  const Waiting room = room_of(session);
  return all.messages <= room.messages / 2 && all.bytes <= room.bytes / 2;
}

void Shard::queue_is_full(Session& session) {
  Session::Outgoing& out = session.outgoing();
  if (!out.refused.empty()) return;
  session.for_each_subscription([&](std::string_view filter, const SubscriptionOptions& options) {
    if (options.qos != QoS::at_most_once && !is_shared(filter)) out.refused.emplace_back(filter);
  });
  metrics_.full_queues.add();
  log::refusal("hub", "a session's queue is full: publishers are refused", session.client_id(),
               {{"messages", session.waiting().messages}, {"bytes", session.waiting().bytes}});
  tell_refused(session, out.refused, Refusal::begins);
}

void Shard::queue_has_room(Session& session) {
  if (!session.outgoing_ || session.outgoing_->refused.empty()) return;
  metrics_.full_queues.add(-1);
  tell_refused(session, std::exchange(session.outgoing_->refused, {}), Refusal::ends);
}

void Shard::tell_refused(const Session& session, const std::vector<std::string>& filters, Refusal refusal) {
  for (std::uint16_t shard = 0; shard < shard_count(); ++shard) {
    post_to(shard, [tenant = session.principal()->tenant, filters, who = session.self_, refusal](Shard& at) {
      for (const std::string& filter : filters) at.refused_.set(tenant, filter, who, refusal);
    });
  }
}

bool Shard::refuses(TenantId tenant, std::string_view topic) {
  if (refused_.empty() || !refused_.matches(tenant, topic)) return false;
  metrics_.refused_full.add();
  return true;
}

}  // namespace dunlin::hub
