#pragma once
// Where consumers of the journal keep how far they have come: in the same atomic write as their results
// (design: a replay after a crash is idempotent).

#include <functional>
#include <string_view>
#include <vector>

#include "base/executor.h"
#include "hub/bus.h"
#include "store/keyed.h"

namespace dunlin::model {

/// `done` runs on the executor. Errors: those of the store.
void read_cursors(Executor& executor, store::Keyed& keyed, std::string_view consumer,
                  std::move_only_function<void(Result<std::vector<hub::JournalPosition>>)> done);

/// Adds the consumer's positions to a batch of its results.
void put_cursors(store::Batch& batch, std::string_view consumer,
                 const std::vector<hub::JournalPosition>& positions);

/// Tells the journal that everything up to the positions is durable.
void commit(hub::Consumer& consumer, const std::vector<hub::JournalPosition>& positions);

/// Notes that everything up to `at` is done; positions never go back.
void advance(std::vector<hub::JournalPosition>& positions, hub::JournalPosition at);

}  // namespace dunlin::model
