#pragma once
// Reads a table: the first step of every query.

#include <functional>
#include <optional>

#include "base/executor.h"
#include "service/query/bucket.h"
#include "service/query/operator.h"
#include "service/query/tables.h"

namespace dunlin::query {

struct ScanPlan {
  TenantId tenant = kDefaultTenant;
  TableKind kind = TableKind::wide;
  std::string table;
  std::string prefix;
  std::vector<TableColumn> columns;  // of its batches
  SeriesList series;
  std::optional<std::string> device;                             // where the query names one
  std::int64_t from = std::numeric_limits<std::int64_t>::min();  // nanoseconds, inclusive
  std::int64_t to = std::numeric_limits<std::int64_t>::max();    // exclusive
  std::vector<ExpressionPtr> fixed_conditions;                   // of columns that are the same for a series
  enum class Mode : std::uint8_t {
    points,
    summaries,   // a chunk in one bucket may come as a whole
    last_values  // only the last value of each series is asked for
  } mode = Mode::points;
  std::optional<Bucketing> bucketing;  // of summaries; none: all time is one bucket
};

/// What a source works with.
struct ScanEnvironment {
  series::SeriesStore& store;
  const TagSource& tags;
  std::shared_ptr<Workspace> space;
  std::shared_ptr<std::function<void()>> wake;  // runs when something has come for a query that waits
};

OperatorPtr make_scan(ScanPlan plan, ScanEnvironment environment);

}  // namespace dunlin::query
