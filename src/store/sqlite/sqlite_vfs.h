#pragma once
// SQLite's files through base::Fs. Private to the room.

#include <memory>
#include <string>

#include "base/fs.h"

struct sqlite3_vfs;

namespace dunlin::store {

/// Registers a VFS over `fs` under a name of its own for as long as it lives. A database opened through it
/// must be the only connection of its file: locks are held on the database's file name + ".lock" by whoever
/// opened it. Any thread.
class SqliteVfs {
 public:
  explicit SqliteVfs(Fs& fs);
  ~SqliteVfs();
  SqliteVfs(const SqliteVfs&) = delete;
  SqliteVfs& operator=(const SqliteVfs&) = delete;
  const std::string& name() const;

 private:
  struct Registration;
  std::unique_ptr<Registration> registration_;
};

}  // namespace dunlin::store
