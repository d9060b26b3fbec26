#pragma once
// GROUP BY over a table, whose parts are read and grouped by several threads. Internal to the room.

#include <memory>
#include <vector>

#include "service/query/group.h"
#include "service/query/scan.h"

namespace dunlin::query {

/// What is grouped: rows of a table that meet all conditions.
struct PartedScan {
  std::shared_ptr<const ScanPlan> plan;
  std::vector<Unit> units;
  std::vector<RowCondition> conditions;
  /// own: no two units have rows of one group.
  enum class Groups : std::uint8_t { shared, own } groups = Groups::shared;
};

/// As make_group(). The units are cut into parts by their number alone, and what came of the parts is put
/// together in their order: sums come out the same with any number of threads. Groups of units' own are given
/// on as soon as their part is done, and in the same order as others. `threads`: at least one, on
/// which parts run; the operator itself works on the environment's executor.
OperatorPtr make_parallel_group(PartedScan from, GroupPlan plan, ScanEnvironment environment,
                                std::vector<Executor*> threads);

}  // namespace dunlin::query
