#pragma once
// What a session that outlives its connection keeps beside its queues, so that they outlive the process too.

#include <cstdint>
#include <vector>

#include "hub/session_record.h"

namespace dunlin::hub {

/// In the sequence numbers of messages that a shared subscription's group has offered: their rows come after
/// all others, so that a queue's rows are next to each other.
inline constexpr std::uint64_t kHeldBit = std::uint64_t{1} << 63;

/// The end of a long queue, whose messages are rows of store::Table::queue and nothing else.
struct Spilled {
  std::uint64_t from = 0;  // the sequence number of the first
  std::size_t messages = 0;
  std::uint64_t bytes = 0;
  bool loading = false;  // the next of them are on their way
};

/// One session's. The rows are written by Shard::save(); between two writes the journal holds the messages
/// (they are given to the session again) and the delivery notes.
struct DurableOutbound {
  std::uint64_t next_sequence = 1;      // of the next QoS 1 or 2 message for this session
  std::uint64_t stored_to = 1;          // what is below and still wanted has a row in store::Table::queue
  std::vector<std::uint64_t> obsolete;  // rows of messages that are done with; the next save deletes them
  Spilled spilled;
  bool restoring = false;  // the journal's notes may be about any message that has not been in a row
  bool changed = false;    // since the last save; then the shard's list names the session
};

}  // namespace dunlin::hub
