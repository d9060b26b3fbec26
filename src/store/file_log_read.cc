// Reading: recent records from memory, older ones from the segments.
#include <algorithm>

#include "store/file_log.h"
#include "store/limits.h"

namespace dunlin::store {

Result<std::vector<Record>> FileLog::read(Position after, std::size_t max_records, std::size_t max_bytes) {
  if (after >= committed_ || max_records == 0) return std::vector<Record>{};
  if (!tail_.covers(after)) return read_disk(after, {max_records, max_bytes});
  RecordCollector collector({max_records, max_bytes});
  tail_.read(after, collector);
  return collector.take();
}

Result<std::vector<Record>> FileLog::read_disk(Position after, ReadLimits limits) {
  RecordCollector collector(limits);
  auto behind = std::ranges::upper_bound(segments_, after + 1, {}, &LogSegment::first);
  if (behind != segments_.begin()) --behind;
  for (auto index = static_cast<std::size_t>(behind - segments_.begin()); index < segments_.size(); ++index) {
    auto more = read_segment(index, after, collector);
    if (!more && collector.count() == 0) return std::unexpected(std::move(more).error());
    // What lies before the damage is still good; the next read begins at the damage and tells of it.
    if (!more || !*more) break;
  }
  return collector.take();
}

/// The last known beginning of a frame at or before the record behind `after`.
Result<Mark> FileLog::place_of(const File& file, LogSegment& segment, Position after) {
  const auto hint = std::ranges::find_if(
      hints_, [&](const ReadHint& known) { return known.after == after && known.segment == segment.first; });
  if (hint != hints_.end()) return hint->place;
  if (segment.marks.empty()) {
    DUNLIN_TRY(segment.marks, find_marks(file, salt_, segment.first, segment.bytes));
  }
  const auto behind = std::ranges::upper_bound(segment.marks, after + 1, {}, &Mark::position);
  if (behind == segment.marks.begin()) return Mark{segment.first, kSegmentHeaderBytes};
  return *std::prev(behind);
}

Result<bool> FileLog::read_segment(std::size_t index, Position after, RecordCollector& collector) {
  LogSegment& segment = segments_[index];
  if (segment.bytes == kSegmentHeaderBytes) return true;
  const std::string path = options_.folder + "/" + segment_name(segment.first);
  const auto opened = environment_.fs.open(path, OpenMode::read);
  if (!opened && opened.error().code == Errc::not_found) return fail(Errc::corrupt, path + ": is missing");
  if (!opened) return std::unexpected(opened.error());
  const File& file = **opened;
  DUNLIN_TRY(Mark place, place_of(file, segment, after));
  FrameReader reader(file, salt_, segment.bytes);
  Position taken = after;
  bool full = false;
  while (place.offset < segment.bytes && !full) {
    DUNLIN_TRY(const Frame frame, reader.frame_at(place));
    if (frame.type == Frame::Type::damaged) {
      return fail(Errc::corrupt, path + ": damaged at offset " + std::to_string(place.offset));
    }
    if (frame.type == Frame::Type::record) {
      full = place.position > after && !collector.add(place.position, frame.record);
      if (full) break;
      taken = std::max(taken, place.position);
      ++place.position;
    } else if (frame.type == Frame::Type::group) {
      place.position = frame.group.first;
    }
    place.offset += frame.size;
    full = collector.full();
  }
  const ReadHint next{taken, segment.first, place};
  if (hints_.size() < kReadHints) {
    hints_.push_back(next);
  } else {
    hints_[next_hint_++ % kReadHints] = next;
  }
  return !full;
}

}  // namespace dunlin::store
