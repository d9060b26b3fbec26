#pragma once
// RocksDB's files through base::Fs. Private to the room: RocksDB's types stay in its .cc files.

#include <memory>

#include "base/fs.h"

namespace rocksdb {
class FileSystem;
class Logger;
}  // namespace rocksdb

namespace dunlin::store {

/// `fs` must outlive every database that uses it. Shared, because RocksDB asks for it so.
std::shared_ptr<rocksdb::FileSystem> make_rocks_fs(Fs& fs);

/// Warnings and errors go to base/log.h, the rest nowhere; no log file is written.
std::shared_ptr<rocksdb::Logger> make_rocks_logger();

}  // namespace dunlin::store
