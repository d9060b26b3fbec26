#include "store/log_segment.h"

#include <algorithm>
#include <string>
#include <utility>

#include "store/limits.h"

namespace dunlin::store {
namespace {

constexpr std::size_t kReadAhead = 256 * 1024;

void add_mark(std::vector<Mark>& marks, Mark mark) {
  if (marks.empty() || mark.offset - marks.back().offset >= kMarkSpacing) marks.push_back(mark);
}

/// The place behind a whole group, or nullopt if something of it is missing or damaged.
Result<std::optional<Mark>> check_group(FrameReader& reader, Mark place, const GroupHeader& group) {
  const std::uint64_t group_end = place.offset + kGroupHeaderBytes + group.bytes;
  Mark next{group.first, place.offset + kGroupHeaderBytes};
  for (std::uint32_t i = 0; i < group.count; ++i) {
    DUNLIN_TRY(const Frame frame, reader.frame_at(next));
    if (frame.type != Frame::Type::record) return std::nullopt;
    next = {next.position + 1, next.offset + frame.size};
    if (next.offset > group_end) return std::nullopt;
  }
  if (group.count == 0 || next.offset != group_end) return std::nullopt;
  return next;
}

/// Looks for a group that was committed after the damaged one at `offset`.
Result<bool> later_group_exists(FrameReader& reader, std::uint32_t salt, std::uint64_t offset,
                                Position least) {
  constexpr std::size_t kStep = 1024UL * 1024;
  while (offset + kGroupHeaderBytes <= reader.end()) {
    DUNLIN_TRY(const ByteView bytes, reader.view(offset, kStep + kGroupHeaderBytes - 1));
    if (find_group(salt, least, bytes)) return true;
    offset += kStep;
  }
  return false;
}

}  // namespace

Result<ByteView> FrameReader::view(std::uint64_t offset, std::size_t size) {
  if (offset >= end_) return ByteView{};
  const std::size_t wanted = static_cast<std::size_t>(std::min<std::uint64_t>(size, end_ - offset));
  const bool buffered = offset >= buffer_offset_ && offset + wanted <= buffer_offset_ + buffer_.size();
  if (!buffered) {
    const std::uint64_t ahead = std::min<std::uint64_t>(std::max(wanted, kReadAhead), end_ - offset);
    buffer_.resize(static_cast<std::size_t>(ahead));
    buffer_offset_ = offset;
    DUNLIN_TRY(const std::size_t count, file_.read_at(offset, buffer_));
    buffer_.resize(count);
  }
  const ByteView rest = ByteView{buffer_}.subspan(static_cast<std::size_t>(offset - buffer_offset_));
  return rest.first(std::min(rest.size(), wanted));
}

Result<Frame> FrameReader::frame_at(Mark place) {
  std::size_t wanted = std::max(kGroupHeaderBytes, kLinkBytes);
  while (true) {
    DUNLIN_TRY(const ByteView bytes, view(place.offset, wanted));
    const Frame frame = parse_frame(salt_, place.position, bytes);
    if (frame.type != Frame::Type::incomplete) return frame;
    const std::uint64_t left = end_ > place.offset ? end_ - place.offset : 0;
    if (frame.size > left || bytes.size() < std::min<std::uint64_t>(wanted, left)) return Frame{};
    wanted = frame.size;
  }
}

Result<SegmentScan> scan_segment(const File& file, std::uint32_t salt, Position first) {
  DUNLIN_TRY(const std::uint64_t size, file.size());
  FrameReader reader(file, salt, size);
  SegmentScan scan{.good_end = kSegmentHeaderBytes, .last = first - 1, .marks = {}};
  Mark place{first, kSegmentHeaderBytes};
  while (place.offset < size) {
    const std::uint64_t write_begin = place.offset;
    DUNLIN_TRY(Frame frame, reader.frame_at(place));
    const bool is_link = frame.type == Frame::Type::link && write_begin == kSegmentHeaderBytes;
    if (is_link) {
      place.offset += frame.size;
      DUNLIN_TRY(frame, reader.frame_at(place));
    }
    const bool is_group = frame.type == Frame::Type::group && frame.group.first > scan.last &&
                          (is_link || write_begin != kSegmentHeaderBytes);
    std::optional<Mark> behind;
    if (is_group) {
      DUNLIN_TRY(behind, check_group(reader, place, frame.group));
    }
    if (!behind) {
      const Position least = is_group ? frame.group.first + 1 : scan.last + 2;
      DUNLIN_TRY(const bool damaged, later_group_exists(reader, salt, place.offset + 1, least));
      if (damaged) {
        return fail(Errc::corrupt, "the group at offset " + std::to_string(place.offset) +
                                       " is damaged, and committed ones follow it");
      }
      scan.ends_torn = is_group;
      return scan;
    }
    add_mark(scan.marks, {frame.group.first, place.offset});
    place = *behind;
    scan.good_end = place.offset;
    scan.last = place.position - 1;
  }
  return scan;
}

Result<std::vector<Mark>> find_marks(const File& file, std::uint32_t salt, Position first,
                                     std::uint64_t end) {
  FrameReader reader(file, salt, end);
  std::vector<Mark> marks;
  Mark place{first, kSegmentHeaderBytes};
  while (place.offset < end) {
    DUNLIN_TRY(const Frame frame, reader.frame_at(place));
    if (frame.type == Frame::Type::link) {
      place.offset += frame.size;
      continue;
    }
    if (frame.type != Frame::Type::group) {
      return fail(Errc::corrupt, "no group begins at offset " + std::to_string(place.offset));
    }
    add_mark(marks, {frame.group.first, place.offset});
    place = {frame.group.first + frame.group.count, place.offset + frame.size + frame.group.bytes};
  }
  return marks;
}

}  // namespace dunlin::store
