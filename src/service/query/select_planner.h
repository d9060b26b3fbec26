#pragma once
// Plans one SELECT. Internal to the room.

#include <map>
#include <optional>
#include <vector>

#include "service/query/group.h"
#include "service/query/parallel_group.h"
#include "service/query/planner.h"
#include "service/query/scope.h"

namespace dunlin::query {

/// Expressions with what their aliases stand for written out; not in aggregates, whose arguments are columns.
SyntaxPtr substitute(const SyntaxPtr& syntax, const std::map<std::string, SyntaxPtr>& aliases);
/// Calls to which `wanted` says yes, each once, outermost ones first; what is inside of them is not looked
/// at.
std::vector<SyntaxPtr> calls_in(const std::vector<SyntaxPtr>& all, bool (*wanted)(const Syntax& syntax));
/// The parts that AND joins.
std::vector<SyntaxPtr> conjuncts_of(const SyntaxPtr& condition);
/// Of time_bucket(), time_bucket_gapfill() and date_trunc().
std::optional<Bucketing> bucketing_of(const Syntax& syntax);
bool is_column(const Syntax& syntax, std::string_view name);

class SelectPlanner {
 public:
  SelectPlanner(const Select& select, std::string_view sql, const PlanEnvironment& environment)
      : select_(select), sql_(sql), environment_(environment), binder_(sql, environment.now) {}

  Result<Plan> plan();

 private:
  /// What is grouped, in the order of the columns of the groups.
  struct Grouping {
    std::vector<SyntaxPtr> keys;
    std::vector<SyntaxPtr> calls;
    std::vector<MadeAggregate> aggregates;
    GroupPlan plan;
    std::vector<Type> types;
  };

  Result<void> open_from();
  Result<void> open_table();
  Result<void> resolve_items();
  Result<SyntaxPtr> resolve_position(const SyntaxPtr& syntax) const;
  void find_columns();
  void find_columns_in(const SyntaxPtr& syntax);
  bool is_grouped() const;

  Result<void> plan_where();
  Result<bool> push_down(const SyntaxPtr& conjunct);
  Result<bool> push_time(const SyntaxPtr& conjunct);
  Result<bool> bound_time(const std::string& sign, const Syntax& value);
  void narrow(std::int64_t from, std::int64_t to);
  bool is_all_fixed(const Expression& expression) const;
  OperatorPtr source();
  OperatorPtr grouped(GroupPlan plan);
  void drop_columns_behind(const GroupPlan& plan);
  bool has_group_of_device(const GroupPlan& plan) const;

  Result<void> plan_groups();
  Result<Grouping> grouping();
  void choose_mode(const Grouping& grouping);
  bool can_use_summaries(const Grouping& grouping) const;
  bool are_keys_of_chunks(const Grouping& grouping) const;
  bool can_use_last_values(const Grouping& grouping) const;
  bool is_value_column(const Expression& expression) const;
  bool is_time_column(const Expression& expression) const;
  Result<void> plan_gap_fill(const Grouping& grouping);

  Result<void> plan_windows();
  Result<void> plan_window(const std::vector<SyntaxPtr>& calls);
  Result<void> plan_having();
  Result<Plan> plan_output();
  Result<std::vector<SortKey>> sort_keys(std::vector<ExpressionPtr>& columns);
  std::vector<SyntaxPtr> output_syntax() const;

  const Select& select_;
  std::string_view sql_;
  const PlanEnvironment& environment_;
  Binder binder_;
  std::unique_ptr<Scope> scope_;
  TableScope* table_ = nullptr;  // where it is one
  ScanPlan scan_;
  std::vector<RowCondition> residual_;
  OperatorPtr root_;
  std::vector<Type> types_;  // of root_'s columns
  std::vector<SelectItem> items_;
  std::map<std::string, SyntaxPtr> aliases_;
  SyntaxPtr having_;
  std::vector<OrderKey> order_by_;
};

}  // namespace dunlin::query
