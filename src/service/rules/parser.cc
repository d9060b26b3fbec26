#include "service/rules/parser.h"

#include <array>
#include <boost/json.hpp>
#include <charconv>

#include "hub/topic.h"
#include "service/rules/functions.h"
#include "service/rules/limits.h"
#include "service/rules/nodes.h"

namespace dunlin::rules {
namespace {

using model::is_sql_keyword;

struct SignOperator {
  std::string_view sign;
  BinaryOperator operation;
};

constexpr std::array<SignOperator, 6> kComparisons{{{"=", BinaryOperator::equal},
                                                    {"<>", BinaryOperator::not_equal},
                                                    {"<=", BinaryOperator::less_equal},
                                                    {">=", BinaryOperator::greater_equal},
                                                    {"<", BinaryOperator::less},
                                                    {">", BinaryOperator::greater}}};

}  // namespace

std::unexpected<Error> Parser::unexpected(std::string_view expected) const {
  const Token& token = peek();
  const std::string found = token.kind == Token::Kind::end ? "the end" : "\"" + token.text + "\"";
  return fail(Errc::malformed, "expected " + std::string(expected) + " but found " + found +
                                   " at character " + std::to_string(token.at + 1));
}

bool Parser::take_sign(std::string_view sign) {
  if (peek().kind != Token::Kind::sign || peek().text != sign) return false;
  ++at_;
  return true;
}

bool Parser::is_next(std::string_view word) const {
  return peek().kind == Token::Kind::word && is_sql_keyword(peek().text, word);
}

bool Parser::take_word(std::string_view word) {
  if (!is_next(word)) return false;
  ++at_;
  return true;
}

Result<void> Parser::expect_sign(std::string_view sign) {
  if (take_sign(sign)) return {};
  return unexpected("\"" + std::string(sign) + "\"");
}

Result<Statement> Parser::statement() {
  Statement statement;
  if (!take_word("SELECT")) return unexpected("SELECT");
  DUNLIN_CHECK(select_list(statement));
  if (!take_word("FROM")) return unexpected("FROM");
  if (peek().kind != Token::Kind::text) return unexpected("a quoted topic filter");
  const std::size_t place = peek().at + 1;
  statement.filter_ = tokens_[at_++].text;
  if (auto checked = hub::check_filter(statement.filter_); !checked) {
    return fail(checked.error().code,
                "the topic filter at character " + std::to_string(place) + ": " + checked.error().message);
  }
  if (take_word("WHERE")) {
    DUNLIN_TRY(statement.where_, expression());
  }
  if (peek().kind != Token::Kind::end) return unexpected("the end");
  return statement;
}

Result<ExpressionPtr> Parser::lone_expression() {
  DUNLIN_TRY(ExpressionPtr whole, expression());
  if (peek().kind != Token::Kind::end) return unexpected("the end");
  return whole;
}

Result<void> Parser::select_list(Statement& statement) {
  const std::size_t begin = at_;
  if (!take_word("VALUE")) return select_items(statement);
  auto value = expression();
  if (value && is_next("FROM")) {
    statement.value_ = *std::move(value);
    return {};
  }
  // No SELECT VALUE then, but a field of that name, as measurements have one.
  const std::size_t failed_at = at_;
  at_ = begin;
  depth_ = 0;
  nodes_ = 0;
  auto items = select_items(statement);
  if (!items && !value && failed_at > at_) return std::unexpected(value.error());
  return items;
}

Result<void> Parser::select_items(Statement& statement) {
  do {
    DUNLIN_TRY(Statement::Item item, select_item());
    statement.items_.push_back(std::move(item));
  } while (take_sign(","));
  return {};
}

Result<Statement::Item> Parser::select_item() {
  Statement::Item item;
  if (take_sign("*")) {
    item.kind = Statement::Item::Kind::everything;
    return item;
  }
  const std::size_t begin = at_;
  DUNLIN_TRY(item.expression, expression());
  if (!take_word("AS")) {
    // A path is named after its last step; the names of anything else would be guesses.
    if (!is_path(begin, at_)) return unexpected("AS and a name for what is selected");
    item.path.push_back(tokens_[at_ - 1].text);
    return item;
  }
  do {
    if (peek().kind != Token::Kind::word && peek().kind != Token::Kind::text) return unexpected("a name");
    item.path.push_back(tokens_[at_++].text);
  } while (take_sign("."));
  return item;
}

bool Parser::is_path(std::size_t begin, std::size_t end) const {
  for (const std::string_view constant : {"TRUE", "FALSE", "NULL"}) {
    if (is_sql_keyword(tokens_[begin].text, constant)) return false;
  }
  for (std::size_t i = begin; i < end; ++i) {
    const bool fits = (i - begin) % 2 == 0 ? tokens_[i].kind == Token::Kind::word : tokens_[i].text == ".";
    if (!fits) return false;
  }
  return true;
}

Result<void> Parser::count_node() {
  if (++nodes_ > kMaxSqlNodes)
    return fail(Errc::limit_exceeded, "the statement has more than 1000 operands, operators and steps");
  return {};
}

Result<ExpressionPtr> Parser::expression() {
  if (++depth_ > kMaxSqlDepth)
    return fail(Errc::limit_exceeded, "the expression is nested more than 64 deep");
  DUNLIN_TRY(ExpressionPtr left, conjunction());
  while (take_word("OR")) {
    DUNLIN_TRY(ExpressionPtr right, conjunction());
    left = make_binary(BinaryOperator::either, std::move(left), std::move(right));
  }
  --depth_;
  return left;
}

Result<ExpressionPtr> Parser::conjunction() {
  DUNLIN_TRY(ExpressionPtr left, negation());
  while (take_word("AND")) {
    DUNLIN_TRY(ExpressionPtr right, negation());
    left = make_binary(BinaryOperator::both, std::move(left), std::move(right));
  }
  return left;
}

Result<ExpressionPtr> Parser::negation() {
  std::size_t count = 0;
  for (; take_word("NOT"); ++count) DUNLIN_CHECK(count_node());
  DUNLIN_TRY(ExpressionPtr operand, comparison());
  for (std::size_t i = 0; i < count; ++i) operand = make_not(std::move(operand));
  return operand;
}

Result<ExpressionPtr> Parser::comparison() {
  DUNLIN_TRY(ExpressionPtr left, sum());
  for (const SignOperator& candidate : kComparisons) {
    if (!take_sign(candidate.sign)) continue;
    DUNLIN_TRY(ExpressionPtr right, sum());
    return make_binary(candidate.operation, std::move(left), std::move(right));
  }
  return left;
}

Result<ExpressionPtr> Parser::sum() {
  DUNLIN_TRY(ExpressionPtr left, product());
  while (true) {
    const bool adds = take_sign("+");
    if (!adds && !take_sign("-")) return left;
    DUNLIN_TRY(ExpressionPtr right, product());
    left =
        make_binary(adds ? BinaryOperator::add : BinaryOperator::subtract, std::move(left), std::move(right));
  }
}

Result<ExpressionPtr> Parser::product() {
  DUNLIN_TRY(ExpressionPtr left, unary());
  while (true) {
    BinaryOperator operation = BinaryOperator::multiply;
    if (take_sign("/")) {
      operation = BinaryOperator::divide;
    } else if (take_sign("%")) {
      operation = BinaryOperator::modulo;
    } else if (!take_sign("*")) {
      return left;
    }
    DUNLIN_TRY(ExpressionPtr right, unary());
    left = make_binary(operation, std::move(left), std::move(right));
  }
}

Result<ExpressionPtr> Parser::unary() {
  std::size_t count = 0;
  for (; take_sign("-"); ++count) DUNLIN_CHECK(count_node());
  DUNLIN_TRY(ExpressionPtr operand, postfix());
  for (std::size_t i = 0; i < count; ++i) operand = make_negative(std::move(operand));
  return operand;
}

Result<ExpressionPtr> Parser::postfix() {
  DUNLIN_TRY(ExpressionPtr value, primary());
  while (take_sign(".")) {
    if (peek().kind != Token::Kind::word) return unexpected("a name");
    DUNLIN_CHECK(count_node());
    value = make_member(std::move(value), tokens_[at_++].text);
  }
  return value;
}

Result<ExpressionPtr> Parser::primary() {
  DUNLIN_CHECK(count_node());
  switch (peek().kind) {
    case Token::Kind::number:
      return number();
    case Token::Kind::text:
      return make_literal(boost::json::value(tokens_[at_++].text));
    case Token::Kind::word:
      return word();
    default:
      break;
  }
  if (take_sign("(")) {
    DUNLIN_TRY(ExpressionPtr inner, expression());
    DUNLIN_CHECK(expect_sign(")"));
    return inner;
  }
  if (take_sign("[")) {
    DUNLIN_TRY(auto elements, list_until("]"));
    return make_array(std::move(elements));
  }
  if (take_sign("{")) return object_literal();
  if (take_sign("*")) return make_payload();
  return unexpected("an expression");
}

Result<ExpressionPtr> Parser::number() {
  const std::string& text = peek().text;
  const char* const end = text.data() + text.size();
  std::int64_t whole = 0;
  double number = 0;
  if (std::from_chars(text.data(), end, whole).ptr == end && text.size() < 19) {
    ++at_;
    return make_literal(whole);
  }
  if (std::from_chars(text.data(), end, number).ec != std::errc())
    return unexpected("a number between 1E-307 and 1E308");
  ++at_;
  return make_literal(number_value(number));
}

Result<ExpressionPtr> Parser::word() {
  if (take_word("TRUE")) return make_literal(true);
  if (take_word("FALSE")) return make_literal(false);
  if (take_word("NULL")) return make_literal(nullptr);
  if (take_word("CASE")) return case_expression();
  for (const std::string_view keyword :
       {"SELECT", "FROM", "WHERE", "AS", "AND", "OR", "NOT", "WHEN", "THEN", "ELSE", "END"}) {
    if (is_sql_keyword(peek().text, keyword)) return unexpected("an expression");
  }
  const std::string name = tokens_[at_++].text;
  if (!take_sign("(")) return make_name(name);
  DUNLIN_TRY(auto arguments, list_until(")"));
  return make_call(name, std::move(arguments));
}

Result<std::vector<ExpressionPtr>> Parser::list_until(std::string_view close) {
  std::vector<ExpressionPtr> elements;
  if (take_sign(close)) return elements;
  do {
    DUNLIN_TRY(ExpressionPtr element, expression());
    elements.push_back(std::move(element));
  } while (take_sign(","));
  DUNLIN_CHECK(expect_sign(close));
  return elements;
}

Result<ExpressionPtr> Parser::object_literal() {
  std::vector<std::pair<std::string, ExpressionPtr>> members;
  if (take_sign("}")) return make_object(std::move(members));
  do {
    if (peek().kind != Token::Kind::text) return unexpected("a quoted member name");
    std::string name = tokens_[at_++].text;
    DUNLIN_CHECK(expect_sign(":"));
    DUNLIN_TRY(ExpressionPtr member, expression());
    members.emplace_back(std::move(name), std::move(member));
  } while (take_sign(","));
  DUNLIN_CHECK(expect_sign("}"));
  return make_object(std::move(members));
}

Result<ExpressionPtr> Parser::case_expression() {
  DUNLIN_TRY(ExpressionPtr subject, expression());
  std::vector<CaseBranch> branches;
  while (take_word("WHEN")) {
    CaseBranch branch;
    DUNLIN_TRY(branch.when, expression());
    if (!take_word("THEN")) return unexpected("THEN");
    DUNLIN_TRY(branch.then, expression());
    branches.push_back(std::move(branch));
  }
  if (branches.empty()) return unexpected("WHEN");
  ExpressionPtr otherwise;
  if (take_word("ELSE")) {
    DUNLIN_TRY(otherwise, expression());
  }
  if (!take_word("END")) return unexpected("END");
  return make_case(std::move(subject), std::move(branches), std::move(otherwise));
}

}  // namespace dunlin::rules
