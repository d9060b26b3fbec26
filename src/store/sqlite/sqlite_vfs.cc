#include "store/sqlite/sqlite_vfs.h"

#include <sqlite3.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <new>
#include <utility>

namespace dunlin::store {
namespace {

/// What the files of one VFS share.
struct Disk {
  Fs& fs;
  // After a failed sync nobody knows what the disk holds, and a later sync that succeeds does not tell:
  // nothing is written any more until the database is opened anew.
  bool sync_failed = false;
};

/// What SQLite allocates for each file; `methods` must be first.
struct OpenFile {
  const sqlite3_io_methods* methods = nullptr;
  std::unique_ptr<File> file;
  Disk* disk = nullptr;
  std::string path;
  bool is_new = false;  // its name is not yet durable
};

OpenFile& of(sqlite3_file* file) {
  return *reinterpret_cast<OpenFile*>(file);
}

int code_of(const Error& error, int otherwise) {
  return error.code == Errc::no_space ? SQLITE_FULL : otherwise;
}

template <class T>
int code_of(const Result<T>& result, int otherwise) {
  return result ? SQLITE_OK : code_of(result.error(), otherwise);
}

int close_file(sqlite3_file* file) {
  std::destroy_at(&of(file));
  return SQLITE_OK;
}

int read_file_at(sqlite3_file* file, void* to, int size, sqlite3_int64 offset) {
  const MutableByteView out(static_cast<std::uint8_t*>(to), static_cast<std::size_t>(size));
  const auto count = of(file).file->read_at(static_cast<std::uint64_t>(offset), out);
  if (!count) return SQLITE_IOERR_READ;
  if (*count == out.size()) return SQLITE_OK;
  std::ranges::fill(out.subspan(*count), std::uint8_t{0});  // SQLite asks for this
  return SQLITE_IOERR_SHORT_READ;
}

int write_file_at(sqlite3_file* file, const void* from, int size, sqlite3_int64 offset) {
  if (of(file).disk->sync_failed) return SQLITE_IOERR_WRITE;
  const ByteView bytes(static_cast<const std::uint8_t*>(from), static_cast<std::size_t>(size));
  return code_of(of(file).file->write_at(static_cast<std::uint64_t>(offset), bytes), SQLITE_IOERR_WRITE);
}

int truncate_file(sqlite3_file* file, sqlite3_int64 size) {
  if (of(file).disk->sync_failed) return SQLITE_IOERR_TRUNCATE;
  return code_of(of(file).file->truncate(static_cast<std::uint64_t>(size)), SQLITE_IOERR_TRUNCATE);
}

int sync_file(sqlite3_file* file, int) {
  OpenFile& open = of(file);
  if (open.disk->sync_failed) return SQLITE_IOERR_FSYNC;
  Result<void> synced = open.file->sync();
  // A synced file without a durable name would be lost with all it holds.
  if (synced && open.is_new) synced = open.disk->fs.sync_folder(parent_folder(open.path));
  open.is_new = open.is_new && !synced;
  open.disk->sync_failed = !synced;
  return code_of(synced, SQLITE_IOERR_FSYNC);
}

int size_of_file(sqlite3_file* file, sqlite3_int64* size) {
  const auto result = of(file).file->size();
  *size = static_cast<sqlite3_int64>(result.value_or(0));
  return code_of(result, SQLITE_IOERR_FSTAT);
}

// One process and one connection: the repository holds a lock of its own for as long as it is open.
int take_lock(sqlite3_file*, int) {
  return SQLITE_OK;
}
int give_lock_up(sqlite3_file*, int) {
  return SQLITE_OK;
}
int nobody_locks(sqlite3_file*, int* reserved) {
  *reserved = 0;
  return SQLITE_OK;
}
int control_file(sqlite3_file*, int, void*) {
  return SQLITE_NOTFOUND;
}
int sector_size(sqlite3_file*) {
  return 4096;
}
int characteristics(sqlite3_file*) {
  return 0;
}  // nothing is promised about torn or reordered writes

// Version 1: without shared memory, SQLite keeps the index of its WAL in the heap (locking_mode=exclusive).
constexpr sqlite3_io_methods make_methods() {
  sqlite3_io_methods methods{};
  methods.iVersion = 1;
  methods.xClose = close_file;
  methods.xRead = read_file_at;
  methods.xWrite = write_file_at;
  methods.xTruncate = truncate_file;
  methods.xSync = sync_file;
  methods.xFileSize = size_of_file;
  methods.xLock = take_lock;
  methods.xUnlock = give_lock_up;
  methods.xCheckReservedLock = nobody_locks;
  methods.xFileControl = control_file;
  methods.xSectorSize = sector_size;
  methods.xDeviceCharacteristics = characteristics;
  return methods;
}
constexpr sqlite3_io_methods kMethods = make_methods();

Disk& disk_of(sqlite3_vfs* vfs) {
  return *static_cast<Disk*>(vfs->pAppData);
}
Fs& fs_of(sqlite3_vfs* vfs) {
  return disk_of(vfs).fs;
}

int open_file(sqlite3_vfs* vfs, const char* name, sqlite3_file* to, int flags, int* out_flags) {
  to->pMethods = nullptr;                       // tells SQLite that there is nothing to close
  if (name == nullptr) return SQLITE_CANTOPEN;  // temporary files are kept in memory (temp_store)
  Fs& fs = fs_of(vfs);
  const bool is_new = !fs.exists(name);
  if (is_new && (flags & SQLITE_OPEN_CREATE) == 0) return SQLITE_CANTOPEN;
  auto file = fs.open(name, OpenMode::read_write);
  if (!file) return code_of(file, SQLITE_CANTOPEN);
  auto* open = new (to) OpenFile{};  // NOLINT: SQLite owns the memory, close_file() ends the object
  open->methods = &kMethods;
  open->file = *std::move(file);
  open->disk = &disk_of(vfs);
  open->path = name;
  open->is_new = is_new;
  if (out_flags != nullptr) *out_flags = flags;
  return SQLITE_OK;
}

int delete_file(sqlite3_vfs* vfs, const char* name, int sync_folder) {
  Fs& fs = fs_of(vfs);
  const auto removed = fs.remove(name);
  if (!removed && removed.error().code == Errc::not_found) return SQLITE_IOERR_DELETE_NOENT;
  if (!removed || sync_folder == 0) return code_of(removed, SQLITE_IOERR_DELETE);
  return code_of(fs.sync_folder(parent_folder(name)), SQLITE_IOERR_DIR_FSYNC);
}

int access_file(sqlite3_vfs* vfs, const char* name, int, int* result) {
  *result = fs_of(vfs).exists(name) ? 1 : 0;
  return SQLITE_OK;
}

int full_path(sqlite3_vfs*, const char* name, int size, char* to) {
  const std::size_t length = std::strlen(name);
  if (length + 1 > static_cast<std::size_t>(size)) return SQLITE_CANTOPEN;
  std::memcpy(to, name, length + 1);
  return SQLITE_OK;
}

sqlite3_vfs& system_vfs() {
  return *sqlite3_vfs_find(nullptr);
}
int random_bytes(sqlite3_vfs*, int size, char* to) {
  return system_vfs().xRandomness(&system_vfs(), size, to);
}
int sleep_for(sqlite3_vfs*, int microseconds) {
  return system_vfs().xSleep(&system_vfs(), microseconds);
}
int julian_time(sqlite3_vfs*, double* days) {
  return system_vfs().xCurrentTime(&system_vfs(), days);
}
int last_error(sqlite3_vfs*, int, char*) {
  return 0;
}

std::string unique_name() {
  static std::atomic<unsigned> next{1};
  return "dunlin-" + std::to_string(next.fetch_add(1));
}

}  // namespace

struct SqliteVfs::Registration {
  explicit Registration(Fs& fs) : disk{fs} {}
  Disk disk;
  std::string name = unique_name();
  sqlite3_vfs vfs{};
};

SqliteVfs::SqliteVfs(Fs& fs) : registration_(std::make_unique<Registration>(fs)) {
  sqlite3_initialize();
  sqlite3_vfs& vfs = registration_->vfs;
  vfs.iVersion = 1;
  vfs.szOsFile = sizeof(OpenFile);
  vfs.mxPathname = 4096;
  vfs.zName = registration_->name.c_str();
  vfs.pAppData = &registration_->disk;
  vfs.xOpen = open_file;
  vfs.xDelete = delete_file;
  vfs.xAccess = access_file;
  vfs.xFullPathname = full_path;
  vfs.xRandomness = random_bytes;
  vfs.xSleep = sleep_for;
  vfs.xCurrentTime = julian_time;
  vfs.xGetLastError = last_error;
  sqlite3_vfs_register(&vfs, 0);
}

SqliteVfs::~SqliteVfs() {
  sqlite3_vfs_unregister(&registration_->vfs);
}

const std::string& SqliteVfs::name() const {
  return registration_->name;
}

}  // namespace dunlin::store
