#pragma once
// Takes one backup, step by step.

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/snapshot_fs.h"
#include "service/backup/folder.h"

namespace dunlin::backup {

struct RunOptions {
  std::string data_folder;
  std::string to;  // the folder of backups
  std::size_t keep = 7;
  std::string program;                   // its version
  std::vector<std::string> leave_out{};  // paths in the data folder, e.g. of a socket
};

/// Any thread may read it while the run goes on.
struct Progress {
  std::atomic<std::uint64_t> bytes{0};  // to be looked at in all
  std::atomic<std::uint64_t> bytes_done{0};
  std::atomic<std::uint64_t> bytes_written{0};  // of blocks that were not there
  std::atomic<std::uint64_t> files{0};
};

/// Blocks; one thread at a time. One that goes before it has finished takes its blocks back.
class BackupRun {
 public:
  /// Takes the snapshot: its instant is the backup's. `source` is the file system that everything in the data
  /// folder is changed through; `fs` that of the folder of backups. Both outlive the run. Errors:
  /// invalid_argument (one folder is in the other), those of BackupFolder and SnapshotFs::take().
  static Result<std::unique_ptr<BackupRun>> begin(SnapshotFs& source, Fs& fs, const Clock& clock,
                                                  RunOptions options);
  ~BackupRun();

  enum class Next : std::uint8_t { more, done };
  /// One block, or what comes last. After an error the run is over. Errors: no_space, io, those of the
  /// snapshot.
  Result<Next> step();

  std::shared_ptr<const Progress> progress() const { return progress_; }
  WallTime instant() const { return manifest_.instant; }
  /// How long changes of files waited at most, for the list of files.
  Duration pause() const { return pause_; }

 private:
  BackupRun(BackupFolder folder, RunOptions options)
      : folder_(std::move(folder)), options_(std::move(options)) {}
  void plan();
  bool is_there(const BackupFile& file, std::uint64_t size) const;
  Result<void> copy_block();
  Result<void> finish();

  BackupFolder folder_;
  const RunOptions options_;
  std::unique_ptr<FolderSnapshot> snapshot_;
  Manifest manifest_;
  const std::shared_ptr<Progress> progress_ = std::make_shared<Progress>();
  Duration pause_{};
  std::vector<std::size_t> order_;  // of the files: those that are overwritten first
  std::size_t at_ = 0;              // in order_
  std::vector<std::uint8_t> block_;
  std::vector<std::string> written_;  // blocks
  enum class State : std::uint8_t { copying, finished } state_ = State::copying;
};

/// Whether a file of a data folder belongs into a backup: locks, what only the running process needs and
/// files that wait to be used do not.
bool is_kept(std::string_view path);

}  // namespace dunlin::backup
