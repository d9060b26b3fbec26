#include <algorithm>
#include <array>

#include "service/rules/functions.h"
#include "service/rules/limits.h"
#include "service/rules/number.h"
#include "service/rules/parser.h"
#include "service/rules/regexp.h"

namespace dunlin::rules {
namespace {

using model::is_sql_keyword;
using Kind = Expression::Kind;

struct SignOperator {
  std::string_view sign;
  Operator operation;
};
constexpr std::array<SignOperator, 6> kComparisons{{{"=", Operator::equal},
                                                    {"<>", Operator::not_equal},
                                                    {"<=", Operator::less_equal},
                                                    {">=", Operator::greater_equal},
                                                    {"<", Operator::less},
                                                    {">", Operator::greater}}};
constexpr std::array<std::string_view, 11> kReserved{"SELECT", "FROM", "WHERE", "AS",   "AND", "OR",
                                                     "NOT",    "WHEN", "THEN",  "ELSE", "END"};

Expression make(Kind kind, std::string text = {}) {
  Expression made;
  made.kind = kind;
  made.text = std::move(text);
  return made;
}

Expression make_truth(bool truth) {
  Expression made = make(Kind::boolean);
  made.truth = truth;
  return made;
}

Expression make_one(Kind kind, Expression operand, std::string text = {}) {
  Expression made = make(kind, std::move(text));
  made.operands.push_back(std::move(operand));
  return made;
}

Expression make_binary(Operator operation, Expression left, Expression right) {
  Expression made = make_one(Kind::binary, std::move(left));
  made.operation = operation;
  made.operands.push_back(std::move(right));
  return made;
}

bool has_variable(const Expression& expression) {
  return expression.kind == Kind::variable || std::ranges::any_of(expression.operands, has_variable);
}

}  // namespace

Result<Expression> Parser::expression() {
  if (++depth_ > kMaxSqlDepth)
    return fail(Errc::limit_exceeded, "the expression is nested more than 64 deep" + place_of(peek()));
  DUNLIN_TRY(Expression left, conjunction());
  while (take_word("OR")) {
    DUNLIN_TRY(Expression right, conjunction());
    left = make_binary(Operator::either, std::move(left), std::move(right));
  }
  --depth_;
  return left;
}

Result<Expression> Parser::conjunction() {
  DUNLIN_TRY(Expression left, negation());
  while (take_word("AND")) {
    DUNLIN_TRY(Expression right, negation());
    left = make_binary(Operator::both, std::move(left), std::move(right));
  }
  return left;
}

Result<Expression> Parser::negation() {
  std::size_t count = 0;
  for (; take_word("NOT"); ++count) DUNLIN_CHECK(count_node());
  DUNLIN_TRY(Expression operand, comparison());
  for (std::size_t i = 0; i < count; ++i) operand = make_one(Kind::negation, std::move(operand));
  return operand;
}

Result<Expression> Parser::comparison() {
  DUNLIN_TRY(Expression left, sum());
  for (const SignOperator& candidate : kComparisons) {
    if (!take_sign(candidate.sign)) continue;
    DUNLIN_TRY(Expression right, sum());
    return make_binary(candidate.operation, std::move(left), std::move(right));
  }
  return left;
}

Result<Expression> Parser::sum() {
  DUNLIN_TRY(Expression left, product());
  while (true) {
    const bool adds = take_sign("+");
    if (!adds && !take_sign("-")) return left;
    DUNLIN_TRY(Expression right, product());
    left = make_binary(adds ? Operator::add : Operator::subtract, std::move(left), std::move(right));
  }
}

Result<Expression> Parser::product() {
  DUNLIN_TRY(Expression left, unary());
  while (true) {
    Operator operation = Operator::multiply;
    if (take_sign("/")) {
      operation = Operator::divide;
    } else if (take_sign("%")) {
      operation = Operator::modulo;
    } else if (!take_sign("*")) {
      return left;
    }
    DUNLIN_TRY(Expression right, unary());
    left = make_binary(operation, std::move(left), std::move(right));
  }
}

Result<Expression> Parser::unary() {
  std::size_t count = 0;
  for (; take_sign("-"); ++count) DUNLIN_CHECK(count_node());
  DUNLIN_TRY(Expression operand, postfix());
  for (std::size_t i = 0; i < count; ++i) {
    if (operand.kind == Kind::number && !operand.text.starts_with('-')) {
      operand.text.insert(0, 1, '-');
    } else {
      operand = make_one(Kind::negative, std::move(operand));
    }
  }
  return operand;
}

Result<Expression> Parser::postfix() {
  DUNLIN_TRY(Expression value, primary());
  while (take_sign(".")) {
    if (peek().kind != Token::Kind::word) return unexpected("a name");
    DUNLIN_CHECK(count_node());
    value = make_one(Kind::member, std::move(value), tokens_[at_++].text);
  }
  return value;
}

Result<Expression> Parser::primary() {
  DUNLIN_CHECK(count_node());
  switch (peek().kind) {
    case Token::Kind::number:
      return number();
    case Token::Kind::text:
      return make(Kind::text, tokens_[at_++].text);
    case Token::Kind::word:
      return word();
    default:
      break;
  }
  if (take_sign("(")) return parenthesis();
  if (take_sign("[")) {
    Expression array = make(Kind::array);
    DUNLIN_TRY(array.operands, list_until("]"));
    return array;
  }
  if (take_sign("{")) return object_literal();
  if (take_sign("*")) return make(Kind::everything);
  if (take_sign("@")) return variable();
  return unexpected("an expression");
}

Result<Expression> Parser::number() {
  Arena arena(1024);
  const Value value = parse_number(peek().text);
  if (normalized(value, arena).is_undefined()) return unexpected("a number between -9.99E999 and 9.99E999");
  return make(Kind::number, tokens_[at_++].text);
}

Result<Expression> Parser::word() {
  if (take_word("TRUE")) return make_truth(true);
  if (take_word("FALSE")) return make_truth(false);
  if (take_word("NULL")) return make(Kind::null);
  if (take_word("CASE")) return case_expression();
  for (const std::string_view keyword : kReserved) {
    if (is_sql_keyword(peek().text, keyword)) return unexpected("an expression");
  }
  const Token& name = tokens_[at_++];
  if (!take_sign("(")) return make(Kind::name, name.text);
  return call(name);
}

Result<Expression> Parser::variable() {
  const Token& name = peek();
  if (name.kind != Token::Kind::word) return unexpected("a variable's name");
  const std::vector<std::string_view> known(variables_.begin(), variables_.end());
  if (std::ranges::find(known, name.text) == known.end())
    return wrong_name("there is no SET for the variable", name, known);
  ++at_;
  return make(Kind::variable, name.text);
}

Result<Expression> Parser::parenthesis() {
  if (take_word("SELECT")) return query();
  DUNLIN_TRY(Expression inner, expression());
  DUNLIN_CHECK(expect_sign(")"));
  return inner;
}

Result<Expression> Parser::query() {
  if (++depth_ > kMaxSqlDepth)
    return fail(Errc::limit_exceeded, "the queries are nested more than 64 deep" + place_of(peek()));
  auto made = std::make_shared<Query>();  // shared with nobody: see Expression
  DUNLIN_TRY(made->list, select_list());
  DUNLIN_CHECK(expect_word("FROM"));
  DUNLIN_TRY(Expression source, postfix());
  if (take_word("WHERE")) {
    DUNLIN_TRY(Expression where, expression());
    made->where = std::make_unique<const Expression>(std::move(where));
  }
  DUNLIN_CHECK(expect_sign(")"));
  --depth_;
  Expression whole = make_one(Kind::query, std::move(source));
  whole.query = std::move(made);
  return whole;
}

Result<Expression> Parser::call(const Token& name) {
  if (is_sql_keyword(name.text, "CAST")) return cast();
  Expression made = make(Kind::call);
  made.function = find_function(name.text);
  if (made.function == nullptr) {
    auto known = function_names();
    return wrong_name("there is no function", name, known);
  }
  DUNLIN_TRY(made.operands, list_until(")"));
  DUNLIN_CHECK(check_call(made, name));
  if (made.function->name == "encode" && made.operands.size() == 2 &&
      made.operands[0].kind == Kind::everything) {
    made.function = &encode_payload();
    made.operands.erase(made.operands.begin());
  }
  return made;
}

/// What can never work is refused here, and not found out message by message.
Result<void> Parser::check_call(const Expression& call, const Token& name) const {
  const std::string_view function = call.function->name;
  if (call.function->call == nullptr && (externals_ == nullptr || !externals_->offers(function)))
    return fail(Errc::unsupported, std::string(function) + place_of(name) +
                                       " asks another system, and none is set up here to answer it");
  const bool has_pattern = function.starts_with("regexp_") && call.operands.size() > 1;
  if (has_pattern && call.operands[1].kind == Kind::text) {
    // A pattern that is wrong gives Undefined; one that asks for what takes no bounded time is refused.
    const auto compiled = Regexp::compile(call.operands[1].text);
    if (!compiled && compiled.error().code == Errc::unsupported)
      return fail(Errc::unsupported, "the pattern of " + std::string(function) + place_of(name) + ": " +
                                         compiled.error().message);
  }
  if (function == "decode" && call.operands.size() > 2)
    return fail(Errc::unsupported, "decode" + place_of(name) + " knows only 'base64' here");
  if (function == "transform" && !call.operands.empty() && has_variable(call.operands[0]))
    return fail(Errc::malformed,
                "the mode of transform" + place_of(name) + " is a text, 'enrichArray', and no variable");
  return {};
}

Result<Expression> Parser::cast() {
  Expression made = make(Kind::call);
  DUNLIN_TRY(Expression operand, expression());
  DUNLIN_CHECK(expect_word("AS"));
  if (peek().kind != Token::Kind::word) return unexpected("a type");
  made.function = find_cast(peek().text);
  if (made.function == nullptr) return wrong_name("there is no type", peek(), cast_types());
  ++at_;
  made.operands.push_back(std::move(operand));
  DUNLIN_CHECK(expect_sign(")"));
  return made;
}

Result<std::vector<Expression>> Parser::list_until(std::string_view close) {
  std::vector<Expression> elements;
  if (take_sign(close)) return elements;
  do {
    DUNLIN_TRY(Expression element, expression());
    elements.push_back(std::move(element));
  } while (take_sign(","));
  DUNLIN_CHECK(expect_sign(close));
  return elements;
}

Result<Expression> Parser::object_literal() {
  Expression object = make(Kind::object);
  if (take_sign("}")) return object;
  do {
    if (peek().kind != Token::Kind::text) return unexpected("a quoted member name");
    object.names.push_back(tokens_[at_++].text);
    DUNLIN_CHECK(expect_sign(":"));
    DUNLIN_TRY(Expression member, expression());
    object.operands.push_back(std::move(member));
  } while (take_sign(","));
  DUNLIN_CHECK(expect_sign("}"));
  return object;
}

Result<Expression> Parser::case_expression() {
  constexpr std::array<std::string_view, 3> kFollows{"WHEN", "ELSE", "END"};
  Expression choice = make(Kind::choice);
  DUNLIN_TRY(Expression subject, expression());
  choice.operands.push_back(std::move(subject));
  while (take_word("WHEN")) {
    DUNLIN_TRY(Expression when, expression());
    choice.operands.push_back(std::move(when));
    DUNLIN_CHECK(expect_word("THEN"));
    DUNLIN_TRY(Expression then, expression());
    choice.operands.push_back(std::move(then));
  }
  if (choice.operands.size() == 1) return unexpected("WHEN", kFollows);
  if (take_word("ELSE")) {
    DUNLIN_TRY(Expression otherwise, expression());
    choice.operands.push_back(std::move(otherwise));
  }
  if (!take_word("END")) return unexpected("END", kFollows);
  return choice;
}

}  // namespace dunlin::rules
