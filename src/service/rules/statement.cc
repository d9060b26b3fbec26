#include "service/rules/statement.h"

#include <algorithm>

#include "service/rules/compiler.h"
#include "service/rules/conversion.h"
#include "service/rules/limits.h"
#include "service/rules/parser.h"

namespace dunlin::rules {
namespace {

constexpr std::size_t kMaxPredicates = 4;

bool is_literal(const Expression& expression) {
  return expression.kind == Expression::Kind::number || expression.kind == Expression::Kind::text ||
         expression.kind == Expression::Kind::boolean;
}

Operator turned(Operator operation) {
  switch (operation) {
    case Operator::less:
      return Operator::greater;
    case Operator::less_equal:
      return Operator::greater_equal;
    case Operator::greater:
      return Operator::less;
    case Operator::greater_equal:
      return Operator::less_equal;
    default:
      return operation;
  }
}

bool can_be_looked_up(Operator operation) {
  return operation == Operator::equal || operation == Operator::less || operation == Operator::less_equal ||
         operation == Operator::greater || operation == Operator::greater_equal;
}

/// Of `path operation constant` or the other way round.
std::optional<Predicate> predicate_of(const Expression& condition, Compiler& compiler) {
  if (condition.kind != Expression::Kind::binary || !can_be_looked_up(condition.operation))
    return std::nullopt;
  const bool is_turned = is_literal(condition.operands[0]);
  const Expression& constant = condition.operands[is_turned ? 0 : 1];
  const Expression& path = condition.operands[is_turned ? 1 : 0];
  if (!is_literal(constant)) return std::nullopt;
  // Orders compare numbers; a constant that is none makes them Undefined.
  if (condition.operation != Operator::equal && constant.kind != Expression::Kind::number)
    return std::nullopt;
  const auto id = compiler.path_of(path);
  if (!id) return std::nullopt;
  return Predicate{*id, is_turned ? turned(condition.operation) : condition.operation,
                   compiler.constant_block(literal_of(constant)).result.index()};
}

/// Of the conditions that AND joins, the first ones.
void add_predicates(const Expression& where, Compiler& compiler, std::vector<Predicate>& found) {
  if (where.kind == Expression::Kind::binary && where.operation == Operator::both) {
    for (const Expression& operand : where.operands) add_predicates(operand, compiler, found);
  } else if (found.size() < kMaxPredicates) {
    if (const auto predicate = predicate_of(where, compiler)) found.push_back(*predicate);
  }
}

}  // namespace

Result<Statement> Statement::parse(std::string_view sql, const Environment& environment) {
  DUNLIN_TRY(Parser parser, Parser::of(sql, {{}, environment.externals}));
  DUNLIN_TRY(Syntax syntax, parser.statement());
  Statement statement;
  Compiler compiler(environment.paths, {});
  statement.values_.reserve(syntax.variables.size());
  for (Variable& variable : syntax.variables) {
    statement.values_.push_back(compiler.block(variable.value));
    compiler.add_variable(variable.name);
    statement.variables_.push_back(std::move(variable.name));
  }
  if (syntax.where) {
    statement.plan_.where = compiler.conditions(*syntax.where);
    add_predicates(*syntax.where, compiler, statement.predicates_);
    statement.predicates_.shrink_to_fit();
  }
  statement.plan_.list = compiler.list(syntax.list);
  statement.filter_ = std::move(syntax.filter);
  statement.program_ = std::move(compiler).finish();
  return statement;
}

bool Statement::matches(Machine& machine) const {
  machine.start(program_, values_);
  return machine.holds(program_, plan_.where);
}

bool Statement::passes_payload() const {
  return !plan_.list.value && plan_.list.items.size() == 1 && plan_.list.items[0].names == 0;
}

Value Statement::select(Machine& machine) const {
  return machine.select(program_, plan_.list);
}

Result<Condition> Condition::parse(std::string_view text, const std::vector<std::string>& variables,
                                   const Environment& environment) {
  DUNLIN_TRY(Parser parser, Parser::of(text, {variables, environment.externals}));
  DUNLIN_TRY(const Expression expression, parser.lone_expression());
  Compiler compiler(environment.paths, variables);
  Condition condition;
  condition.conditions_ = compiler.conditions(expression);
  condition.program_ = std::make_unique<const Program>(std::move(compiler).finish());
  return condition;
}

bool Condition::holds(Machine& machine) const {
  return machine.holds(*program_, conditions_);
}

Result<void> append_output(Value output, std::string& out) {
  if (output.is_text()) {
    out += output.characters();
  } else if (!append_json(output, out, out.size() + kMaxOutputBytes)) {
    return fail(Errc::limit_exceeded, "what SELECT gives is longer than 1 MiB");
  }
  return {};
}

}  // namespace dunlin::rules
