#include <algorithm>
#include <set>

#include "service/query/aggregate.h"
#include "service/query/expression.h"
#include "service/query/select_planner.h"

namespace dunlin::query {
namespace {

void add_calls(const SyntaxPtr& syntax, bool (*wanted)(const Syntax& syntax), std::set<Identity>& seen,
               std::vector<SyntaxPtr>& calls) {
  if (!syntax) return;
  if (syntax->kind == Syntax::Kind::call && wanted(*syntax)) {
    if (seen.insert(syntax->identity).second) calls.push_back(syntax);
    return;
  }
  for (const SyntaxPtr& operand : syntax->operands) add_calls(operand, wanted, seen, calls);
  if (!syntax->over) return;
  for (const SyntaxPtr& key : syntax->over->partition) add_calls(key, wanted, seen, calls);
  for (const OrderKey& key : syntax->over->order) add_calls(key.expression, wanted, seen, calls);
}

std::int64_t seconds_of_unit(std::string_view unit) {
  if (unit == "second") return 1;
  if (unit == "minute") return 60;
  if (unit == "hour") return 3600;
  if (unit == "day") return 86400;
  return unit == "week" ? 7 * 86400 : 0;
}

}  // namespace

SyntaxPtr substitute(const SyntaxPtr& syntax, const std::map<std::string, SyntaxPtr>& aliases) {
  if (!syntax) return syntax;
  if (syntax->kind == Syntax::Kind::name && syntax->qualifier.empty()) {
    const auto found = aliases.find(syntax->text);
    return found == aliases.end() ? syntax : found->second;
  }
  if (syntax->operands.empty() || syntax->over ||
      (syntax->kind == Syntax::Kind::call && is_aggregate(syntax->text))) {
    return syntax;
  }
  Syntax changed = *syntax;
  bool has_changed = false;
  for (SyntaxPtr& operand : changed.operands) {
    SyntaxPtr other = substitute(operand, aliases);
    has_changed = has_changed || other != operand;
    operand = std::move(other);
  }
  if (!has_changed) return syntax;
  changed.identity = identity_of(changed);
  return std::make_shared<const Syntax>(std::move(changed));
}

std::vector<SyntaxPtr> calls_in(const std::vector<SyntaxPtr>& all, bool (*wanted)(const Syntax& syntax)) {
  std::set<Identity> seen;
  std::vector<SyntaxPtr> calls;
  for (const SyntaxPtr& syntax : all) add_calls(syntax, wanted, seen, calls);
  return calls;
}

std::vector<SyntaxPtr> conjuncts_of(const SyntaxPtr& condition) {
  std::vector<SyntaxPtr> conjuncts;
  std::vector<SyntaxPtr> open;
  if (condition) open.push_back(condition);
  while (!open.empty()) {
    const SyntaxPtr syntax = std::move(open.back());
    open.pop_back();
    if (syntax->kind == Syntax::Kind::call && syntax->text == "and") {
      open.push_back(syntax->operands[1]);
      open.push_back(syntax->operands[0]);
    } else {
      conjuncts.push_back(syntax);
    }
  }
  return conjuncts;
}

bool is_column(const Syntax& syntax, std::string_view name) {
  return syntax.kind == Syntax::Kind::name && syntax.text == name;
}

std::optional<Bucketing> bucketing_of(const Syntax& syntax) {
  if (syntax.kind != Syntax::Kind::call || syntax.operands.size() < 2) return std::nullopt;
  const Syntax& length = *syntax.operands[0];
  if (length.kind != Syntax::Kind::literal) return std::nullopt;
  Bucketing bucketing;
  if (syntax.text == "date_trunc") {
    bucketing.width = seconds_of_unit(length.value.text) * 1'000'000'000;
  } else if (syntax.text != "time_bucket" && syntax.text != "time_bucket_gapfill") {
    return std::nullopt;
  } else if (length.value.type == Type::interval) {
    bucketing.width = length.value.integer;
  } else {
    bucketing.width = parse_interval(length.value.text).value_or(0);
  }
  if (bucketing.width <= 0) return std::nullopt;
  if (syntax.operands.size() == 3) {
    const Syntax& origin = *syntax.operands[2];
    const Syntax& text = origin.kind == Syntax::Kind::cast ? *origin.operands[0] : origin;
    const auto time = parse_time(text.value.text);
    if (text.kind != Syntax::Kind::literal || !time) return std::nullopt;
    bucketing.origin = *time;
  }
  return bucketing;
}

}  // namespace dunlin::query
