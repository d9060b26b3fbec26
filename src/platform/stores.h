#pragma once
// The data folder: its lock, the journals, the keyed store and the repository.

#include <memory>
#include <string>
#include <vector>

#include "base/fs.h"
#include "base/metrics.h"
#include "platform/config.h"
#include "store/blob/blob_store.h"
#include "store/broken_disk.h"
#include "store/keyed.h"
#include "store/log.h"
#include "store/repository.h"

namespace dunlin::platform {

/// Keeps other processes away from the folder while it lives.
/// Errors: conflict, io, no_space.
Result<std::unique_ptr<File>> lock_data_folder(Fs& fs, const std::string& folder);

/// How many journals there must be: one per reactor, and never fewer than there are already, since each may
/// hold messages that are not consumed yet.
Result<std::size_t> journal_count(Fs& fs, const ServerConfig& config);

struct Stores {
  std::vector<std::unique_ptr<store::Log>> journals;  // empty where nothing is durable
  std::unique_ptr<store::Log> samples;                // of the first executor
  std::unique_ptr<store::Keyed> keyed;
  std::unique_ptr<store::Repository> repository;
  std::unique_ptr<store::BlobStore> blobs;  // of the first executor; to be started
};

struct StoresEnvironment {
  Fs& fs;
  WorkerPool& workers;
  metrics::Registry& metrics;
  std::vector<Executor*> executors;  // one per journal
  store::BrokenDisk broken;
};

/// Blocks. Errors: corrupt, io, no_space, conflict.
Result<Stores> open_stores(const StoresEnvironment& environment, const ServerConfig& config);

}  // namespace dunlin::platform
