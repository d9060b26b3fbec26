#pragma once
// Reading one segment of the journal frame by frame. Any thread, one at a time.

#include <cstdint>
#include <optional>
#include <vector>

#include "base/fs.h"
#include "store/log_format.h"

namespace dunlin::store {

/// Where a frame begins, and which position it has if it is a record.
struct Mark {
  Position position = 0;
  std::uint64_t offset = 0;
};

/// Reads ahead in large steps; the buffer grows to the largest frame and goes with the reader.
class FrameReader {
 public:
  /// Reads `file` up to `end` (its committed size). The file must outlive the reader.
  FrameReader(const File& file, std::uint32_t salt, std::uint64_t end)
      : file_(file), salt_(salt), end_(end) {}

  /// The frame at `place`; one that does not fit before the end is `damaged`. The record's bytes stay until
  /// the next call. Errors: io.
  Result<Frame> frame_at(Mark place);

  /// Up to `size` bytes at `offset`, fewer at the end. They stay until the next call. Errors: io.
  Result<ByteView> view(std::uint64_t offset, std::size_t size);

  std::uint64_t end() const { return end_; }

 private:
  const File& file_;
  std::uint32_t salt_;
  std::uint64_t end_;
  std::uint64_t buffer_offset_ = 0;
  std::vector<std::uint8_t> buffer_;
};

struct SegmentScan {
  std::uint64_t good_end = 0;  // behind it are a torn last write and what the file held before
  bool ends_torn = false;      // a group began there and is not whole
  Position last = 0;           // of the last whole group; the segment's first position - 1 when it has none
  std::vector<Mark> marks;     // beginnings of groups, at least kMarkSpacing apart
};

/// Checks every record. A group that is not whole ends the scan if nothing behind it was ever committed.
/// Errors: corrupt (a damaged group with a later one behind it), io.
Result<SegmentScan> scan_segment(const File& file, std::uint32_t salt, Position first);

/// The beginnings of groups without checking the records. Errors: corrupt, io.
Result<std::vector<Mark>> find_marks(const File& file, std::uint32_t salt, Position first, std::uint64_t end);

}  // namespace dunlin::store
