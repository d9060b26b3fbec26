#pragma once
// Reads the points of one series in a range of time: rows and chunks, window after window.

#include <functional>
#include <memory>
#include <vector>

#include "base/executor.h"
#include "service/series/series_store.h"
#include "store/chunk/chunk.h"
#include "store/keyed.h"

namespace dunlin::series {

/// Owned by its own completions: each page hands it to the next.
class Scan : public std::enable_shared_from_this<Scan> {
 public:
  Scan(Executor& executor, store::Keyed& keyed, ScanRange range, ScanVisitor visitor,
       std::move_only_function<void(Result<void>)> done);

  /// Errors: corrupt, io; limit_exceeded after kMaxRowsPerQuery points.
  void start();

 private:
  void read(std::string begin);
  Result<ScanGo> take(store::Entry entry);
  Result<ScanGo> end_window();
  Result<ScanGo> tell_chunk(const store::Entry& entry);
  Result<ScanGo> tell(const store::ChunkPoints& points);

  Executor& executor_;
  store::Keyed& keyed_;
  const ScanRange wanted_;
  ScanVisitor visitor_;
  std::move_only_function<void(Result<void>)> done_;
  WallTime window_ = WallTime::min();  // that the following are of
  std::vector<store::Entry> chunks_;
  std::vector<Point> rows_;
  std::size_t told_ = 0;
};

}  // namespace dunlin::series
