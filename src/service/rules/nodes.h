#pragma once
// The kinds of expression that the parser makes. Internal to the room.

#include <string>
#include <utility>
#include <vector>

#include "service/rules/expression.h"

namespace dunlin::rules {

enum class BinaryOperator : std::uint8_t {
  add,
  subtract,
  multiply,
  divide,
  modulo,
  equal,
  not_equal,
  less,
  less_equal,
  greater,
  greater_equal,
  both,
  either
};

ExpressionPtr make_literal(boost::json::value value);
/// The payload's member of that name.
ExpressionPtr make_name(std::string name);
/// The whole payload (`*`).
ExpressionPtr make_payload();
ExpressionPtr make_member(ExpressionPtr object, std::string name);
ExpressionPtr make_binary(BinaryOperator operation, ExpressionPtr left, ExpressionPtr right);
ExpressionPtr make_not(ExpressionPtr operand);
ExpressionPtr make_negative(ExpressionPtr operand);
ExpressionPtr make_array(std::vector<ExpressionPtr> elements);
ExpressionPtr make_object(std::vector<std::pair<std::string, ExpressionPtr>> members);

struct CaseBranch {
  ExpressionPtr when;
  ExpressionPtr then;
};
/// `otherwise` may be null.
ExpressionPtr make_case(ExpressionPtr subject, std::vector<CaseBranch> branches, ExpressionPtr otherwise);

}  // namespace dunlin::rules
