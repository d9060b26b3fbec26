#pragma once
// GROUP BY, and buckets of time that nothing fell into.

#include <memory>
#include <vector>

#include "service/query/aggregate.h"
#include "service/query/bucket.h"
#include "service/query/operator.h"

namespace dunlin::query {

struct GroupPlan {
  std::vector<ExpressionPtr> keys;
  std::vector<MadeAggregate> aggregates;
};
/// The keys, then the aggregates, one row for each group; one row for nothing where there are no keys.
OperatorPtr make_group(OperatorPtr input, GroupPlan plan, Workspace& space);
/// What EXPLAIN tells of groups.
void explain_group(const GroupPlan& plan, std::vector<std::string>& lines, std::size_t depth);

struct Fill {
  enum class Kind : std::uint8_t { locf, interpolate } kind = Kind::locf;
  ExpressionPtr value;  // over the columns of the groups
};
struct GapPlan {
  std::vector<Type> types;  // of the columns of the groups
  std::size_t keys = 0;     // the first of them
  std::size_t bucket = 0;   // which key is the time
  Bucketing bucketing;
  std::optional<std::int64_t> from;  // where the query says from when to when
  std::optional<std::int64_t> to;    // exclusive
  std::vector<Fill> fills;
};
/// Adds the groups that are missing between the first bucket and the last, with NULL for the aggregates; then
/// a column for each fill.
OperatorPtr make_gap_fill(OperatorPtr input, GapPlan plan, Workspace& space);

}  // namespace dunlin::query
