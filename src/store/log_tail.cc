#include "store/log_tail.h"

#include <algorithm>

#include "base/core/assert.h"

namespace dunlin::store {
namespace {
// Smaller groups are copied behind one another, so that many small ones do not cost a block of memory each.
constexpr std::size_t kChunkBytes = 64 * 1024;
}  // namespace

bool RecordCollector::add(Position position, const RecordView& record) {
  const bool fits = left_.records > 0 && (records_.empty() || record.bytes.size() <= left_.bytes);
  if (!fits) {
    left_.records = 0;
    return false;
  }
  records_.push_back({position, record.kind, Slice::copy_of(record.bytes)});
  --left_.records;
  left_.bytes -= std::min(left_.bytes, record.bytes.size());
  return true;
}

void LogTail::add(LogGroup& group) {
  const Position last = group.last();
  const bool joins = !chunks_.empty() && chunks_.back().bytes.size() + group.bytes.size() <= kChunkBytes;
  if (joins) {
    Chunk& chunk = chunks_.back();
    const std::size_t base = chunk.bytes.size();
    bytes_ -= chunk.bytes.capacity();
    chunk.bytes.insert(chunk.bytes.end(), group.bytes.begin(), group.bytes.end());
    bytes_ += chunk.bytes.capacity();
    for (const Mark& mark : group.marks) {
      if (base + mark.offset - chunk.marks.back().offset < kTailMarkSpacing) continue;
      chunk.marks.push_back({mark.position, base + mark.offset});
    }
    chunk.last = last;
  } else {
    Chunk chunk{group.first, last, {}, group.marks};
    if (group.bytes.size() < kChunkBytes) {
      chunk.bytes.assign(group.bytes.begin(), group.bytes.end());
    } else {
      chunk.bytes = std::exchange(group.bytes, {});
    }
    bytes_ += chunk.bytes.capacity();
    chunks_.push_back(std::move(chunk));
  }
  while (bytes_ > kTailBytes && !chunks_.empty()) drop_front();
}

void LogTail::drop_front() {
  Chunk& front = chunks_.front();
  bytes_ -= front.bytes.capacity();
  if (front.bytes.capacity() > spare_.capacity() && front.bytes.capacity() <= kKeptBufferBytes) {
    spare_ = std::move(front.bytes);
    spare_.clear();
  }
  chunks_.pop_front();
}

void LogTail::shrink(std::size_t bytes) {
  while (bytes_ > bytes && !chunks_.empty()) drop_front();
  spare_ = {};
}

bool LogTail::read_chunk(const Chunk& chunk, Position after, RecordCollector& collector) const {
  const auto behind = std::ranges::upper_bound(chunk.marks, after + 1, {}, &Mark::position);
  Mark place = behind == chunk.marks.begin() ? *behind : *std::prev(behind);
  while (place.offset < chunk.bytes.size()) {
    const Frame frame = parse_frame(salt_, place.position, ByteView{chunk.bytes}.subspan(place.offset));
    place.offset += frame.size;
    if (frame.type == Frame::Type::group) {
      place.position = frame.group.first;
      continue;
    }
    DUNLIN_ASSERT(frame.type == Frame::Type::record);  // memory that fails its own checksum
    if (place.position > after && !collector.add(place.position, frame.record)) return false;
    ++place.position;
  }
  return true;
}

void LogTail::read(Position after, RecordCollector& collector) const {
  auto chunk = std::ranges::lower_bound(chunks_, after + 1, {}, &Chunk::last);
  for (; chunk != chunks_.end() && !collector.full(); ++chunk) {
    if (!read_chunk(*chunk, after, collector)) return;
  }
}

}  // namespace dunlin::store
