// What a SELECT reads: conditions that the scan itself can meet, and groups.

#include <algorithm>
#include <limits>

#include "service/query/select_planner.h"

namespace dunlin::query {
namespace {

using Kind = TableColumn::Kind;

constexpr std::int64_t kFirst = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kLast = std::numeric_limits<std::int64_t>::max();
constexpr std::size_t kMaxTextInPlan = 128;

std::int64_t after(std::int64_t time) {
  return time == kLast ? time : time + 1;
}

/// The sign with its sides exchanged.
std::string turned(const std::string& sign) {
  if (sign.front() == '<' && sign != "<>") return sign.size() == 2 ? ">=" : ">";
  if (sign.front() == '>') return sign.size() == 2 ? "<=" : "<";
  return sign;
}

bool is_aggregate_call(const Syntax& syntax) {
  return is_aggregate(syntax.text) && !syntax.over;
}
bool is_fill_call(const Syntax& syntax) {
  return syntax.text == "locf" || syntax.text == "interpolate";
}

}  // namespace

Result<void> SelectPlanner::plan_where() {
  for (const SyntaxPtr& conjunct : conjuncts_of(select_.where)) {
    DUNLIN_TRY(const bool is_met, push_down(conjunct));
    if (is_met) continue;
    DUNLIN_TRY(ExpressionPtr condition, binder_.bind_condition(*conjunct, *scope_));
    residual_.push_back({std::move(condition), text_of(*conjunct).substr(0, kMaxTextInPlan)});
  }
  return {};
}

/// True where the scan meets the condition.
Result<bool> SelectPlanner::push_down(const SyntaxPtr& conjunct) {
  if (table_ == nullptr || scan_.kind == TableKind::things) return false;
  DUNLIN_TRY(const bool is_time, push_time(conjunct));
  if (is_time) return true;
  DUNLIN_TRY(ExpressionPtr condition, binder_.bind_condition(*conjunct, *scope_));
  if (!is_all_fixed(*condition)) return false;
  const bool is_equality = conjunct->kind == Syntax::Kind::call && conjunct->text == "=" &&
                           conjunct->operands[1]->value.type == Type::text &&
                           !conjunct->operands[1]->value.text.empty();
  if (is_equality && is_column(*conjunct->operands[0], "device"))
    scan_.device = conjunct->operands[1]->value.text;
  if (is_equality && is_column(*conjunct->operands[0], "channel") && scan_.kind == TableKind::samples)
    scan_.channel = conjunct->operands[1]->value.text;
  scan_.fixed_conditions.push_back(std::move(condition));
  return true;
}

bool SelectPlanner::is_all_fixed(const Expression& expression) const {
  std::vector<std::size_t> columns;
  expression.add_columns(columns);
  return std::ranges::all_of(columns,
                             [this](std::size_t column) { return is_fixed(table_->used()[column]); });
}

Result<bool> SelectPlanner::push_time(const SyntaxPtr& conjunct) {
  if (conjunct->kind != Syntax::Kind::call || conjunct->operands.size() < 2) return false;
  const std::vector<SyntaxPtr>& operands = conjunct->operands;
  if (conjunct->text == "between" && is_column(*operands[0], "time")) {
    DUNLIN_TRY(const bool has_low, bound_time(">=", *operands[1]));
    if (!has_low) return false;
    return bound_time("<=", *operands[2]);
  }
  if (is_column(*operands[0], "time")) return bound_time(conjunct->text, *operands[1]);
  if (is_column(*operands[1], "time")) return bound_time(turned(conjunct->text), *operands[0]);
  return false;
}

/// `time` sign value: false where the value is none that the query says.
Result<bool> SelectPlanner::bound_time(const std::string& sign, const Syntax& value) {
  constexpr std::string_view kSigns[] = {"=", "<", "<=", ">", ">="};
  if (std::ranges::find(kSigns, sign) == std::end(kSigns)) return false;
  DUNLIN_TRY(ExpressionPtr bound, binder_.bind(value, *scope_));
  if (!is_constant(*bound)) return false;
  auto time = coerce(std::move(bound), Type::time);
  if (!time) return binder_.wrong(value, time.error().code, time.error().message);
  const Datum datum = value_of(**time);
  if (datum.type != Type::time) {
    narrow(0, 0);  // NULL compares with nothing
  } else if (sign == "=") {
    narrow(datum.integer, after(datum.integer));
  } else if (sign.front() == '<') {
    narrow(kFirst, sign == "<" ? datum.integer : after(datum.integer));
  } else {
    narrow(sign == ">" ? after(datum.integer) : datum.integer, kLast);
  }
  return true;
}

void SelectPlanner::narrow(std::int64_t from, std::int64_t to) {
  scan_.from = std::max(scan_.from, from);
  scan_.to = std::min(scan_.to, to);
}

OperatorPtr SelectPlanner::source() {
  OperatorPtr source = std::move(root_);
  if (table_ != nullptr) {
    scan_.columns = table_->used();
    source = make_scan(scan_, environment_.scan);
  }
  for (const RowCondition& condition : residual_)
    source = make_filter(std::move(source), condition, *environment_.scan.space);
  return source;
}

/// What the groups do not read, nor a later condition, goes no further than the condition that reads it.
void SelectPlanner::drop_columns_behind(const GroupPlan& plan) {
  std::vector<std::size_t> read;
  for (const ExpressionPtr& key : plan.keys) key->add_columns(read);
  for (const MadeAggregate& made : plan.aggregates) {
    for (const ExpressionPtr& argument : made.arguments) argument->add_columns(read);
  }
  for (std::size_t i = residual_.size(); i-- > 0;) {
    residual_[i].needed.assign(table_->used().size(), false);
    for (const std::size_t column : read) residual_[i].needed[column] = true;
    residual_[i].condition->add_columns(read);
  }
}

/// Whether a group is of one device, and a device of one unit.
bool SelectPlanner::has_group_of_device(const GroupPlan& plan) const {
  if (scan_.kind != TableKind::wide || scan_.channels == ScanPlan::Channels::apart) return false;
  return std::ranges::any_of(plan.keys, [this](const ExpressionPtr& key) {
    const auto column = column_of(*key);
    return column && table_->used()[*column].kind == Kind::device;
  });
}

OperatorPtr SelectPlanner::grouped(GroupPlan plan) {
  const bool is_of_points = table_ != nullptr && scan_.kind != TableKind::things;
  if (!is_of_points || scan_.mode == ScanPlan::Mode::last_values)
    return make_group(source(), std::move(plan), *environment_.scan.space);
  drop_columns_behind(plan);
  scan_.columns = table_->used();
  std::vector<Unit> units = list_units(scan_, environment_.scan);
  PartedScan from{kept(scan_), std::move(units), residual_,
                  has_group_of_device(plan) ? PartedScan::Groups::own : PartedScan::Groups::shared};
  return make_parallel_group(std::move(from), std::move(plan), environment_.scan, environment_.threads);
}

Result<SelectPlanner::Grouping> SelectPlanner::grouping() {
  Grouping made;
  for (const SyntaxPtr& group : select_.group_by) {
    DUNLIN_TRY(SyntaxPtr key, resolve_position(group));
    if (key == group) key = substitute(group, aliases_);
    DUNLIN_TRY(ExpressionPtr bound, binder_.bind(*key, *scope_));
    made.types.push_back(bound->type());
    made.plan.keys.push_back(std::move(bound));
    made.keys.push_back(std::move(key));
  }
  made.calls = calls_in(output_syntax(), is_aggregate_call);
  for (const SyntaxPtr& call : made.calls) {
    AggregateCall aggregate{.name = call->text, .quantifier = call->quantifier, .arguments = {}};
    aggregate.order = table_ != nullptr ? AggregateCall::Order::by_time : AggregateCall::Order::unknown;
    for (const SyntaxPtr& operand : call->operands) {
      if (operand->kind == Syntax::Kind::star && call->text == "count") continue;
      DUNLIN_TRY(ExpressionPtr bound, binder_.bind(*operand, *scope_));
      aggregate.arguments.push_back(std::move(bound));
    }
    constexpr std::string_view kTimed[] = {"rate", "increase", "delta", "first", "last"};
    if (aggregate.arguments.size() == 1 && std::ranges::find(kTimed, call->text) != std::end(kTimed)) {
      const auto time = scope_->find({}, "time");
      if (!time) return binder_.wrong(*call, Errc::invalid_argument, "expected a value and its time");
      aggregate.arguments.push_back(make_column_reference(time->column, time->type));
    }
    auto aggregated = make_aggregate(std::move(aggregate));
    if (!aggregated)
      return binder_.wrong(*call, aggregated.error().code,
                           "\"" + call->text + "\": " + aggregated.error().message);
    made.types.push_back(aggregated->aggregate->type());
    made.plan.aggregates.push_back(*std::move(aggregated));
  }
  return made;
}

Result<void> SelectPlanner::plan_groups() {
  DUNLIN_TRY(Grouping made, grouping());
  choose_mode(made);
  root_ = grouped(std::move(made.plan));
  types_ = made.types;
  for (std::size_t i = 0; i < made.keys.size(); ++i) binder_.know(*made.keys[i], {i, types_[i]});
  for (std::size_t i = 0; i < made.calls.size(); ++i) {
    const std::size_t column = made.keys.size() + i;
    binder_.know(*made.calls[i], {column, types_[column]});
  }
  binder_.close_names();
  return plan_gap_fill(made);
}

bool SelectPlanner::is_value_column(const Expression& expression) const {
  const auto column = column_of(expression);
  if (!column) return false;
  const Kind kind = table_->used()[*column].kind;
  return kind == Kind::channel || kind == Kind::value;
}

bool SelectPlanner::is_time_column(const Expression& expression) const {
  const auto column = column_of(expression);
  return column && table_->used()[*column].kind == Kind::time;
}

void SelectPlanner::choose_mode(const Grouping& grouping) {
  if (table_ == nullptr || scan_.kind == TableKind::things) return;
  scan_.gone = series::ScanSet::Gone::refuse;
  if (!residual_.empty()) return;
  if (can_use_last_values(grouping)) {
    scan_.mode = ScanPlan::Mode::last_values;
    scan_.gone = series::ScanSet::Gone::leave_out;
    return;
  }
  if (!can_use_summaries(grouping)) return;
  scan_.mode = ScanPlan::Mode::summaries;
  const auto is_channel = [](const TableColumn& column) { return column.kind == Kind::channel; };
  if (std::ranges::count_if(table_->used(), is_channel) > 1) scan_.channels = ScanPlan::Channels::apart;
  for (const SyntaxPtr& key : grouping.keys) {
    if (const auto bucketing = bucketing_of(*key)) scan_.bucketing = bucketing;
  }
}

/// The last value of each series is kept in memory.
bool SelectPlanner::can_use_last_values(const Grouping& grouping) const {
  if (scan_.from != kFirst || scan_.to != kLast || grouping.calls.empty()) return false;
  const auto is_of_device = [this](const ExpressionPtr& key) { return is_all_fixed(*key); };
  if (!std::ranges::all_of(grouping.plan.keys, is_of_device)) return false;
  for (std::size_t i = 0; i < grouping.calls.size(); ++i) {
    const auto& arguments = grouping.plan.aggregates[i].arguments;
    const bool is_last =
        grouping.calls[i]->text == "last" && is_value_column(*arguments[0]) && is_time_column(*arguments[1]);
    const bool is_latest = grouping.calls[i]->text == "max" && is_time_column(*arguments[0]);
    if (!is_last && !is_latest) return false;
  }
  return true;
}

/// Whether a chunk falls into one group: it is of one device and, with time in the keys, of one bucket.
bool SelectPlanner::are_keys_of_chunks(const Grouping& grouping) const {
  std::size_t buckets = 0;
  for (std::size_t i = 0; i < grouping.keys.size(); ++i) {
    if (is_all_fixed(*grouping.plan.keys[i])) continue;
    const Syntax& key = *grouping.keys[i];
    if (!bucketing_of(key) || !is_column(*key.operands[1], "time") || ++buckets > 1) return false;
  }
  return true;
}

/// Channels of numbers, of which each aggregate reads one: then they need not be joined.
bool SelectPlanner::can_use_summaries(const Grouping& grouping) const {
  std::size_t channels = 0;
  for (const TableColumn& column : table_->used()) {
    if (column.kind == Kind::text || column.kind == Kind::quality || column.kind == Kind::flags) return false;
    if (column.kind != Kind::channel) continue;
    if (column.type != Type::number) return false;
    ++channels;
  }
  if (!are_keys_of_chunks(grouping)) return false;
  for (const MadeAggregate& made : grouping.plan.aggregates) {
    if (!made.aggregate->can_take_whole()) return false;
    // Rows are those of all channels together.
    if (made.arguments.empty() && channels > 1) return false;
    if (!made.arguments.empty() && !is_value_column(*made.arguments[0])) return false;
    if (made.arguments.size() == 2 && !is_time_column(*made.arguments[1])) return false;
  }
  return channels != 0 || scan_.kind == TableKind::samples;
}

Result<void> SelectPlanner::plan_gap_fill(const Grouping& grouping) {
  GapPlan gaps;
  const Syntax* bucket = nullptr;
  for (std::size_t i = 0; i < grouping.keys.size(); ++i) {
    const Syntax& key = *grouping.keys[i];
    if (key.kind != Syntax::Kind::call || key.text != "time_bucket_gapfill") continue;
    if (bucket != nullptr)
      return binder_.wrong(key, Errc::unsupported, "gaps are filled in one bucket of time only");
    bucket = &key;
    gaps.bucket = i;
  }
  if (bucket == nullptr) return {};
  const auto bucketing = bucketing_of(*bucket);
  if (!bucketing) return binder_.wrong(*bucket, Errc::invalid_argument, "expected the length of the buckets");
  gaps.bucketing = *bucketing;
  gaps.types = types_;
  gaps.keys = grouping.keys.size();
  if (scan_.from != kFirst && scan_.from < scan_.to) gaps.from = scan_.from;
  if (scan_.to != kLast && scan_.from < scan_.to) gaps.to = scan_.to;
  for (const SyntaxPtr& call : calls_in(output_syntax(), is_fill_call)) {
    if (call->operands.size() != 1)
      return binder_.wrong(*call, Errc::invalid_argument, "expected one argument");
    Fill fill;
    fill.kind = call->text == "locf" ? Fill::Kind::locf : Fill::Kind::interpolate;
    DUNLIN_TRY(fill.value, binder_.bind(*call->operands[0], *scope_));
    if (fill.kind == Fill::Kind::interpolate) {
      auto number = coerce(std::move(fill.value), Type::number);
      if (!number) return binder_.wrong(*call, number.error().code, number.error().message);
      fill.value = *std::move(number);
    }
    binder_.know(*call, {types_.size(), fill.value->type()});
    types_.push_back(fill.value->type());
    gaps.fills.push_back(std::move(fill));
  }
  root_ = make_gap_fill(std::move(root_), std::move(gaps), *environment_.scan.space);
  return {};
}

}  // namespace dunlin::query
