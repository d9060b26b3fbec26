#pragma once
// What the operators of the rules' SQL give (section 4 of the language).

#include "service/rules/evaluation.h"
#include "service/rules/syntax.h"

namespace dunlin::rules {

Value apply(Operator operation, Value left, Value right, Evaluation& evaluation);
/// NOT
Value negation_of(Value value);
/// -a
Value negative_of(Value value, Evaluation& evaluation);

}  // namespace dunlin::rules
