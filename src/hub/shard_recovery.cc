// Shard: what a restart finds again, and the checkpoints that keep the journal short.

#include <algorithm>
#include <utility>

#include "base/core/assert.h"
#include "base/log.h"
#include "hub/shard.h"

namespace dunlin::hub {
namespace {

constexpr std::string_view kCursor = "hub";
constexpr std::size_t kReplayRecords = 1024;
constexpr std::size_t kReplayBytes = 4 * 1024 * 1024;

}  // namespace

void Shard::load_session(TenantId tenant, const std::string& client_id, SessionRecord record) {
  auto principal = std::make_shared<Principal>();
  principal->tenant = tenant;
  principal->name = record.principal_name;
  principal->client_id = client_id;
  OpenOptions options;
  options.principal = std::move(principal);
  options.client_id = client_id;
  options.expiry_seconds = record.expiry_seconds;
  Session& session = make_session(tenant_key(tenant, client_id), std::move(options), record.instance);
  session.stored_ = true;
  session.stored_at_ = {record.journal, record.journal_position};
  for (const std::uint16_t id : record.open_exchanges) session.inbound_.emplace(id, Session::Exchange::open);
  for (const auto& [filter, subscription] : record.subscriptions) {
    router_.add(tenant, filter, {session.self_.slot, subscription});
    add_interest(interest_key(tenant, filter));
  }
  session.subscriptions_.insert(record.subscriptions.begin(), record.subscriptions.end());
  // One that was connected when the program ended has been absent since now.
  const WallTime now = executor().wall_now();
  go_offline(session,
             record.offline_since == 0 ? now : std::min(now, from_unix_nanoseconds(record.offline_since)));
  if (record.offline_since == 0)
    changed_exchanges_.insert(session.self_);  // saved after the replay, by a checkpoint
  metrics_.subscriptions.set(static_cast<std::int64_t>(router_.subscription_count()));
}

void Shard::load_retained(const std::string& value) {
  if (Result<void> loaded = retained_.load(value); !loaded) {
    metrics_.unreadable.add();
    log::error("hub", "a retained message cannot be read", {{"error", loaded.error().message}});
  }
  metrics_.retained.set(static_cast<std::int64_t>(retained_.count()));
}

void Shard::replay_journal(std::move_only_function<void(Result<void>)> done) {
  if (log() == nullptr) return done({});
  const Result<store::Position> cursor = log()->cursor(kCursor);
  const store::Position start = cursor ? *cursor : log()->first() - 1;
  if (!cursor) log()->set_cursor(kCursor, start);
  routed_ = log()->committed();
  replay_page(std::make_shared<MessageDecoder>(), start,
              std::move(done));  // shared: by the pages, one after the other
}

void Shard::replay_page(std::shared_ptr<MessageDecoder> decoder, store::Position after,
                        std::move_only_function<void(Result<void>)> done) {
  Result<std::vector<store::Record>> records = log()->read(after, kReplayRecords, kReplayBytes);
  if (!records) return done(std::unexpected(std::move(records).error()));
  if (records->empty()) {
    for (std::uint16_t shard = 0; shard < shard_count(); ++shard) flush_parcels(shard);
    return done({});
  }
  for (const store::Record& record : *records) {
    if (Result<void> replayed = replay_record(record, *decoder); !replayed) {
      metrics_.unreadable.add();
      log::error("hub", "a stored message cannot be read",
                 {{"position", record.position}, {"error", replayed.error().message}});
    }
  }
  executor().post(
      [this, decoder = std::move(decoder), after = records->back().position,
       done = std::move(done)]() mutable { replay_page(std::move(decoder), after, std::move(done)); });
}

Result<void> Shard::replay_record(const store::Record& record, MessageDecoder& decoder) {
  const JournalPosition at{index(), record.position};
  if (record.kind == static_cast<std::uint8_t>(RecordKind::release)) {
    DUNLIN_TRY(Release release, decode_release(record.bytes.view()));
    post_to(shard_of(release.tenant, release.client_id), [release, at](Shard& home) {
      home.replay_exchange(release.tenant, release.client_id, release.instance, release.packet_id, at,
                           RecordKind::release);
    });
    return {};
  }
  if (record.kind != static_cast<std::uint8_t>(RecordKind::message)) return {};
  DUNLIN_TRY(DecodedMessage decoded, decoder.decode(record.bytes));
  const TenantId tenant = decoded.message.principal->tenant;
  if (decoded.instance != 0) {
    const std::string client_id = decoded.message.principal->client_id;
    post_to(shard_of(tenant, client_id), [tenant, client_id, decoded, at](Shard& home) {
      home.replay_exchange(tenant, client_id, decoded.instance, decoded.packet_id, at, RecordKind::message);
    });
  }
  if (decoded.message.retain == Message::Retain::yes) {
    decoded.message.position = record.position;
    retain(std::make_shared<const Message>(std::move(decoded.message)));
  }
  return {};
}

void Shard::replay_exchange(TenantId tenant, const std::string& client_id, SessionInstance instance,
                            std::uint16_t packet_id, JournalPosition at, RecordKind kind) {
  const auto found = sessions_.find(tenant_key(tenant, client_id));
  if (found == sessions_.end() || found->second->instance_ != instance) return;
  Session& session = *found->second;
  if (session.stored_at_.journal == at.journal && at.position <= session.stored_at_.position) return;
  if (kind == RecordKind::message) {
    session.inbound_.emplace(packet_id, Session::Exchange::open);
  } else {
    session.inbound_.erase(packet_id);
  }
  changed_exchanges_.insert(session.self_);
}

void Shard::start_checkpoints() {
  if (log() != nullptr || setup_.keyed != nullptr) checkpoint_later();
}

void Shard::checkpoint_later() {
  executor().schedule(kCheckpointInterval, [this] {
    checkpoint([this](const Result<void>& result) {
      if (!result) log::error("hub", "a checkpoint failed", {{"error", result.error().message}});
      checkpoint_later();
    });
  });
}

namespace {

/// Counts the answers of several stores and reports the first error. Shared by the answers.
struct Gathering {
  std::size_t left = 0;
  Result<void> result;
  std::move_only_function<void(Result<void>)> done;
  void answer(Result<void> part) {
    if (!part && result) result = std::move(part);
    if (--left == 0) done(std::move(result));
  }
};

}  // namespace

void Shard::checkpoint(std::move_only_function<void(Result<void>)> done) {
  const store::Position reached = routed_;
  for (const SessionRef ref : std::exchange(changed_exchanges_, {})) {
    if (Session* session = find(ref); session != nullptr && session->persistent()) save(*session);
  }
  for (const auto& [id, feed] : feeds_) feed->advance_cursor();
  auto gathering = std::make_shared<Gathering>();  // shared: by the answers of all shards
  gathering->left = setup_.shards.size() + 1;
  gathering->done = [this, reached, done = std::move(done)](Result<void> result) mutable {
    if (result && log() != nullptr) log()->set_cursor(kCursor, reached);
    done(std::move(result));
  };
  session_rows_.flush([gathering](Result<void> result) { gathering->answer(std::move(result)); });
  for (std::uint16_t shard = 0; shard < shard_count(); ++shard) {
    flush_parcels(shard);
    post_to(shard, [from = index(), gathering](Shard& other) {
      other.flush_retained([from, gathering, &other](Result<void> result) {
        other.post_to(from, [gathering, result = std::move(result)](Shard&) mutable {
          gathering->answer(std::move(result));
        });
      });
    });
  }
}

}  // namespace dunlin::hub
