#pragma once
// Reads a table: the first step of every query.

#include <functional>
#include <optional>
#include <span>

#include "base/executor.h"
#include "service/query/bucket.h"
#include "service/query/operator.h"
#include "service/query/tables.h"

namespace dunlin::query {

struct ScanPlan {
  TenantId tenant = kDefaultTenant;
  TableKind kind = TableKind::wide;
  std::string table;
  std::vector<TableColumn> columns;                              // of its batches
  std::optional<std::string> device;                             // where the query names one
  std::optional<std::string> channel;                            // likewise, of `samples`
  std::int64_t from = std::numeric_limits<std::int64_t>::min();  // nanoseconds, inclusive
  std::int64_t to = std::numeric_limits<std::int64_t>::max();    // exclusive
  std::vector<ExpressionPtr> fixed_conditions;                   // of columns that are the same for a series
  enum class Mode : std::uint8_t {
    points,
    summaries,   // a chunk in one bucket may come as a whole
    last_values  // only the last value of each series is asked for
  } mode = Mode::points;
  /// apart: the channels of a device come one after another, each with NULL for the others.
  enum class Channels : std::uint8_t { joined, apart } channels = Channels::joined;
  std::optional<Bucketing> bucketing;  // of summaries; none: all time is one bucket
  series::ScanSet::Gone gone = series::ScanSet::Gone::leave_out;  // of points: what an aggregate may not miss

  series::PartGrid grid() const {
    return bucketing ? series::PartGrid{bucketing->width, bucketing->origin} : series::PartGrid{};
  }
};

/// What a source works with.
struct ScanEnvironment {
  series::SeriesStore& store;
  const TagSource& tags;
  std::shared_ptr<Workspace> space;
  std::shared_ptr<std::function<void()>> wake;  // runs when something has come for a query that waits
  Executor& executor;                           // that works with it
};

/// A channel of a device, or none where the device has not got it.
struct UnitSeries {
  series::SeriesId id{};
  Type type = Type::number;
  series::Point last{};  // only where last values are asked for
};

/// What is read together: a device of a wide table, a series of `samples`.
struct Unit {
  std::uint64_t origin = 0;
  std::vector<UnitSeries> series;
  std::vector<ColumnPtr> fixed;       // by column of the plan; null for those that change
  std::optional<std::size_t> only{};  // the one of the plan's channels, where they are apart
};

/// What the plan reads, in the order of devices: takes what is known of the series now, as they may be gone
/// in the next turn. The store's thread.
std::vector<Unit> list_units(const ScanPlan& plan, const ScanEnvironment& environment);

/// For use in later turns: without what is valid in this one only.
std::shared_ptr<const ScanPlan> kept(ScanPlan plan);

/// Reads units one after another, some ahead of being asked for. Thread: the environment's executor.
class UnitSource : public Operator {
 public:
  /// On the store's thread, if that is another, before anything else: what is read first need not ask there.
  /// Whoever calls has no more to do with it.
  virtual void begin() = 0;
};
std::unique_ptr<UnitSource> make_unit_scan(std::shared_ptr<const ScanPlan> plan, std::vector<Unit> units,
                                           ScanEnvironment environment);
/// All of a table.
OperatorPtr make_scan(ScanPlan plan, ScanEnvironment environment);
/// Of the table `things`.
OperatorPtr make_things_scan(ScanPlan plan, ScanEnvironment environment);
/// What EXPLAIN tells of a scan. The store's thread.
void explain_scan(const ScanPlan& plan, std::span<const Unit> units, const series::SeriesStore& store,
                  std::vector<std::string>& lines, std::size_t depth);

}  // namespace dunlin::query
