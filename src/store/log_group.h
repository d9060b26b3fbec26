#pragma once
// The records that will be written and synced together.

#include <cstdint>
#include <vector>

#include "store/limits.h"
#include "store/log_segment.h"

namespace dunlin::store {

struct LogGroup {
  std::vector<std::uint8_t> bytes;  // as on the disk; begins with room for the group's header
  std::vector<Mark> marks;          // offsets are inside `bytes`
  Position first = 0;
  std::uint32_t count = 0;

  bool empty() const { return count == 0; }
  Position last() const { return first + count - 1; }

  void add(std::uint32_t salt, Position position, std::uint8_t kind, ByteView record) {
    if (empty()) {
      first = position;
      bytes.resize(kGroupHeaderBytes);
      marks.push_back({position, 0});
    }
    const std::size_t at = bytes.size();
    if (at - marks.back().offset >= kTailMarkSpacing) marks.push_back({position, at});
    bytes.resize(at + kRecordHeaderBytes + record.size());
    encode_record(salt, position, kind, record, bytes.data() + at);
    ++count;
  }

  /// To be called once, before the group is written.
  void seal(std::uint32_t salt) {
    const auto size = static_cast<std::uint32_t>(bytes.size() - kGroupHeaderBytes);
    encode_group_header(salt, {first, size, count}, bytes.data());
  }

  void clear() {
    bytes.clear();
    marks.clear();
    count = 0;
  }
};

}  // namespace dunlin::store
