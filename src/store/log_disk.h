#pragma once
// The half of the journal that blocks: writes, syncs, new segments, removals. Runs on the worker pool, one
// job at a time.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fs.h"
#include "store/log_format.h"

namespace dunlin::store {

class LogDisk {
 public:
  struct Place {
    std::string folder;
    std::uint32_t salt = 0;
    std::uint64_t segment_bytes = 0;
  };
  /// `lock` keeps other processes away for as long as this lives. `active` is open for appending and ends at
  /// `active_bytes`.
  LogDisk(Fs& fs, Place place, std::unique_ptr<File> lock, std::unique_ptr<File> active,
          std::uint64_t active_bytes);

  struct Commit {
    std::optional<Position> new_segment;  // begin a segment of this name first
    std::optional<Link> link;             // set for the first write of a segment
    ByteView bytes;
  };
  struct Outcome {
    Result<void> result;
    bool segment_begun = false;  // also when the write into it failed
    bool usable = true;          // false: what the disk holds is not known; nothing may be written any more
  };
  /// Writes and syncs. A full disk leaves everything as it was before.
  Outcome commit(const Commit& commit);

  /// True when there is something to prepare for later commits.
  bool wants_upkeep() const { return wants_next() || wants_clearing(); }
  /// Makes the next segment before it is needed, and writes zeros ahead of small commits: a sync of bytes
  /// that overwrite others changes nothing but them, and does not wait for the file system's own journal. An
  /// error here comes again when the place is needed, and is told then.
  void upkeep();
  Result<void> save_cursors(ByteView bytes);
  /// In order; stops at the first error. Some are kept as spare ones: overwriting blocks that a file has is
  /// quicker than making them.
  Result<void> remove_segments(const std::vector<Position>& segments);

  /// Renames the next segment into place and writes there from now on.
  Outcome begin_segment(Position first);

 private:
  bool wants_next() const;
  bool wants_clearing() const;
  Result<void> prepare_next();
  void clear_ahead();
  std::string path_of(std::string_view name) const { return place_.folder + "/" + std::string{name}; }
  Result<std::unique_ptr<File>> make_next();
  Result<std::unique_ptr<File>> take_spare();
  Result<void> retire(Position first);
  void drop_spares(std::size_t most);

  Fs& fs_;
  Place place_;
  std::unique_ptr<File> lock_;
  std::unique_ptr<File> active_;
  std::uint64_t active_bytes_ = 0;
  std::uint64_t cleared_ = 0;  // up to where the active segment's bytes have been written once
  double usual_commit_ = 0;    // bytes, mean of the latest ones
  std::unique_ptr<File> next_;
  std::vector<std::string> spares_;  // names
  std::size_t begun_ = 0;            // segments since the last removal: as many may be wanted until the next
};

/// The cursors' file in a journal's folder.
std::string cursors_path(const std::string& folder);

}  // namespace dunlin::store
