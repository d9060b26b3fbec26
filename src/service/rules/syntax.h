#pragma once
// What a statement says, as the parser understood it. Compiled into a Program (compiler.h) and then dropped.

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "service/rules/value.h"

namespace dunlin::rules {

struct Function;
struct Query;

enum class Operator : std::uint8_t {
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

struct Expression {
  enum class Kind : std::uint8_t {
    null,
    boolean,     // `truth`
    number,      // `text`: its digits
    text,        // `text`
    name,        // `text`: a member of the payload, or of a nested query's element
    everything,  // the payload, or a nested query's element
    variable,    // `text`: without the @
    member,      // `text` of operands[0]
    negative,    // of operands[0]
    negation,    // NOT operands[0]
    binary,      // operands[0] `operation` operands[1]
    array,       // of operands
    object,      // of operands, called `names`
    choice,      // CASE operands[0] WHEN [1] THEN [2] .. ELSE the last, if their number is even
    call,        // of `function` with operands
    query        // of `query` over operands[0]
  };
  Kind kind = Kind::null;
  Operator operation{};
  bool truth = false;
  std::string text;
  const Function* function = nullptr;
  std::vector<Expression> operands;
  std::vector<std::string> names;
  std::shared_ptr<const Query> query;  // shared: a tree is copied nowhere, but its type is not complete here
};

struct SelectItem {
  enum class Kind : std::uint8_t { everything, named } kind = Kind::named;
  Expression expression;
  std::vector<std::string> path;  // of the output's member; more than one step makes nested objects
};

struct SelectList {
  std::vector<SelectItem> items;  // empty: SELECT VALUE
  std::unique_ptr<const Expression> value;
};

/// (SELECT list FROM source WHERE where); the source is an operand of the expression.
struct Query {
  SelectList list;
  std::unique_ptr<const Expression> where;  // null: all
};

struct Variable {
  std::string name;
  Expression value;
};

struct Syntax {
  std::vector<Variable> variables;
  SelectList list;
  std::string filter;                       // empty: no FROM
  std::unique_ptr<const Expression> where;  // null: all
};

/// A number, text, truth value or null that an expression is; it points into the expression.
Value literal_of(const Expression& expression);

}  // namespace dunlin::rules
