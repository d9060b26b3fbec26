#pragma once
// Reads one series that has rollups: parts of time where these are all that is left, or say as much as the
// points would, and points where they are needed.

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/executor.h"
#include "service/series/dictionary.h"
#include "service/series/rollup.h"
#include "service/series/series_reader.h"
#include "store/keyed.h"

namespace dunlin::series {

/// Days whose entries are read at once; of minutes.
inline constexpr std::size_t kDaysPerRollupRead = 128;
inline constexpr std::size_t kMinuteDaysPerRollupRead = 16;

/// The series is neither changed (ReadGate) nor gone while it is read; set, visitor and told outlive it.
/// Works on the dictionary's thread, where what is open changes meanwhile; the visitor, `told` and the
/// completion are the asker's. Owned by its own completions.
class RolledScan : public std::enable_shared_from_this<RolledScan> {
 public:
  struct Environment {
    Executor& executor;  // the dictionary's
    Executor& asker;
    store::Keyed& keyed;
  };
  using Done = std::move_only_function<void(Result<ScanGo>)>;
  RolledScan(Environment environment, const SeriesEntry& series, const ScanSet& set, ScanVisitor& visitor,
             std::size_t& told, Done done);

  /// Errors: corrupt, io, limit_exceeded; unsupported: what is left is longer than the buckets.
  void start();

 private:
  using Found = std::vector<std::vector<store::Entry>>;
  /// A day whose points are gone, while its entries are looked for.
  struct Day {
    WallTime start;
    std::optional<Parts> parts;
  };
  /// What comes next: parts, or a time of which points are read.
  struct Item {
    WallTime begin{};
    WallTime end{};
    RollupLength length{};
    Parts parts{};
  };

  /// There at once, where it is the same thread.
  void on_asker(Task task);
  void on_dictionary(Task task);
  void go_on();
  bool has_late(WallTime from, WallTime to) const;

  void read_final();
  void read_lengths(std::vector<Day> days, std::vector<RollupLength> order, std::size_t next);
  Result<void> take_entries(std::vector<Day>& days, RollupLength length,
                            const std::vector<store::Entry>& entries) const;
  void read_late_day(WallTime day);
  void add_late(WallTime start, const Found& found);
  void end_late_day(const RollupDay& day);
  void tell_days(const std::vector<Day>& days);
  Result<ScanGo> tell_final(const Parts& parts);

  void read_made(RollupLength length);
  void take_made(RollupLength length, const std::vector<WallTime>& days, const std::vector<WallTime>& changed,
                 const std::vector<store::Entry>& entries);
  void add_gap(WallTime begin, WallTime end);
  void tell_items();

  /// All points from where it is to there, for the visitor.
  void read_points_to(WallTime to);
  /// Reads points of a time for a visitor, and goes on with `then` on the dictionary's thread.
  void read_points(WallTime from, WallTime to, ScanVisitor& visitor, Task then);
  void end(Result<ScanGo> result);

  Environment environment_;
  const SeriesEntry& series_;
  const ScanSet& set_;
  ScanVisitor& visitor_;
  std::size_t& told_;
  Done done_;
  const WallTime from_;
  const WallTime to_;
  WallTime at_;  // everything before was told
  std::deque<Item> items_;
  ScanVisitor late_;                    // of the day that is read
  std::optional<SeriesReader> reader_;  // of the points that are read
};

}  // namespace dunlin::series
