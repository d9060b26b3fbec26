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
#include "store/log_next.h"

namespace dunlin::store {

class LogDisk {
 public:
  /// The segment that is written to.
  struct Active {
    Position first = 0;
    BlockWriter writer;
  };
  /// `lock` keeps other processes away for as long as this lives.
  LogDisk(Fs& fs, LogPlace place, std::unique_ptr<File> lock, Active active);

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

  /// Whether zeros are to be written ahead of the commits.
  bool wants_clearing() const;
  /// Does it: a sync of bytes that overwrite others changes nothing but them, and does not wait for the file
  /// system's own journal. An error here comes again when the place is needed, and is told then.
  void clear_ahead();
  /// Whether the next segment will be needed soon and is not ready.
  bool wants_next() const { return active_.writer.end() >= place_.segment_bytes / 2 && !next_.is_ready(); }
  /// A step towards it. Any worker thread, also while another is in any other function.
  void prepare_next() { next_.prepare(); }

  Result<void> save_cursors(ByteView bytes);
  /// In order; stops at the first error. Some are kept as spare ones.
  Result<void> remove_segments(const std::vector<Position>& segments);

  /// Renames the next segment into place and writes there from now on.
  Outcome begin_segment(Position first);

 private:
  Fs& fs_;
  LogPlace place_;
  std::unique_ptr<File> lock_;
  Active active_;
  std::uint64_t cleared_ = 0;  // up to where the active segment's bytes have been written once
  NextSegment next_;
  std::size_t begun_ = 0;  // segments since the last removal: as many may be wanted until the next
};

/// The cursors' file in a journal's folder.
std::string cursors_path(const std::string& folder);

}  // namespace dunlin::store
