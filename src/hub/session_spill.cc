// Session: what of a long queue is on the disk only.

#include <algorithm>
#include <utility>

#include "base/core/assert.h"
#include "base/log.h"
#include "hub/session.h"
#include "hub/shard.h"

namespace dunlin::hub {

bool Session::spills() const {
  return durable_ && durable_->spilled.messages > 0;
}

Waiting Session::waiting() const {
  Waiting all;
  if (outgoing_) all = {outgoing_->queue.size(), outgoing_->queue_bytes};
  if (durable_) {
    all.messages += durable_->spilled.messages;
    all.bytes += durable_->spilled.bytes;
  }
  return all;
}

void Session::count_queued(std::int64_t bytes) {
  outgoing_->queue_bytes =
      static_cast<std::size_t>(static_cast<std::int64_t>(outgoing_->queue_bytes) + bytes);
  shard_.count_queued(bytes);
}

bool Session::past_memory(std::size_t share) const {
  const Limits& limits = shard_.limits();
  const Outgoing& out = *outgoing_;
  if (shard_.queues_are_full() && out.queue.size() >= kMinQueueInMemory) return true;
  return out.queue.size() >= limits.queue_memory_messages * share ||
         out.queue_bytes >= limits.queue_memory_bytes * share;
}

/// Its row is written now; what is in memory comes first.
void Session::spill(const Queued& publish) {
  Spilled& spilled = durable_->spilled;
  if (spilled.messages == 0) spilled.from = publish.sequence;
  ++spilled.messages;
  spilled.bytes += body_bytes(*publish.message);
  shard_.metrics().spilled.add();
  shard_.store_item(*this, publish);
  changed();
}

void Session::spill_surplus() {
  if (spills() || !past_memory(1)) return;
  RingQueue<Queued> all = std::move(outgoing_->queue);
  outgoing_->queue = {};
  count_queued(-static_cast<std::int64_t>(outgoing_->queue_bytes));
  while (!all.empty()) {
    Queued publish = all.pop();
    // The rows of what is on the disk only are next to each other, with none of another message between them.
    if (past_memory(1) && publish.sequence != 0) {
      if (publish.sequence < durable_->stored_to) durable_->obsolete.push_back(publish.sequence);
      take_sequence(publish);
    }
    enqueue(std::move(publish));
  }
}

/// Memory is short.
void Session::shed() {
  if (!outgoing_) return;
  if (durable_ && !durable_->restoring) spill_surplus();
  if (shard_.memory_level() == MemoryLevel::critical) drop_surplus_qos0();
}

/// Before more is loaded the session's row is on the disk: so a restart has to look for the packet ids that
/// the journal tells of in the first messages only, and can leave the others where they are.
void Session::load_spilled() {
  if (!spills() || durable_->spilled.loading) return;
  const Limits& limits = shard_.limits();
  if (outgoing().queue.size() > shard_.queue_room() / 4 ||
      outgoing_->queue_bytes > limits.queue_memory_bytes / 4)
    return;
  durable_->spilled.loading = true;
  shard_.load_spilled(*this);
}

void Session::take_loaded(std::vector<store::Entry> rows) {
  Spilled& spilled = durable_->spilled;
  spilled.loading = false;
  MessageDecoder decoder;
  for (const store::Entry& row : rows) {
    const Result<QueueKey> key = decode_queue_key(row.key);
    Result<QueueItem> item = decode_queue_item(row.value, decoder);
    if (!key || !item) {
      shard_.metrics().unreadable.add();
      log::error("hub", "a stored message of a session cannot be read",
                 {{"client", client_id()}, {"error", item ? key.error().message : item.error().message}});
    }
    if (key) spilled.from = key->sequence + 1;
    if (spilled.messages > 0) --spilled.messages;
    if (!key || !item) continue;
    const std::size_t bytes = body_bytes(item->message);
    spilled.bytes -= std::min<std::uint64_t>(spilled.bytes, bytes);
    outgoing().queue.push({std::make_shared<const Message>(std::move(item->message)), item->qos, item->retain,
                           std::move(item->identifiers), key->sequence});
    count_queued(static_cast<std::int64_t>(bytes));
  }
  if (rows.empty()) {
    log::error("hub", "stored messages of a session are not there", {{"count", spilled.messages}});
    spilled = {};
  }
  if (spilled.messages == 0) spilled.bytes = 0;
  pump();
}

}  // namespace dunlin::hub
