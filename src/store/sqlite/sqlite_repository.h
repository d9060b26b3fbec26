#pragma once
// Repository over SQLite in WAL mode, through base::Fs. Format: docs/formats/records.md.

#include <memory>
#include <string>

#include "base/fs.h"
#include "base/metrics.h"
#include "store/repository.h"

namespace dunlin::store {

struct SqliteEnvironment {
  Fs& fs;
  WorkerPool& workers;
  metrics::Registry& metrics;
};

/// Opens or makes the database file `path`; its folder is made. One connection; calls take effect in their
/// order. The environment must outlive the store and what it has under way. Blocks; start-up only. Errors:
/// corrupt, io, no_space, conflict (another process holds it), unsupported (a later version's schema).
Result<std::unique_ptr<Repository>> open_sqlite_repository(SqliteEnvironment environment,
                                                           const std::string& path);

}  // namespace dunlin::store
