#pragma once
// All entries of a few ranges, however often the store cuts its answers.

#include <functional>
#include <vector>

#include "base/executor.h"
#include "store/keyed.h"

namespace dunlin::series {

/// `done` gets the entries of each range, in the order of the ranges, which the caller keeps small. Errors:
/// those of the store.
void read_ranges(Executor& executor, store::Keyed& keyed, store::Table table,
                 std::vector<store::Range> ranges,
                 std::move_only_function<void(Result<std::vector<std::vector<store::Entry>>>)> done);

}  // namespace dunlin::series
