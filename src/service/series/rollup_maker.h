#pragma once
// Makes rollups of days that are over, and lets go of points, and of rollups, that are kept no longer.

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/executor.h"
#include "base/metrics.h"
#include "service/series/dictionary.h"
#include "service/series/read_gate.h"
#include "service/series/rollup_change.h"
#include "service/series/sealer.h"
#include "store/keyed.h"

namespace dunlin::series {

/// Chunks that are read at once, and how many times, before others have their turn (a day is not divided).
inline constexpr std::size_t kChunksPerRollupRead = 64;
inline constexpr std::size_t kBytesPerRollupRead = 1024 * 1024;
inline constexpr std::size_t kReadsPerRollupStep = 16;
inline constexpr Duration kRollupRest = std::chrono::milliseconds{2};
/// Entries, and chunks that go, in one write, and those of the last day.
inline constexpr std::size_t kChangesPerRollupWrite = 512;
/// A series that is being read is tried again so often, and after so long; then with the next order.
inline constexpr int kRollupTries = 20;
inline constexpr Duration kRollupRetry = std::chrono::milliseconds{100};

/// One step after another, each while nothing seals or deletes, and in one atomic write: what a day's entries
/// say, that its chunks are gone, and what the dictionary knows of both. Owned by its own completions.
class RollupMaker : public std::enable_shared_from_this<RollupMaker> {
 public:
  struct Parts {
    Executor& executor;
    store::Keyed& keyed;
    Dictionary& dictionary;
    Sealer& sealer;
    std::shared_ptr<ReadGate> gate;
    metrics::Cell& days;
  };
  using Done = std::move_only_function<void(Result<void>)>;
  RollupMaker(Parts parts, std::vector<RollupOrder> orders, Done done);

  /// Errors: those of the keyed store. What was not done is done by the next order.
  void start();

 private:
  struct Page {
    std::vector<store::Entry> chunks;
    bool is_last = false;
  };

  void step();
  void work();
  bool is_full() const;
  bool begin_next();
  bool read_next();
  bool enter_gate();

  void read_days(const RollupDays& days);
  void read_chunks();
  void read_entries(Page page);
  void take(Page page, const RollupEntries& found);
  void read_dropped(RollupLength length);

  void flush();
  void written(const Result<void>& result);
  void forget_empty(SeriesEntry& series);
  void end(Result<void> result);

  Parts parts_;
  std::deque<RollupOrder> orders_;
  Done done_;
  std::vector<RollupOrder> later_;
  int tries_ = 0;
  Task released_;

  std::optional<RollupChange> change_;  // of the series that is worked on
  RollupDays days_;                     // of it, that are read
  std::string next_key_;                // of their chunks
  std::size_t reads_ = 0;               // of this step
  store::Batch batch_;
  std::vector<RollupChange> changes_;  // that are in the batch, beside the present one
  std::vector<SeriesId> gated_;
};

}  // namespace dunlin::series
