#include "platform/stores.h"

#include <algorithm>
#include <charconv>
#include <thread>

#include "store/repository_cache.h"
#include "store/rocks/rocks_keyed.h"
#include "store/sqlite/sqlite_repository.h"

namespace dunlin::platform {

namespace {

/// Points that are not sealed into chunks yet: durable whether or not messages are.
Result<std::unique_ptr<store::Log>> open_samples(const StoresEnvironment& environment,
                                                 const ServerConfig& config) {
  store::LogOptions options;
  options.folder = config.data_folder + "/samples";
  DUNLIN_CHECK(environment.fs.create_folders(options.folder));
  return store::open_log({environment.fs, *environment.executors.front(), environment.workers,
                          environment.metrics, environment.broken},
                         options);
}

}  // namespace

Result<std::unique_ptr<File>> lock_data_folder(Fs& fs, const std::string& folder) {
  DUNLIN_CHECK(fs.create_folders(folder));
  auto lock = fs.lock(folder + "/lock");
  if (!lock && lock.error().code == Errc::conflict) {
    return fail(Errc::conflict, "another dunlin runs with the folder " + folder +
                                    "; stop it first, or choose another with --data");
  }
  return lock;
}

Result<std::size_t> journal_count(Fs& fs, const ServerConfig& config) {
  std::size_t count = static_cast<std::size_t>(config.reactors);
  if (count == 0) count = std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, 64);
  const std::string folder = config.data_folder + "/journal";
  if (!fs.is_folder(folder)) return count;
  DUNLIN_TRY(const auto names, fs.list(folder));
  for (const std::string& name : names) {
    std::size_t number = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (error == std::errc() && end == name.data() + name.size() && number < 64)
      count = std::max(count, number + 1);
  }
  return count;
}

Result<Stores> open_stores(const StoresEnvironment& environment, const ServerConfig& config) {
  Stores stores;
  for (std::size_t i = 0; config.durable && i < environment.executors.size(); ++i) {
    store::LogOptions options;
    options.folder = config.data_folder + "/journal/" + std::to_string(i);
    options.segment_bytes = config.journal_segment_bytes;
    options.max_bytes = config.journal_max_bytes;
    DUNLIN_CHECK(environment.fs.create_folders(options.folder));
    DUNLIN_TRY(auto log, store::open_log({environment.fs, *environment.executors[i], environment.workers,
                                          environment.metrics, environment.broken},
                                         options));
    stores.journals.push_back(std::move(log));
  }
  DUNLIN_TRY(stores.samples, open_samples(environment, config));
  store::RocksOptions rocks;
  rocks.folder = config.data_folder + "/keyed";
  DUNLIN_TRY(stores.keyed,
             store::open_rocks_keyed(
                 {environment.fs, environment.workers, environment.metrics, environment.broken}, rocks));
  DUNLIN_TRY(auto records,
             store::open_sqlite_repository({environment.fs, environment.workers, environment.metrics},
                                           config.data_folder + "/records.sqlite"));
  stores.repository = store::cache_repository(std::move(records));
  stores.blobs = std::make_unique<store::BlobStore>(
      store::BlobEnvironment{*environment.executors.front(), environment.workers, environment.fs,
                             *stores.keyed, environment.metrics},
      blob_options(config.blobs, config.data_folder));
  return stores;
}

}  // namespace dunlin::platform
