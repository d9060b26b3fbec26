// Shard: sessions that a restart finds in their rows.

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "hub/shard.h"
#include "hub/topic.h"

namespace dunlin::hub {

void Shard::load_session(TenantId tenant, const std::string& client_id, SessionRecord record) {
  auto principal = std::make_shared<Principal>();
  principal->tenant = tenant;
  principal->name = record.principal_name;
  principal->client_id = client_id;
  if (record.expiry_seconds == 0) {
    if (!record.will) return rows_.put(store::Table::session, tenant_key(tenant, client_id), std::nullopt);
    record.will->message.principal = std::move(principal);
    orphan_wills_.push_back({tenant_key(tenant, client_id), std::move(record.will->message)});
    return;
  }
  OpenOptions options;
  options.principal = std::move(principal);
  options.client_id = client_id;
  options.expiry_seconds = record.expiry_seconds;
  if (record.will) {
    options.will = std::make_unique<Will>();
    options.will->message = std::move(record.will->message);
    options.will->delay_seconds = record.will->delay_seconds;
  }
  Session& session = make_session(std::move(options), record.instance);
  session.stored_ = true;
  session.absence().stored_at = {record.journal, record.journal_position};
  for (const std::uint16_t id : record.open_exchanges) session.inbound().set(id, Exchanges::State::open);
  if (is_shared(client_id)) {
    session.shared_part().group = std::make_unique<SharedGroup>(*this, session);
    metrics_.shared_groups.add();
  }
  for (const auto& [filter, subscription] : record.subscriptions) {
    if (is_shared(filter)) {
      session.shared_part().subscriptions.emplace(filter, subscription);  // rejoin_groups() goes on
      continue;
    }
    session.filters_.add(router_.place(tenant, filter, {session.self_.slot, subscription}).filter);
    add_interest(tenant, filter);
  }
  if (durable()) session.restore(record);
  const SessionInstance instance = record.instance;
  loading_.emplace(instance, Loading{session.self_, std::move(record), {}});
  metrics_.subscriptions.set(static_cast<std::int64_t>(router_.subscription_count()));
}

void Shard::load_item(QueueKey key, const std::string& value) {
  const auto found = loading_.find(key.instance);
  const auto is_held = [&] {
    return std::ranges::find(found->second.record.held, key.sequence) != found->second.record.held.end();
  };
  const bool held = found != loading_.end() && (key.sequence & kHeldBit) != 0 && is_held();
  const bool wanted = held || (found != loading_.end() && key.sequence < found->second.record.end_sequence);
  if (!wanted) return delete_item(key);
  Result<QueueItem> item = decode_queue_item(value, item_decoder_);
  if (item) {
    Session& session = *find(found->second.session);
    if (held) return session.restore_held(key.sequence, std::move(*item));
    return key.sequence < found->second.record.queue_from
               ? session.restore_in_flight(key.sequence, std::move(*item))
               : session.restore_waiting(key.sequence, std::move(*item));
  }
  metrics_.unreadable.add();
  log::error("hub", "a stored message of a session cannot be read", {{"error", item.error().message}});
}

void Shard::finish_loading() {
  retained_.loaded();
  for (const auto& [instance, loading] : std::exchange(loading_, {})) {
    if (Session* session = find(loading.session)) finish_loading(*session, loading);
  }
  for (OrphanWill& will : std::exchange(orphan_wills_, {})) {
    if (!may_publish_will(will.message)) {
      drop_row(will.key);
      continue;
    }
    will.message.received_at = take_arrival_time();
    publish_in_process(std::move(will.message), [this, key = std::move(will.key)](const Result<void>& sent) {
      if (sent) drop_row(key);
    });
  }
}

void Shard::finish_loading(Session& session, const Loading& loading) {
  if (session.durable_) {
    for (const DeliveryNote& note : loading.notes) session.apply(note);
    session.finish_restore();
  }
  // One that was connected when the program ended has been absent since now.
  const WallTime now = executor().wall_now();
  const std::int64_t since = loading.record.offline_since;
  const WallTime gone_since = since == 0 ? now : std::min(now, from_unix_nanoseconds(since));
  if (since == 0) changed(session.self_);
  if (group_of(session) != nullptr) return;
  schedule_will(session, gone_since);
  begin_retained(session);
  if (session.above_high_mark()) overloaded(session, {});
  go_offline(session, gone_since);
}

}  // namespace dunlin::hub
