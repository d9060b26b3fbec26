#pragma once
// Takes points that were deleted out of the chunks of their series.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/executor.h"
#include "service/series/dictionary.h"
#include "store/keyed.h"

namespace dunlin::series {

inline constexpr std::size_t kChunksPerDeletion = 256;  // in one write

/// Runs while no seal does (Sealer::run_alone). Tries again every second until the store takes it: the log
/// has it, so a restart would begin anew. Owned by its own completions: each hands it to the next.
class ChunkDeletion : public std::enable_shared_from_this<ChunkDeletion> {
 public:
  ChunkDeletion(Executor& executor, store::Keyed& keyed, Dictionary& dictionary, Deletion deletion,
                store::Position after, Task done);

  void start();

 private:
  void begin();
  void read();
  void write(std::vector<store::Entry> entries);
  Result<void> take_out(const store::Entry& entry, store::Batch& batch);
  void finish();
  void again(const Error& why);

  Executor& executor_;
  store::Keyed& keyed_;
  Dictionary& dictionary_;
  SeriesEntry& series_;
  const Deletion deletion_;
  const store::Position after_;  // the log's record is behind it
  Task done_;
  std::string next_;
  std::int64_t points_ = 0;  // less in chunks, of the write under way
  std::int64_t bytes_ = 0;
};

}  // namespace dunlin::series
