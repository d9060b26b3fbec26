// Shard: what a restart finds in the journal, and the checkpoints that keep the journal short.

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
    replay_ended();
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

/// Tells the others how far this journal has been given to them.
void Shard::replay_ended() {
  for (std::uint16_t shard = 0; shard < shard_count(); ++shard) {
    flush_parcels(shard);
    post_to(shard, [from = index(), reached = routed_](Shard& other) { other.taken_[from] = reached; });
  }
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
  if (record.kind == static_cast<std::uint8_t>(RecordKind::delivery)) {
    DUNLIN_TRY(std::vector<DeliveryNote> notes, decode_deliveries(record.bytes.view()));
    for (std::uint16_t shard = 0; shard < shard_count(); ++shard)
      post_to(shard, [notes](Shard& home) { home.replay_deliveries(notes); });
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
  const bool retained = decoded.message.retain == Message::Retain::yes;
  if (!retained && loading_.empty() && !router_.has_foreign()) return {};
  decoded.message.journal = at.journal;
  decoded.message.position = at.position;
  const auto message = std::make_shared<const Message>(std::move(decoded.message));
  if (retained) retain(message, {});
  replay_message(message, Origin::here);
  return {};
}

/// To the sessions that wait for it and had not been given it when their rows were written.
void Shard::replay_message(const MessageRef& message, Origin origin) {
  const Route& route = router_.route(message->principal->tenant, message->topic.text());
  Traveller traveller(message);
  EncodingCache cache;
  for (const Target& target : route.targets) {
    Session* session = slots_[target.subscriber].session;
    if (session == nullptr) continue;
    const auto loading = loading_.find(session->instance_);
    if (loading == loading_.end()) continue;
    const std::vector<std::uint64_t>& taken = loading->second.record.taken;
    if (message->journal < taken.size() && message->position <= taken[message->journal]) continue;
    const Principal& publisher = *message->principal;
    const bool own =
        publisher.client_id == session->client_id() && publisher.name == session->principal()->name;
    if (own && target.no_local == SubscriptionOptions::NoLocal::yes) continue;
    session->deliver(traveller, target, route.identifiers_of(target), cache);
  }
  if (origin == Origin::elsewhere) return;
  for (ShardMask left = route.shards; left != 0; left &= left - 1)
    send_parcel(static_cast<std::uint16_t>(std::countr_zero(left)), {message, {}, Parcel::replay});
}

void Shard::replay_deliveries(const std::vector<DeliveryNote>& notes) {
  for (const DeliveryNote& note : notes) {
    if (const auto found = loading_.find(note.instance); found != loading_.end())
      found->second.notes.push_back(note);
  }
}

void Shard::replay_exchange(TenantId tenant, const std::string& client_id, SessionInstance instance,
                            std::uint16_t packet_id, JournalPosition at, RecordKind kind) {
  Session* session = session_of(tenant, client_id);
  if (session == nullptr || session->instance_ != instance) return;
  const JournalPosition stored_at = session->absence().stored_at;
  if (stored_at.journal == at.journal && at.position <= stored_at.position) return;
  if (kind == RecordKind::message) return open_exchange(*session, packet_id);
  close_exchange(*session, packet_id);
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
  retained_.forget_emptied(executor().wall_now());
  const store::Position reached = routed_;
  for (const auto& [id, feed] : feeds_) feed->advance_cursor();
  auto gathering = std::make_shared<Gathering>();  // shared: by the answers of all shards
  gathering->left = 2 * setup_.shards.size();
  gathering->done = [this, reached, done = std::move(done)](Result<void> result) mutable {
    if (result && log() != nullptr) log()->set_cursor(kCursor, reached);
    done(std::move(result));
  };
  for (std::uint16_t shard = 0; shard < shard_count(); ++shard) {
    flush_parcels(shard);
    post_to(shard, [from = index(), reached, gathering](Shard& other) {
      other.taken_[from] = std::max(other.taken_[from], reached);
      other.save_changed();
      const auto answer = [from, gathering, &other](Result<void> result) {
        other.post_to(from, [gathering, result = std::move(result)](Shard&) mutable {
          gathering->answer(std::move(result));
        });
      };
      other.rows_.flush(answer);
      other.flush_retained(answer);
    });
  }
}

}  // namespace dunlin::hub
