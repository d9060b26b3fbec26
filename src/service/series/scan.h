#pragma once
// Reads the points of one series in a range of time: chunks and what is not sealed yet, window after window.

#include <functional>
#include <memory>
#include <vector>

#include "base/executor.h"
#include "service/series/dictionary.h"
#include "service/series/point.h"
#include "store/keyed.h"

namespace dunlin::series {

/// Points of a chunk are of one read; longer ranges are refused.
inline constexpr std::size_t kMaxPointsPerQuery = 5'000'000;

/// Owned by its own completions: each page hands it to the next. What is open is copied when it starts, so
/// that what is sealed meanwhile is in one of both.
class Scan : public std::enable_shared_from_this<Scan> {
 public:
  Scan(Executor& executor, store::Keyed& keyed, ScanRange range, ScanVisitor visitor,
       std::move_only_function<void(Result<void>)> done);

  /// Errors: corrupt, io; limit_exceeded after kMaxPointsPerQuery points.
  void start(const SeriesEntry& series);

 private:
  struct Open {
    WallTime start;  // of the window
    std::vector<store::ChunkPoints> columns;
  };
  void read(std::string begin);
  Result<ScanGo> take(store::Entry entry);
  Result<ScanGo> end_window();
  Result<ScanGo> end_windows_before(WallTime start);
  Result<ScanGo> tell_merged(std::vector<store::Entry> chunks, Open open);
  Result<ScanGo> tell_chunk(const store::Entry& entry);
  Result<ScanGo> tell(const store::ChunkPoints& points);

  Executor& executor_;
  store::Keyed& keyed_;
  const ScanRange wanted_;
  ScanVisitor visitor_;
  std::move_only_function<void(Result<void>)> done_;
  std::vector<Open> open_;             // descending by start: the next one is the last
  WallTime window_ = WallTime::min();  // that the following are of
  std::vector<store::Entry> chunks_;
  std::size_t told_ = 0;
};

}  // namespace dunlin::series
