#pragma once
// What a session that outlives its connection keeps beside its queues, so that they outlive the process too.

#include <cstdint>
#include <vector>

#include "hub/session_record.h"

namespace dunlin::hub {

/// One session's. The rows are written by Shard::save(); between two writes the journal holds the messages
/// (they are given to the session again) and the delivery notes.
struct DurableOutbound {
  std::uint64_t next_sequence = 1;      // of the next QoS 1 or 2 message for this session
  std::uint64_t stored_to = 1;          // what is below and still wanted has a row in store::Table::queue
  std::vector<std::uint64_t> obsolete;  // rows of messages that are done with; the next save deletes them
  std::vector<RetainedDue> retained_due;
  bool changed = false;  // since the last save; then the shard's list names the session
};

}  // namespace dunlin::hub
