#pragma once
// A disk in memory that can lose its power, fill up and fail: what a storage test needs to show that nothing
// acknowledged is lost.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/fs.h"
#include "base/rng.h"

namespace dunlin {

/// Which syncs answer success without doing anything: a program whose sync was forgotten. A test of
/// durability must fail with it.
enum class SyncIgnored { none, files, folders, all };

/// A strict reading of POSIX: a write is durable only after File::sync(), a name only after sync_folder() of
/// its folder. Any thread (one mutex), no thread of its own, no clock. It must outlive the File objects that
/// it opened.
///
/// Changing calls, which fail_call() and stop_at_call() count: append, write_at, truncate, reserve, sync, an
/// open() or lock() that makes a file, create_folders, remove, remove_all, rename, sync_folder.
class VirtualFs final : public Fs {
 public:
  VirtualFs();
  ~VirtualFs() override;

  /// The machine loses its power and starts again. Every file written but not synced gets, for each write,
  /// one of: kept, lost, or torn at a byte (the part before or after it reached the disk, the rest reads as
  /// zeros or is beyond the end), so that a later write may survive an earlier one. Every name made, renamed
  /// or removed but not synced is kept or lost; a rename is never half done. All open File objects answer
  /// Errc::io from now on; all locks are free; an armed failure is forgotten.
  void cut_power(Rng& rng);
  /// The process dies (SIGKILL): File objects answer Errc::io and locks are free, but nothing written is
  /// lost.
  void kill_process();

  /// The n-th changing call from now (1 is the next) fails with `code` and changes nothing. What a failed
  /// File::sync() should have made durable is lost by the next power cut even if a later sync succeeds, as on
  /// Linux.
  void fail_call(std::uint64_t n, Errc code);
  /// The n-th changing call from now fails with Errc::io, and so does every call after it, until cut_power()
  /// or kill_process().
  void stop_at_call(std::uint64_t n);
  /// The disk's size. Growth past it answers Errc::no_space.
  void set_capacity(std::uint64_t bytes);
  void set_sync_ignored(SyncIgnored which);

  struct Counts {
    std::uint64_t changes = 0;  // all changing calls, failed ones too
    std::uint64_t opens = 0;
    std::uint64_t reads = 0;
    std::uint64_t writes = 0;  // append and write_at
    std::uint64_t bytes_written = 0;
    std::uint64_t syncs = 0;
    std::uint64_t folder_syncs = 0;
    std::uint64_t failures = 0;  // calls failed by fail_call() or stop_at_call()
  };
  Counts counts() const;

  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override;
  Result<void> create_folders(const std::string& path) override;
  Result<std::vector<std::string>> list(const std::string& folder) override;
  Result<void> remove(const std::string& path) override;
  Result<void> remove_all(const std::string& path) override;
  Result<void> rename(const std::string& from, const std::string& to) override;
  bool exists(const std::string& path) override;
  bool is_folder(const std::string& path) override;
  Result<void> sync_folder(const std::string& folder) override;
  Result<std::unique_ptr<File>> lock(const std::string& path) override;
  Result<std::uint64_t> free_space(const std::string& folder) override;

 private:
  friend class VirtualFile;
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace dunlin
