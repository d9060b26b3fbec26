#pragma once
// Keyed over RocksDB: one column family per table, all files through base::Fs.

#include <cstddef>
#include <memory>
#include <string>

#include "base/fs.h"
#include "base/metrics.h"
#include "store/broken_disk.h"
#include "store/keyed.h"

namespace dunlin::store {

struct RocksOptions {
  std::string folder;
  /// All memtables together; each table's own is a quarter of it.
  std::size_t write_buffer_bytes = 16UL * 1024 * 1024;
  std::size_t block_cache_bytes = 32UL * 1024 * 1024;
  std::size_t max_wal_bytes = 16UL * 1024 * 1024;
  int max_open_files = 512;
  /// Writes that wait for the disk; past it write() answers unavailable.
  std::size_t max_pending_bytes = 64UL * 1024 * 1024;
};

struct RocksEnvironment {
  Fs& fs;
  WorkerPool& workers;
  metrics::Registry& metrics;
  BrokenDisk broken = {};  // may be empty
};

/// Opens or makes the store. Writes that wait share one sync; they take effect in the order of their calls.
/// Reads see every write that was answered before. The environment must outlive the store and what it has
/// under way. Blocks; start-up only. After a full disk writes try again; after another error of the disk they
/// fail until reopened. Errors: corrupt, io, no_space, conflict (another process holds it), unsupported (a
/// later version's tables).
Result<std::unique_ptr<Keyed>> open_rocks_keyed(RocksEnvironment environment, const RocksOptions& options);

}  // namespace dunlin::store
