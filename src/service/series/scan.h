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
  struct Wanted {
    TenantId tenant;
    SeriesId series;
    WallTime from{};  // inclusive
    WallTime to{};    // exclusive
  };
  enum class Go : std::uint8_t { on, stop };
  /// Gets what is in the range, ascending by time.
  struct Visitor {
    std::move_only_function<Go(Point)> point;
    /// May be empty. Of a chunk that is in the range as a whole and alone in its time: true if its points
    /// are not needed.
    std::move_only_function<bool(const store::ChunkSummary&)> chunk;
  };

  Scan(Executor& executor, store::Keyed& keyed, Wanted wanted, Visitor visitor,
       std::move_only_function<void(Result<void>)> done);

  /// Errors: corrupt, io; limit_exceeded after kMaxRowsPerQuery points.
  void start();

 private:
  void read(std::string begin);
  Result<Go> take(store::Entry entry);
  Result<Go> end_window();
  Result<Go> tell_chunk(const store::Entry& entry);
  Result<Go> tell(std::vector<Point> points);

  Executor& executor_;
  store::Keyed& keyed_;
  const Wanted wanted_;
  Visitor visitor_;
  std::move_only_function<void(Result<void>)> done_;
  WallTime window_ = WallTime::min();  // that the following are of
  std::vector<store::Entry> chunks_;
  std::vector<Point> rows_;
  std::size_t told_ = 0;
};

}  // namespace dunlin::series
