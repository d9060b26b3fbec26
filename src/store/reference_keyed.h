#pragma once
// Keyed as a sorted map in memory with a file of changes: small enough to be believed. The simulator's store.

#include <memory>
#include <string>

#include "base/fs.h"
#include "store/keyed.h"

namespace dunlin::store {

/// Keeps everything in memory. Calls take effect in their order. `fs` and `workers` must outlive the store
/// and what it has under way. Errors: corrupt, io, no_space, conflict (another process holds the folder).
Result<std::unique_ptr<Keyed>> open_reference_keyed(Fs& fs, WorkerPool& workers, const std::string& folder);

}  // namespace dunlin::store
