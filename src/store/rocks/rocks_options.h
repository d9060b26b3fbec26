#pragma once
// How the database is set up. Private to the room; includes RocksDB, so only for its .cc files.

#include <rocksdb/db.h>
#include <rocksdb/options.h>

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "store/rocks/rocks_keyed.h"

namespace dunlin::store {

/// An open database. The order of the members is the order in which they must go.
struct RocksDatabase {
  std::unique_ptr<rocksdb::Env> env;
  std::unique_ptr<rocksdb::DB> db;
  std::vector<rocksdb::ColumnFamilyHandle*>
      families;  // owned by `db`; [0] is RocksDB's default, [1 + table] a table's

  RocksDatabase() = default;
  RocksDatabase(const RocksDatabase&) = delete;
  RocksDatabase& operator=(const RocksDatabase&) = delete;
  ~RocksDatabase();
};

/// Errors: as open_rocks_keyed().
Result<std::unique_ptr<RocksDatabase>> open_database(Fs& fs, const RocksOptions& options);

Error error_of(const rocksdb::Status& status);

}  // namespace dunlin::store
