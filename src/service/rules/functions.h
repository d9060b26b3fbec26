#pragma once
// The functions of the rules' SQL by name.

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "service/rules/expression.h"

namespace dunlin::rules {

/// A call of the named function (case does not count). Errors: malformed (unknown name, with the known ones).
Result<ExpressionPtr> make_call(const std::string& name, std::vector<ExpressionPtr> arguments);

}  // namespace dunlin::rules
