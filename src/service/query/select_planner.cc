#include "service/query/select_planner.h"

#include <algorithm>

#include "model/sql_tokens.h"
#include "service/query/aggregate.h"

namespace dunlin::query {
namespace {

constexpr std::size_t kMaxNameBytes = 128;

std::string name_of(const SelectItem& item) {
  if (!item.alias.empty()) return item.alias;
  if (item.expression->kind == Syntax::Kind::name) return item.expression->text;
  return text_of(*item.expression).substr(0, kMaxNameBytes);
}

bool wants_time(const Syntax& syntax) {
  constexpr std::string_view kTimed[] = {"rate", "increase", "delta", "first", "last"};
  return syntax.kind == Syntax::Kind::call && syntax.operands.size() == 1 &&
         std::ranges::find(kTimed, syntax.text) != std::end(kTimed);
}

}  // namespace

Result<Plan> make_plan(const Query& query, std::string_view sql, const PlanEnvironment& environment) {
  return SelectPlanner(*query.select, sql, environment).plan();
}

Result<Plan> SelectPlanner::plan() {
  DUNLIN_CHECK(open_from());
  DUNLIN_CHECK(resolve_items());
  find_columns();
  if (table_ != nullptr && table_->used().size() > kMaxColumns)
    return fail(Errc::limit_exceeded, "the query reads more than 256 columns of the table");
  DUNLIN_CHECK(plan_where());
  if (is_grouped()) {
    DUNLIN_CHECK(plan_groups());
  } else {
    root_ = source();
    if (table_ != nullptr) {
      for (const TableColumn& column : table_->used()) types_.push_back(column.type);
    }
  }
  DUNLIN_CHECK(plan_having());
  DUNLIN_CHECK(plan_windows());
  return plan_output();
}

Result<void> SelectPlanner::open_from() {
  if (!select_.from.select) return open_table();
  DUNLIN_TRY(Plan inner, SelectPlanner(*select_.from.select, sql_, environment_).plan());
  types_ = inner.types;
  root_ = std::move(inner.root);
  scope_ = std::make_unique<RowScope>(std::move(inner.names), std::move(inner.types), select_.from.alias);
  return {};
}

Result<void> SelectPlanner::open_table() {
  auto table =
      find_table(environment_.scan.store, environment_.scan.tags, environment_.tenant, select_.from.table);
  if (!table) {
    return fail(table.error().code, model::sql_line(sql_, select_.from.at) + ": " + table.error().message);
  }
  scan_.tenant = environment_.tenant;
  scan_.kind = table->kind;
  scan_.table = table->name;
  auto scope = std::make_unique<TableScope>(*std::move(table), select_.from.alias);
  table_ = scope.get();
  scope_ = std::move(scope);
  return {};
}

/// Writes out the star, aliases and positions.
Result<void> SelectPlanner::resolve_items() {
  for (const SelectItem& item : select_.items) {
    if (item.expression->kind != Syntax::Kind::star) {
      items_.push_back(item);
      continue;
    }
    for (std::string& name : scope_->names()) {
      Syntax syntax;
      syntax.kind = Syntax::Kind::name;
      syntax.at = item.expression->at;
      syntax.text = std::move(name);
      syntax.identity = identity_of(syntax);
      items_.push_back({std::make_shared<const Syntax>(std::move(syntax)), {}});
    }
  }
  if (items_.size() > kMaxColumns) return fail(Errc::limit_exceeded, "more than 256 columns are selected");
  for (const SelectItem& item : items_) {
    if (!item.alias.empty()) aliases_.emplace(item.alias, item.expression);
  }
  having_ = substitute(select_.having, aliases_);
  for (const OrderKey& key : select_.order_by) {
    DUNLIN_TRY(SyntaxPtr at, resolve_position(key.expression));
    order_by_.push_back({at == key.expression ? substitute(at, aliases_) : at, key.direction});
  }
  return {};
}

/// `ORDER BY 2` is the second of what is selected.
Result<SyntaxPtr> SelectPlanner::resolve_position(const SyntaxPtr& syntax) const {
  if (syntax->kind != Syntax::Kind::literal || syntax->value.type != Type::integer) return syntax;
  const std::int64_t position = syntax->value.integer;
  if (position < 1 || position > static_cast<std::int64_t>(items_.size())) {
    return binder_.wrong(*syntax, Errc::invalid_argument,
                         "expected a position from 1 to " + std::to_string(items_.size()));
  }
  return items_[static_cast<std::size_t>(position - 1)].expression;
}

std::vector<SyntaxPtr> SelectPlanner::output_syntax() const {
  std::vector<SyntaxPtr> all;
  for (const SelectItem& item : items_) all.push_back(item.expression);
  if (having_) all.push_back(having_);
  for (const OrderKey& key : order_by_) all.push_back(key.expression);
  return all;
}

bool SelectPlanner::is_grouped() const {
  const auto wanted = [](const Syntax& syntax) { return is_aggregate(syntax.text) && !syntax.over; };
  return !select_.group_by.empty() || having_ != nullptr || !calls_in(output_syntax(), wanted).empty();
}

/// What is read of a table is known before anything is built on it.
void SelectPlanner::find_columns() {
  if (table_ == nullptr) return;
  for (const SyntaxPtr& syntax : output_syntax()) find_columns_in(syntax);
  for (const SyntaxPtr& key : select_.group_by) find_columns_in(substitute(key, aliases_));
  find_columns_in(select_.where);
  const auto is_channel = [](const TableColumn& column) { return column.kind == TableColumn::Kind::channel; };
  if (table_->table().kind != TableKind::wide || std::ranges::any_of(table_->used(), is_channel)) return;
  // Rows are there where some channel has a value: without a name of one, any.
  for (const TableColumn& column : table_->table().columns) {
    if (is_channel(column)) scope_->find({}, column.name);
  }
}

void SelectPlanner::find_columns_in(const SyntaxPtr& syntax) {
  if (!syntax) return;
  if (syntax->kind == Syntax::Kind::name) scope_->find(syntax->qualifier, syntax->text);
  if (wants_time(*syntax)) scope_->find({}, "time");
  for (const SyntaxPtr& operand : syntax->operands) find_columns_in(operand);
  if (!syntax->over) return;
  for (const SyntaxPtr& key : syntax->over->partition) find_columns_in(key);
  for (const OrderKey& key : syntax->over->order) find_columns_in(key.expression);
}

Result<void> SelectPlanner::plan_having() {
  if (!having_) return {};
  DUNLIN_TRY(ExpressionPtr condition, binder_.bind_condition(*having_, *scope_));
  root_ = make_filter(std::move(root_), {std::move(condition), text_of(*having_).substr(0, kMaxNameBytes)},
                      *environment_.scan.space);
  return {};
}

Result<void> SelectPlanner::plan_windows() {
  std::vector<SyntaxPtr> open =
      calls_in(output_syntax(), [](const Syntax& syntax) { return syntax.over != nullptr; });
  const auto has_same_window = [](const Syntax& a, const Syntax& b) {
    const auto same = [](const auto& x, const auto& y) { return x->identity == y->identity; };
    const auto same_key = [](const OrderKey& x, const OrderKey& y) {
      return x.expression->identity == y.expression->identity && x.direction == y.direction;
    };
    return std::ranges::equal(a.over->partition, b.over->partition, same) &&
           std::ranges::equal(a.over->order, b.over->order, same_key);
  };
  while (!open.empty()) {
    std::vector<SyntaxPtr> together;
    std::vector<SyntaxPtr> others;
    for (const SyntaxPtr& call : open)
      (has_same_window(*open.front(), *call) ? together : others).push_back(call);
    DUNLIN_CHECK(plan_window(together));
    open = std::move(others);
  }
  return {};
}

Result<void> SelectPlanner::plan_window(const std::vector<SyntaxPtr>& calls) {
  std::vector<ExpressionPtr> columns;
  for (std::size_t i = 0; i < types_.size(); ++i) columns.push_back(make_column_reference(i, types_[i]));
  const auto add = [&](const Syntax& syntax) -> Result<std::size_t> {
    DUNLIN_TRY(ExpressionPtr bound, binder_.bind(syntax, *scope_));
    types_.push_back(bound->type());
    columns.push_back(std::move(bound));
    return columns.size() - 1;
  };
  const Over& over = *calls.front()->over;
  std::vector<std::size_t> partition;
  for (const SyntaxPtr& key : over.partition) {
    DUNLIN_TRY(const std::size_t column, add(*key));
    partition.push_back(column);
  }
  std::vector<SortKey> order;
  for (const OrderKey& key : over.order) {
    DUNLIN_TRY(const std::size_t column, add(*key.expression));
    order.push_back({column, key.direction == OrderKey::Direction::ascending
                                 ? SortKey::Direction::ascending
                                 : SortKey::Direction::descending});
  }
  std::vector<WindowCall> made;
  for (const SyntaxPtr& call : calls) {
    WindowCall window;
    if (call->text == "row_number") {
      window.kind = WindowCall::Kind::row_number;
      window.type = Type::integer;
    } else if ((call->text == "lag" || call->text == "lead") && !call->operands.empty() &&
               call->operands.size() <= 2) {
      window.kind = call->text == "lag" ? WindowCall::Kind::lag : WindowCall::Kind::lead;
      DUNLIN_TRY(window.column, add(*call->operands[0]));
      window.type = types_.back();
      if (call->operands.size() == 2) {
        const Datum& distance = call->operands[1]->value;
        if (distance.type != Type::integer || distance.integer < 0)
          return binder_.wrong(*call->operands[1], Errc::invalid_argument, "expected a number of rows");
        window.distance = static_cast<std::size_t>(distance.integer);
      }
    } else {
      return binder_.wrong(*call, Errc::unsupported,
                           "expected lag(value), lead(value) or row_number() before OVER");
    }
    made.push_back(window);
  }
  root_ = make_projection(std::move(root_), std::move(columns), *environment_.scan.space);
  root_ = make_window(std::move(root_), types_, std::move(partition), std::move(order), made,
                      *environment_.scan.space);
  for (std::size_t i = 0; i < calls.size(); ++i) {
    binder_.know(*calls[i], {types_.size(), made[i].type});
    types_.push_back(made[i].type);
  }
  return {};
}

/// Those of ORDER BY, as columns behind what is selected where they are not among it.
Result<std::vector<SortKey>> SelectPlanner::sort_keys(std::vector<ExpressionPtr>& columns) {
  std::vector<SortKey> keys;
  for (const OrderKey& key : order_by_) {
    const auto selected = std::ranges::find(items_, key.expression->identity,
                                            [](const SelectItem& item) { return item.expression->identity; });
    auto column = static_cast<std::size_t>(selected - items_.begin());
    if (selected == items_.end()) {
      if (select_.quantifier == Select::Quantifier::distinct) {
        return binder_.wrong(*key.expression, Errc::invalid_argument,
                             "what SELECT DISTINCT is ordered by must be selected");
      }
      DUNLIN_TRY(ExpressionPtr bound, binder_.bind(*key.expression, *scope_));
      column = columns.size();
      columns.push_back(std::move(bound));
    }
    keys.push_back({column, key.direction == OrderKey::Direction::ascending
                                ? SortKey::Direction::ascending
                                : SortKey::Direction::descending});
  }
  return keys;
}

Result<Plan> SelectPlanner::plan_output() {
  Workspace& space = *environment_.scan.space;
  Plan plan;
  std::vector<ExpressionPtr> columns;
  for (const SelectItem& item : items_) {
    DUNLIN_TRY(ExpressionPtr bound, binder_.bind(*item.expression, *scope_));
    plan.names.push_back(name_of(item));
    plan.types.push_back(bound->type());
    columns.push_back(std::move(bound));
  }
  DUNLIN_TRY(std::vector<SortKey> keys, sort_keys(columns));
  std::vector<Type> all;
  for (const ExpressionPtr& column : columns) all.push_back(column->type());
  root_ = make_projection(std::move(root_), std::move(columns), space);
  if (select_.quantifier == Select::Quantifier::distinct) {
    GroupPlan groups;
    for (std::size_t i = 0; i < plan.types.size(); ++i)
      groups.keys.push_back(make_column_reference(i, plan.types[i]));
    root_ = make_group(std::move(root_), std::move(groups), space);
  }
  if (!keys.empty()) {
    std::optional<std::uint64_t> most;
    if (select_.limit) most = *select_.limit + select_.offset;
    root_ = make_sort(std::move(root_), all, std::move(keys), most, space);
    if (all.size() != plan.types.size()) root_ = make_columns(std::move(root_), plan.types.size());
  }
  if (select_.limit || select_.offset != 0)
    root_ = make_limit(std::move(root_), select_.offset, select_.limit);
  plan.root = std::move(root_);
  return plan;
}

}  // namespace dunlin::query
