#pragma once
// The files of a folder as they were at one instant, read while the program goes on changing them.

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/fs.h"

namespace dunlin {

/// What SnapshotFs::take() found. Its files keep the contents that they had at that instant, whatever is
/// written, renamed or removed since. One thread at a time; it must go before its SnapshotFs.
class FolderSnapshot {
 public:
  struct Entry {
    std::string path;  // relative to the folder
    std::uint64_t size = 0;
  };
  virtual ~FolderSnapshot() = default;
  /// Sorted by path; folders are not among them.
  virtual const std::vector<Entry>& files() const = 0;
  /// Reads as File::read_at(). Blocks. Errors: io, unavailable (more was overwritten meanwhile than
  /// kMaxSnapshotBytes, or a file was removed that could not be kept: the snapshot is of no use any more).
  virtual Result<std::size_t> read_at(std::size_t file, std::uint64_t offset, MutableByteView out) = 0;
  /// The file is not read again: nothing is kept of it any longer.
  virtual void release(std::size_t file) = 0;
};

/// Passes every call on. Of a file that belongs to a snapshot and is not released, it keeps in memory what a
/// write is about to overwrite, and open what a call is about to remove: the caller's file system needs no
/// snapshots of its own. A changing call is in a snapshot as a whole or not at all, so a snapshot is what the
/// death of the process (SIGKILL) at that instant would have left.
///
/// Any thread, as Fs. All changes of a folder of which snapshots are taken must go through one object, and
/// name a file in one way. It must outlive the File objects that it opened.
class SnapshotFs final : public Fs {
 public:
  explicit SnapshotFs(Fs& inner) : inner_(inner) {}

  using Wanted = std::function<bool(std::string_view path)>;
  /// The files below `folder` whose path (relative to it) is `wanted`. Changing calls wait while their names
  /// and sizes are read. Blocks. Errors: conflict (there is a snapshot already), limit_exceeded
  /// (kMaxSnapshotFiles), io.
  Result<std::unique_ptr<FolderSnapshot>> take(const std::string& folder, const Wanted& wanted);

  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override;
  Result<void> create_folders(const std::string& path) override;
  Result<std::vector<std::string>> list(const std::string& folder) override { return inner_.list(folder); }
  Result<void> remove(const std::string& path) override;
  Result<void> remove_all(const std::string& path) override;
  Result<void> rename(const std::string& from, const std::string& to) override;
  bool exists(const std::string& path) override { return inner_.exists(path); }
  bool is_folder(const std::string& path) override { return inner_.is_folder(path); }
  Result<void> let_everyone_read(const std::string& path) override { return inner_.let_everyone_read(path); }
  Result<void> sync_folder(const std::string& folder) override { return inner_.sync_folder(folder); }
  Result<std::unique_ptr<File>> lock(const std::string& path) override { return inner_.lock(path); }
  Result<std::uint64_t> free_space(const std::string& folder) override { return inner_.free_space(folder); }

 private:
  friend class SnapshotFile;
  friend class TakenSnapshot;
  struct Kept;
  struct Node;
  using NodeRef = std::shared_ptr<Node>;  // shared by the open files and the snapshot

  std::shared_lock<std::shared_mutex> enter();
  NodeRef node_at(const std::string& path);
  void leave(NodeRef& node);
  std::vector<NodeRef> nodes_below(const std::string& path);
  void keep_open(const std::vector<NodeRef>& nodes);
  void forget_names(const std::vector<NodeRef>& nodes);
  Result<void> find_files(const std::string& folder, const std::string& prefix, const Wanted& wanted,
                          std::vector<FolderSnapshot::Entry>& found);

  Fs& inner_;
  // Held shared by every changing call, alone while a snapshot is taken.
  std::shared_mutex gate_;
  std::mutex turnstile_;  // changing calls wait here while one wants the gate alone
  std::atomic<bool> closing_{false};
  std::atomic<bool> taken_{false};
  std::mutex names_mutex_;
  std::map<std::string, std::weak_ptr<Node>> names_;  // files that are open for writing or in a snapshot
};

}  // namespace dunlin
