#pragma once
// The segment that will be written to next, and the spare ones that it is made of.

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/fs.h"
#include "store/log_blocks.h"
#include "store/log_format.h"

namespace dunlin::store {

/// Where a journal is, and what its segments have in common.
struct LogPlace {
  std::string folder;
  std::uint32_t salt = 0;
  std::uint64_t segment_bytes = 0;
  std::string path_of(std::string_view name) const { return folder + "/" + std::string{name}; }
};

/// Writes zeros to [from, to) of the file at `path`, in whole blocks: a part of one at an end is left out.
/// They do not go through the cache: bytes that nobody will read should not push out others. Not synced.
Result<void> write_zeros(Fs& fs, const std::string& path, std::uint64_t from, std::uint64_t to);

/// Any worker thread: one may prepare() while another commits.
class NextSegment {
 public:
  NextSegment(Fs& fs, const LogPlace& place) : fs_(fs), place_(place) {}

  /// Nothing is left to prepare().
  bool is_ready() const { return ready_.load(std::memory_order_relaxed); }
  /// One step: makes the file, or writes kClearedStep of zeros to it, because a sync of bytes that overwrite
  /// others changes nothing else on the disk. An error here comes again in take(), if it still is one.
  void prepare();

  struct Taken {
    std::unique_ptr<File> file;
    std::uint64_t cleared = 0;  // up to where it has been written once
  };
  /// The file under the name of a segment, made now if it has not been. Waits for a step that is under way.
  /// Errors: no_space (nothing has changed), io.
  Result<Taken> take(Position first);

  /// Keeps the file of a segment that nobody needs for a later one, unless there are `most` already; then it
  /// is removed. Overwriting blocks that a file has is quicker than making them.
  Result<void> retire(Position first, std::size_t most);
  void drop_spares(std::size_t most);

 private:
  Result<void> make();
  Result<void> make_new();
  Result<void> write_head(File& file) const;
  Result<void> take_spare();

  Fs& fs_;
  const LogPlace& place_;  // the owner's
  std::atomic<bool> ready_{false};
  std::mutex mutex_;  // held for a step at most
  Taken next_;
  std::vector<std::string> spares_;  // names
};

}  // namespace dunlin::store
