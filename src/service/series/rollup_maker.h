#pragma once
// Makes rollups of days that are over, and lets go of points, and of rollups, that are kept no longer.

#include <array>
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
#include "service/series/rollup.h"
#include "service/series/sealer.h"
#include "store/keyed.h"

namespace dunlin::series {

/// Rollups of a day are made so long after its end: later samples make them anew.
inline constexpr Duration kRollupDelay = std::chrono::hours{3};
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

/// What is to be made of a series.
struct RollupOrder {
  SeriesId series;
  RollupLengths lengths;                     // at least one
  WallTime points_before = WallTime::min();  // points of days before that day go, once they are in rollups
  /// Entries of days before these go, of each length.
  std::array<WallTime, kRollupLengths.size()> before{WallTime::min(), WallTime::min(), WallTime::min()};
};

/// Whether there is anything to do.
bool is_due(const SeriesEntry& series, const RollupOrder& order, WallTime now);

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
  enum class Phase : std::uint8_t { absorb, make, expire, drop, over };
  /// What the next write makes of a series.
  struct Change {
    SeriesEntry* series = nullptr;
    RollupState next;
    WallTime sealed_from{};
    std::int64_t points = 0;  // more in chunks
    std::int64_t bytes = 0;
  };
  struct Page {
    std::vector<store::Entry> chunks;
    bool is_last = false;
  };

  void step();
  void begin(SeriesEntry& series);
  bool is_full() const;
  void work();
  bool begin_next();
  void advance();
  bool choose_absorb();
  bool choose_make();
  void expire();
  bool choose_drop();
  bool gate_change();
  void put_off();
  WallTime target() const;

  void read_chunks();
  void read_entries(Page page);
  using Found = std::vector<std::vector<store::Entry>>;  // by length
  void take(Page page, const Found& found);
  void take_chunk(const store::Entry& chunk);
  void begin_day(WallTime day, const Found& all);
  void end_day();
  void end_range();
  void read_dropped(std::size_t length);
  bool is_final(WallTime day) const { return day < change_->next.points_from; }
  std::string key_of(std::size_t length, WallTime day) const;

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

  std::optional<RollupOrder> order_;  // of the series that is worked on
  std::optional<Change> change_;
  Phase phase_ = Phase::over;
  std::string next_key_;  // of the chunks that are read
  std::string end_key_;
  std::optional<RollupDay> day_;
  bool is_day_unreadable_ = false;
  bool has_made_ = false;  // days that are in the batch
  std::array<std::size_t, kRollupLengths.size()> old_bytes_{};

  std::size_t reads_ = 0;  // of this step
  store::Batch batch_;
  std::vector<Change> changes_;  // that are in the batch, beside the present one
  std::vector<SeriesId> gated_;
};

}  // namespace dunlin::series
