#include "service/rules/syntax.h"

#include "service/rules/number.h"

namespace dunlin::rules {

Value literal_of(const Expression& expression) {
  switch (expression.kind) {
    case Expression::Kind::null:
      return Value::null();
    case Expression::Kind::boolean:
      return Value::boolean(expression.truth);
    case Expression::Kind::number:
      return parse_number(expression.text);
    case Expression::Kind::text:
      return Value::text(expression.text);
    default:
      return {};
  }
}

}  // namespace dunlin::rules
