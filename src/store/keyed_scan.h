#pragma once
// A way through a range of any length.

#include <functional>

#include "store/keyed.h"

namespace dunlin::store {

/// Ends the way at the first error, which `done` is given.
using EachEntry = std::move_only_function<Result<void>(const Entry&)>;

/// Calls `each` for all entries of an ascending range, part by part of its limits, then `done`; both on the
/// executor. Each part is as the table is when that is read. Errors: those of the store and of `each`. The
/// store must outlive the calls.
void for_each_entry(Executor& executor, Keyed& keyed, Table table, Range range, EachEntry each,
                    std::move_only_function<void(Result<void>)> done);

}  // namespace dunlin::store
