#pragma once
// From what a query says to the steps that answer it.

#include <string>
#include <vector>

#include "service/query/operator.h"
#include "service/query/scan.h"
#include "service/query/syntax.h"

namespace dunlin::query {

struct PlanEnvironment {
  TenantId tenant = kDefaultTenant;
  WallTime now{};
  ScanEnvironment scan;
  std::vector<Executor*> threads;  // that read and group; at least one
};

struct Plan {
  OperatorPtr root;
  std::vector<std::string> names;
  std::vector<Type> types;
};

/// Errors: not_found (table, column), invalid_argument, unsupported, limit_exceeded; the text names line and
/// column.
Result<Plan> make_plan(const Query& query, std::string_view sql, const PlanEnvironment& environment);

}  // namespace dunlin::query
