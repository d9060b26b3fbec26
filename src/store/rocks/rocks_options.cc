#include "store/rocks/rocks_options.h"

#include <rocksdb/cache.h>
#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/table_properties_collectors.h>
#include <rocksdb/write_buffer_manager.h>

#include <array>
#include <utility>

#include "store/keyed.h"
#include "store/rocks/rocks_fs.h"
#include "store/rocks/rocks_manifest.h"

namespace dunlin::store {
namespace {

// The names of the tables on the disk, in the order of enum Table. They never change.
constexpr std::array<const char*, kTableCount> kTableNames{"retained", "shadow", "series",   "session",
                                                           "rule",     "alarm",  "presence", "meta",
                                                           "queue",    "blob",   "rollup",   "alarm_log"};

rocksdb::ColumnFamilyOptions family_options(const RocksOptions& options,
                                            const rocksdb::BlockBasedTableOptions& table) {
  rocksdb::ColumnFamilyOptions family;
  family.write_buffer_size = options.write_buffer_bytes / 4;
  family.arena_block_size = 64 * 1024;  // the default would take half a megabyte for each table's first entry
  family.max_write_buffer_number = 2;
  family.target_file_size_base = 8UL * 1024 * 1024;
  family.max_bytes_for_level_base = 32UL * 1024 * 1024;
  family.level_compaction_dynamic_level_bytes = true;
  family.compression = rocksdb::kLZ4Compression;
  family.bottommost_compression = rocksdb::kZSTD;
  family.paranoid_file_checks = true;
  family.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return family;
}

rocksdb::BlockBasedTableOptions table_options(const RocksOptions& options) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(options.block_cache_bytes);
  table.cache_index_and_filter_blocks = true;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.format_version = 5;
  return table;
}

/// Chunks of series are read by ranges only, and are packed already: what still shrinks them is worth its
/// time.
rocksdb::ColumnFamilyOptions series_options(const RocksOptions& options,
                                            rocksdb::BlockBasedTableOptions table) {
  constexpr std::size_t kSeriesBlockBytes = 16 * 1024;
  constexpr std::size_t kDeletionWindow = 1024;
  constexpr std::size_t kDeletionsToCompact = 512;
  table.block_size = kSeriesBlockBytes;
  table.filter_policy.reset();
  rocksdb::ColumnFamilyOptions family = family_options(options, table);
  family.compression = rocksdb::kZSTD;
  // What was deleted gives its room back: a file with so many deletions close together is compacted.
  family.table_properties_collector_factories.push_back(
      rocksdb::NewCompactOnDeletionCollectorFactory(kDeletionWindow, kDeletionsToCompact));
  return family;
}

rocksdb::DBOptions database_options(rocksdb::Env* env, const RocksOptions& options) {
  rocksdb::DBOptions database;
  database.env = env;
  database.create_if_missing = true;
  database.create_missing_column_families = true;
  database.paranoid_checks = true;
  database.write_buffer_manager = std::make_shared<rocksdb::WriteBufferManager>(options.write_buffer_bytes);
  database.max_total_wal_size = options.max_wal_bytes;
  database.max_manifest_file_size = 4UL * 1024 * 1024;
  database.max_open_files = options.max_open_files;
  database.max_file_opening_threads = 1;
  database.max_background_jobs = 2;
  database.info_log = make_rocks_logger();
  database.stats_dump_period_sec = 0;
  database.stats_persist_period_sec = 0;
  database.avoid_flush_during_shutdown = true;  // the log holds everything
  database.enable_write_thread_adaptive_yield = false;
  database.allow_concurrent_memtable_write = false;
  database.skip_stats_update_on_db_open = true;
  return database;
}

std::vector<rocksdb::ColumnFamilyDescriptor> families(const RocksOptions& options) {
  const auto table = table_options(options);
  std::vector<rocksdb::ColumnFamilyDescriptor> all;
  all.emplace_back(rocksdb::kDefaultColumnFamilyName, family_options(options, table));
  for (std::size_t i = 0; i < kTableCount; ++i) {
    const bool is_series = static_cast<Table>(i) == Table::series;
    all.emplace_back(kTableNames[i],
                     is_series ? series_options(options, table) : family_options(options, table));
  }
  return all;
}

}  // namespace

RocksDatabase::~RocksDatabase() {
  if (!db) return;
  for (rocksdb::ColumnFamilyHandle* family : families) db->DestroyColumnFamilyHandle(family);
  db->Close();
}

Error error_of(const rocksdb::Status& status) {
  const std::string text = status.ToString();
  if (status.IsNoSpace()) return {Errc::no_space, text};
  if (status.IsCorruption()) return {Errc::corrupt, text};
  if (status.IsBusy() || status.IsTryAgain()) return {Errc::unavailable, text};
  return {Errc::io, text};
}

Result<std::unique_ptr<RocksDatabase>> open_database(Fs& fs, const RocksOptions& options) {
  DUNLIN_CHECK(fs.create_folders(options.folder));
  // RocksDB reports a held lock as an input or output error like any other: ask first.
  if (const auto lock = fs.lock(options.folder + "/LOCK"); !lock) return std::unexpected(lock.error());
  DUNLIN_CHECK(cut_torn_manifest(fs, options.folder));
  auto database = std::make_unique<RocksDatabase>();
  database->env = rocksdb::NewCompositeEnv(make_rocks_fs(fs));
  rocksdb::DB* db = nullptr;
  const auto status = rocksdb::DB::Open(database_options(database->env.get(), options), options.folder,
                                        families(options), &database->families, &db);
  database->db.reset(db);
  if (status.ok()) return database;
  Error error = error_of(status);
  // What RocksDB says of column families that it was not told of.
  if (status.IsInvalidArgument()) error.code = Errc::unsupported;
  return std::unexpected(std::move(error));
}

}  // namespace dunlin::store
