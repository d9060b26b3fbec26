#pragma once
// What the next write makes of the rollups of one series.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "service/series/rollup_order.h"
#include "store/keyed.h"

namespace dunlin::series {

/// Whole days of a series, to be read.
struct RollupDays {
  WallTime begin;
  WallTime end;
};

/// Entries of some days, by length.
using RollupEntries = std::vector<std::vector<store::Entry>>;

/// Values only: it is given what was read, and adds to a batch what is to be written. The series' entry says
/// it after exchange(), which takes it back when it is called again. What is to be done next follows from
/// what was done, in this order: late days, days to make, points that go, entries that go.
class RollupChange {
 public:
  RollupChange(SeriesEntry& series, const RollupOrder& order);

  SeriesEntry& series() const { return *series_; }
  const RollupOrder& order() const { return order_; }
  /// Days are in the batch that are not in the store yet.
  bool has_made() const { return days_made_ != 0; }
  std::size_t days_made() const { return days_made_; }

  /// Days whose points are gone, or on their way, with chunks to be taken into their entries.
  std::optional<RollupDays> late_days() const;
  std::optional<RollupDays> days_to_make(WallTime now) const;
  /// The day before which points are kept no longer, where some are there. Not while something is open that
  /// is in neither.
  std::optional<WallTime> expired(WallTime now) const;
  /// From now on the entries count, and the chunks go as late ones do, of which nothing is new.
  void expire(WallTime before);
  std::optional<RollupLength> length_to_drop() const;

  /// Whether the chunk is of another day than the last one that was taken.
  bool is_of_next_day(const store::Entry& chunk) const;
  /// Chunks in their order, with the entries that there are of their days.
  void take(const store::Entry& chunk, const RollupEntries& entries, store::Batch& batch);
  void end_day(store::Batch& batch);
  /// All chunks of the days were taken.
  void end_days(const RollupDays& days, store::Batch& batch);
  void drop(const store::Entry& entry, store::Batch& batch);
  /// All entries of the length that are kept no longer were dropped.
  void end_drop(RollupLength length);

  bool changes_entry() const;
  void exchange();

 private:
  bool is_final(WallTime day) const { return day < next_.points_from; }
  void begin_day(WallTime day, const RollupEntries& all);
  void log_unreadable(const Error& why) const;

  SeriesEntry* series_;
  RollupOrder order_;
  RollupState next_;
  WallTime sealed_from_;
  std::int64_t points_ = 0;  // more in chunks
  std::int64_t bytes_ = 0;
  std::size_t days_made_ = 0;

  std::optional<RollupDay> day_;  // whose chunks are taken
  bool is_day_unreadable_ = false;
  std::array<std::size_t, kRollupLengths.size()> old_bytes_{};  // of the day's entries
};

}  // namespace dunlin::series
