#pragma once
// A state that fits memory, kept as one file of changes: the durable part of the reference stores. The file
// has the form of a segment of the journal (docs/formats/journal.md), one group per change.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/fs.h"
#include "store/log_format.h"

namespace dunlin::store {

/// One thread at a time. The Fs must outlive it.
class ChangeFile {
 public:
  using Replay = std::function<Result<void>(ByteView change)>;
  /// Opens or makes `folder`/changes and hands every change to `replay`, in order; a torn last one is cut
  /// off. Errors: corrupt, io, no_space, conflict (another process holds it), and those of `replay`.
  static Result<std::unique_ptr<ChangeFile>> open(Fs& fs, const std::string& folder, const Replay& replay);

  /// Durable on return. A full disk refuses the change and leaves the file usable; after any other error
  /// every later append fails.
  Result<void> append(ByteView change);

  /// True when the file has grown so much that writing `live_bytes` anew is worth it.
  bool wants_compaction(std::uint64_t live_bytes) const;
  /// Replaces the file atomically by one that holds only these changes.
  Result<void> compact(const std::vector<std::vector<std::uint8_t>>& changes);

 private:
  ChangeFile(Fs& fs, std::string folder, std::unique_ptr<File> lock);
  Result<void> load(const Replay& replay);
  Result<void> replay_all(const File& file, const Replay& replay) const;

  Fs& fs_;
  std::string folder_;
  std::string path_;
  std::unique_ptr<File> lock_;
  std::unique_ptr<File> file_;
  std::uint64_t bytes_ = 0;
  Position next_ = 1;
  std::optional<Error> failed_;
};

}  // namespace dunlin::store
