#pragma once
// Who reads a series while its points may become rollups only: nobody sees a part of both, or of neither.

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <unordered_map>
#include <unordered_set>

#include "service/series/point.h"

namespace dunlin::series {

/// The dictionary's thread, but for end_read(): any, as a scan may end where it is waited for. Outlives the
/// store, for scans that do.
class ReadGate {
 public:
  bool is_changing(SeriesId id) const { return changing_.contains(id.value); }
  /// The series is not changing.
  void begin_read(SeriesId id) {
    const std::scoped_lock lock(mutex_);
    ++readers_[id.value];
  }
  void end_read(SeriesId id) {
    const std::scoped_lock lock(mutex_);
    const auto found = readers_.find(id.value);
    if (--found->second == 0) readers_.erase(found);
  }

  /// False while it is read.
  bool begin_change(SeriesId id) {
    const std::scoped_lock lock(mutex_);
    if (readers_.contains(id.value)) return false;
    changing_.insert(id.value);
    return true;
  }
  void end_change(SeriesId id) { changing_.erase(id.value); }

 private:
  std::mutex mutex_;  // guards readers_
  std::unordered_map<std::uint32_t, std::size_t> readers_;
  std::unordered_set<std::uint32_t> changing_;
};

}  // namespace dunlin::series
