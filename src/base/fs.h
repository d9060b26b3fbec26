#pragma once
// All file access of the program goes through here, so that tests can cut the power, fill the disk and fail
// the n-th call.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/core/bytes.h"
#include "base/result.h"

namespace dunlin {

/// One open file. One thread at a time, but for read_at(). Other objects may have the same file open on other
/// threads. Errors: io, no_space.
class File {
 public:
  virtual ~File() = default;
  /// Writes at the end of the file. After an error nothing of `bytes` is left in it, as far as the disk
  /// allows.
  virtual Result<void> append(ByteView bytes) = 0;
  virtual Result<void> write_at(std::uint64_t offset, ByteView bytes) = 0;
  /// Reads up to out.size() bytes; fewer only at the end of the file. Any number of threads may be in
  /// read_at() at the same time, as long as none is in another call of this object.
  virtual Result<std::size_t> read_at(std::uint64_t offset, MutableByteView out) const = 0;
  virtual Result<std::uint64_t> size() const = 0;
  virtual Result<void> truncate(std::uint64_t size) = 0;
  /// Reserves blocks so that later appends up to `size` cannot meet a full disk. The visible size stays.
  /// truncate() gives the reservation back. Errors: also unsupported (a file system that cannot reserve).
  virtual Result<void> reserve(std::uint64_t size) = 0;
  /// Returns once everything written before is on the disk (fdatasync). After an error the bytes since the
  /// last good sync may be lost even if a later call succeeds: the kernel forgets them.
  virtual Result<void> sync() = 0;
};

enum class OpenMode {
  read,        // must exist
  append,      // made if missing; writing at the end
  read_write,  // made if missing
  create_new,  // Errc::already_exists if there
  direct,      // as read_write, but what write_at() writes does not go through the kernel's cache
};

/// Every write_at() to a file that is open with OpenMode::direct begins and ends on a multiple of this, and
/// so does the memory that it is given. Bytes.
inline constexpr std::size_t kDirectBlock = 4096;

/// Paths are absolute or relative to the working folder, with '/'. Any thread.
class Fs {
 public:
  virtual ~Fs() = default;
  /// Files are made with mode 0600, folders with 0700. Where the file system cannot write past the cache,
  /// OpenMode::direct is read_write. Errors: not_found, already_exists, io, no_space.
  virtual Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) = 0;
  /// Makes the folder and its missing parents; those it made are durable on return.
  virtual Result<void> create_folders(const std::string& path) = 0;
  /// Names (not paths) of the entries of a folder, sorted.
  virtual Result<std::vector<std::string>> list(const std::string& folder) = 0;
  /// Removes a file or an empty folder.
  virtual Result<void> remove(const std::string& path) = 0;
  /// Removes a folder with all it holds; a missing one is no error.
  virtual Result<void> remove_all(const std::string& path) = 0;
  /// Replaces `to` atomically.
  virtual Result<void> rename(const std::string& from, const std::string& to) = 0;
  virtual bool exists(const std::string& path) = 0;
  virtual bool is_folder(const std::string& path) = 0;
  /// Lets every user of the machine read a file, as certificates need (mode 0644); file systems without modes
  /// have nothing to do. Errors: not_found, io.
  virtual Result<void> let_everyone_read(const std::string& /*path*/) { return {}; }
  /// Makes creations, renames and removals in the folder durable.
  virtual Result<void> sync_folder(const std::string& folder) = 0;
  /// Takes an exclusive lock that is held until the returned object dies. Errors: conflict (another process
  /// holds it).
  virtual Result<std::unique_ptr<File>> lock(const std::string& path) = 0;
  /// Bytes free for this user on the disk that holds the folder.
  virtual Result<std::uint64_t> free_space(const std::string& folder) = 0;
};

/// The operating system's files.
std::unique_ptr<Fs> make_system_fs();

/// The whole file. Errors: not_found, io, limit_exceeded (larger than `limit` bytes).
Result<std::string> read_file(Fs& fs, const std::string& path, std::uint64_t limit = 64 * 1024 * 1024);

enum class Readers : std::uint8_t { owner, everyone };

/// Writes to a temporary name (`path` + ".new"), syncs, renames, syncs the folder: after a crash either the
/// old or the new file is there. One writer of a path at a time. After an error of the last step the new file
/// may be there and not yet durable.
Result<void> write_file_atomically(Fs& fs, const std::string& path, ByteView bytes,
                                   Readers readers = Readers::owner);

/// The folder part of a path ("." if it has none).
std::string parent_folder(std::string_view path);

}  // namespace dunlin
