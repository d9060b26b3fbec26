#pragma once
// A folder of backups: blocks by their SHA-256, and a manifest for each backup. Format:
// docs/formats/backup.md.

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/fs.h"
#include "base/result.h"
#include "service/backup/manifest.h"

namespace dunlin::backup {

/// What the name of a manifest leads to.
struct StoredBackup {
  std::string name;
  Result<Manifest> manifest;  // its error says what is wrong with it
};

/// Blocks; one thread at a time.
class BackupFolder {
 public:
  /// For taking and removing backups: makes the folder, and keeps others from writing there while it lives.
  /// Errors: conflict (another one writes there; or the folder holds something else), unsupported, io,
  /// no_space, permission_denied.
  static Result<BackupFolder> open_for_writing(Fs& fs, const std::string& path);
  /// Errors: not_found (no backup was ever taken there), unsupported, io.
  static Result<BackupFolder> open_for_reading(Fs& fs, const std::string& path);

  /// All, the oldest first; those that cannot be read are at the end. Errors: io.
  Result<std::vector<StoredBackup>> backups() const;

  struct Put {
    std::string hash;
    enum class What : std::uint8_t { written, was_there } what = What::was_there;
  };
  /// Durable on return. Errors: io, no_space.
  Result<Put> put_block(ByteView bytes);
  /// Errors: corrupt (it is missing, or its bytes are not those that were stored), io.
  Result<std::string> read_block(const std::string& hash, std::size_t size) const;
  /// Whether a block of that hash and size is there; its bytes are not looked at.
  bool has_block(const std::string& hash, std::size_t size) const;
  void remove_block(const std::string& hash);

  /// From here on the backup is one. Errors: conflict (of the same instant there is one), io, no_space.
  Result<void> put_manifest(const Manifest& manifest);
  /// Removes all backups but the newest `most`, then the blocks that none needs; also what an interrupted
  /// backup left. Where a manifest cannot be read no block is removed. Answers how many backups went.
  /// Errors: io.
  Result<std::size_t> prune(std::size_t most);

  const std::string& path() const { return path_; }

 private:
  BackupFolder(Fs& fs, std::string path, std::unique_ptr<File> lock)
      : fs_(&fs), path_(std::move(path)), lock_(std::move(lock)) {}
  std::string block_path(std::string_view hash) const;
  std::string manifests_path() const { return path_ + "/manifests"; }
  Result<void> remove_unfinished_manifests();
  Result<void> remove_blocks_but(const std::set<std::string>& needed);

  Fs* fs_;
  std::string path_;
  std::unique_ptr<File> lock_;  // null: for reading only
};

}  // namespace dunlin::backup
