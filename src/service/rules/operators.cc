#include "service/rules/operators.h"

#include "service/rules/conversion.h"
#include "service/rules/number.h"

namespace dunlin::rules {
namespace {

using Arithmetic = Value (*)(Value, Value, Arena&);

Value calculate(Arithmetic arithmetic, Value left, Value right, Evaluation& evaluation) {
  const Value a = to_number(left, evaluation);
  const Value b = to_number(right, evaluation);
  if (a.is_undefined() || b.is_undefined()) return {};
  return arithmetic(a, b, evaluation.arena);
}

Value join(Value left, Value right, Evaluation& evaluation) {
  const Value a = to_text(left, evaluation);
  const Value b = to_text(right, evaluation);
  if (a.is_undefined() || b.is_undefined()) return {};
  std::string joined;
  joined.reserve(a.characters().size() + b.characters().size());
  joined += a.characters();
  joined += b.characters();
  return evaluation.text(joined);
}

Value plus(Value left, Value right, Evaluation& evaluation) {
  if (left.is_text() || right.is_text()) return join(left, right, evaluation);
  return calculate(add, left, right, evaluation);
}

template <class Test>
Value order(Value left, Value right, Evaluation& evaluation, Test test) {
  const Value a = to_number(left, evaluation);
  const Value b = to_number(right, evaluation);
  if (a.is_undefined() || b.is_undefined()) return {};
  const auto ordering = compare(a, b);
  return ordering ? Value::boolean(test(*ordering)) : Value();
}

Value logical(Operator operation, Value left, Value right) {
  const auto a = to_boolean(left);
  const auto b = to_boolean(right);
  if (!a || !b) return {};
  return Value::boolean(operation == Operator::both ? *a && *b : *a || *b);
}

}  // namespace

Value apply(Operator operation, Value left, Value right, Evaluation& evaluation) {
  switch (operation) {
    case Operator::add:
      return plus(left, right, evaluation);
    case Operator::subtract:
      return calculate(subtract, left, right, evaluation);
    case Operator::multiply:
      return calculate(multiply, left, right, evaluation);
    case Operator::divide:
      return calculate(divide, left, right, evaluation);
    case Operator::modulo:
      return calculate(remainder, left, right, evaluation);
    case Operator::equal:
      return equals(left, right, evaluation);
    case Operator::not_equal:
      return negation_of(equals(left, right, evaluation));
    case Operator::less:
      return order(left, right, evaluation, [](auto o) { return o < 0; });
    case Operator::less_equal:
      return order(left, right, evaluation, [](auto o) { return o <= 0; });
    case Operator::greater:
      return order(left, right, evaluation, [](auto o) { return o > 0; });
    case Operator::greater_equal:
      return order(left, right, evaluation, [](auto o) { return o >= 0; });
    case Operator::both:
    case Operator::either:
      return logical(operation, left, right);
  }
  return {};
}

Value negation_of(Value value) {
  const auto truth = to_boolean(value);
  return truth ? Value::boolean(!*truth) : Value();
}

Value negative_of(Value value, Evaluation& evaluation) {
  const Value number = to_number(value, evaluation);
  return number.is_undefined() ? number : negate(number, evaluation.arena);
}

}  // namespace dunlin::rules
