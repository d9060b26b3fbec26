// Shard: the journal's notes on messages in flight to persistent sessions.

#include <chrono>
#include <utility>

#include "base/log.h"
#include "hub/shard.h"

namespace dunlin::hub {
void Shard::note(DeliveryNote note, SessionRef waiting) {
  notes_.push_back(note);
  if (waiting.generation != 0) waiting_notes_.push_back({waiting, note});
  schedule_turn_end();
}

void Shard::flush_notes() {
  if (notes_.empty()) return;
  pending_notes_.push(std::exchange(waiting_notes_, {}));
  append(RecordKind::delivery, encode_deliveries(notes_), {});
  notes_.clear();
}

void Shard::settle_notes(const Pending& pending) {
  std::vector<WaitingNote> notes = pending_notes_.pop();
  if (pending.error) {
    // Nothing is forgotten: whoever waits goes on waiting.
    metrics_.append_failures.add();
    log::refusal("hub", "the journal refused delivery notes", errc_name(pending.error->code),
                 {{"error", pending.error->message}});
    executor().schedule(kStoreRetryInterval, [this, waiting = std::move(notes)] {
      for (const WaitingNote& again : waiting) {
        Session* session = find(again.session);
        if (session != nullptr && session->waits_for(again.note.packet_id, again.note.step))
          note(again.note, again.session);
      }
    });
    return;
  }
  for (const WaitingNote& waited : notes) {
    if (Session* session = find(waited.session)) session->stored(waited.note.packet_id, waited.note.step);
  }
  SessionRef last;
  for (const WaitingNote& waited : notes) {
    if (std::exchange(last, waited.session) == waited.session) continue;
    if (Session* session = find(waited.session)) session->pump_stored();
  }
}

}  // namespace dunlin::hub
