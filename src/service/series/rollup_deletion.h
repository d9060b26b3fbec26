#pragma once
// Takes what was deleted out of the rollups of its series.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/executor.h"
#include "service/series/dictionary.h"
#include "service/series/rollup.h"
#include "store/keyed.h"

namespace dunlin::series {

inline constexpr std::size_t kRollupsPerDeletion = 256;  // entries in one write

/// Runs while nothing else changes chunks or rollups. What was made of points that are there goes, and is
/// made anew; of what is all that is left of its time the parts go that were touched, as short ones as are
/// kept. Tries again every second until the store takes it. Owned by its own completions.
class RollupDeletion : public std::enable_shared_from_this<RollupDeletion> {
 public:
  RollupDeletion(Executor& executor, store::Keyed& keyed, Dictionary& dictionary, const Deletion& deletion,
                 Task done);

  void start();

 private:
  void go_on();
  void read_cut(WallTime day);
  void rewrite(WallTime day, std::vector<store::RangePart> parts);
  void read_whole();
  void remove(const std::vector<store::Entry>& entries);
  void write(store::Batch batch, std::int64_t bytes, std::move_only_function<void()> written);
  void finish();
  void again(const Error& why);
  /// Not all of a day whose points are gone.
  bool is_cut(WallTime day) const;

  Executor& executor_;
  store::Keyed& keyed_;
  Dictionary& dictionary_;
  SeriesEntry& series_;
  const Deletion deletion_;
  Task done_;
  std::vector<WallTime> cut_;  // days
  WallTime from_{};            // whole days are deleted from here
  WallTime to_{};              // to here, exclusive
  std::size_t length_ = 0;
};

}  // namespace dunlin::series
