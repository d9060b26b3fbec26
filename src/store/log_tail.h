#pragma once
// The newest committed groups in memory, so that consumers that keep up never touch the disk. One thread.

#include <cstdint>
#include <deque>
#include <vector>

#include "store/log_group.h"

namespace dunlin::store {

struct ReadLimits {
  std::size_t records = 0;
  std::size_t bytes = 0;
};

/// Collects records up to the limits; the first one is always taken.
class RecordCollector {
 public:
  explicit RecordCollector(ReadLimits limits) : left_(limits) {}
  /// False when the limits leave no room for it.
  bool add(Position position, const RecordView& record);
  bool full() const { return left_.records == 0; }
  std::size_t count() const { return records_.size(); }
  std::vector<Record> take() { return std::move(records_); }

 private:
  ReadLimits left_;
  std::vector<Record> records_;
};

class LogTail {
 public:
  explicit LogTail(std::uint32_t salt) : salt_(salt) {}

  /// Keeps the group's bytes (they are taken from it when they are many) and drops the oldest ones past
  /// kTailBytes.
  void add(LogGroup& group);
  /// True if every committed record after `after` is here.
  bool covers(Position after) const { return !chunks_.empty() && after + 1 >= chunks_.front().first; }
  void read(Position after, RecordCollector& collector) const;
  /// Drops the oldest chunks until at most `bytes` are held.
  void shrink(std::size_t bytes);
  std::size_t bytes() const { return bytes_; }
  /// A buffer that is no longer needed, for the next group.
  std::vector<std::uint8_t> take_spare() { return std::exchange(spare_, {}); }

 private:
  struct Chunk {
    Position first = 0;
    Position last = 0;
    std::vector<std::uint8_t> bytes;
    std::vector<Mark> marks;
  };
  bool read_chunk(const Chunk& chunk, Position after, RecordCollector& collector) const;
  void drop_front();

  std::uint32_t salt_;
  std::size_t bytes_ = 0;
  std::deque<Chunk> chunks_;
  std::vector<std::uint8_t> spare_;
};

}  // namespace dunlin::store
