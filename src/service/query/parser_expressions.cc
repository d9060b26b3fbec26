#include <array>
#include <charconv>
#include <cmath>

#include "base/time_text.h"
#include "model/text.h"
#include "service/query/limits.h"
#include "service/query/parser.h"

namespace dunlin::query {
namespace {

std::string lower(std::string_view text) {
  std::string made(text);
  for (char& c : made) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 0x20) : c;
  return made;
}

Syntax literal(std::size_t at, Datum value) {
  Syntax made;
  made.at = at;
  made.value = std::move(value);
  return made;
}

Datum truth(std::int64_t value) {
  Datum made;
  made.type = Type::boolean;
  made.integer = value;
  return made;
}

}  // namespace

Result<SyntaxPtr> Parser::expression() {
  if (++depth_ > kMaxDepth)
    return wrong(peek().at, Errc::limit_exceeded, "the expression is nested more than 64 deep");
  DUNLIN_TRY(SyntaxPtr left, conjunction());
  while (is_next("OR")) {
    const std::size_t at = tokens_[at_++].at;
    DUNLIN_TRY(SyntaxPtr right, conjunction());
    DUNLIN_TRY(left, make_call("or", at, {left, right}));
  }
  --depth_;
  return left;
}

Result<SyntaxPtr> Parser::conjunction() {
  DUNLIN_TRY(SyntaxPtr left, negation());
  while (is_next("AND")) {
    const std::size_t at = tokens_[at_++].at;
    DUNLIN_TRY(SyntaxPtr right, negation());
    DUNLIN_TRY(left, make_call("and", at, {left, right}));
  }
  return left;
}

Result<SyntaxPtr> Parser::negation() {
  const std::size_t at = peek().at;
  std::size_t count = 0;
  while (take_word("NOT")) ++count;
  DUNLIN_TRY(SyntaxPtr operand, comparison());
  for (std::size_t i = 0; i < count; ++i) {
    DUNLIN_TRY(operand, make_call("not", at, {operand}));
  }
  return operand;
}

Result<SyntaxPtr> Parser::comparison() {
  DUNLIN_TRY(SyntaxPtr left, sum());
  for (const std::string_view sign : {"=", "<>", "<=", ">=", "<", ">"}) {
    if (!is_sign(sign)) continue;
    const std::size_t at = tokens_[at_++].at;
    DUNLIN_TRY(SyntaxPtr right, sum());
    return make_call(std::string(sign), at, {left, right});
  }
  return predicate(std::move(left));
}

/// IS NULL, BETWEEN, IN and LIKE behind an operand.
Result<SyntaxPtr> Parser::predicate(SyntaxPtr left) {
  const std::size_t at = peek().at;
  if (take_word("IS")) {
    const bool negated = take_word("NOT");
    DUNLIN_CHECK(expect_word("NULL"));
    return make_call(negated ? "is_not_null" : "is_null", at, {std::move(left)});
  }
  const bool negated = take_word("NOT");
  SyntaxPtr made;
  if (take_word("BETWEEN")) {
    DUNLIN_TRY(SyntaxPtr low, sum());
    DUNLIN_CHECK(expect_word("AND"));
    DUNLIN_TRY(SyntaxPtr high, sum());
    DUNLIN_TRY(made, make_call("between", at, {left, low, high}));
  } else if (take_word("IN")) {
    DUNLIN_CHECK(expect_sign("("));
    DUNLIN_TRY(std::vector<SyntaxPtr> all, expressions());
    DUNLIN_CHECK(expect_sign(")"));
    all.insert(all.begin(), std::move(left));
    DUNLIN_TRY(made, make_call("in", at, std::move(all)));
  } else if (take_word("LIKE")) {
    DUNLIN_TRY(SyntaxPtr pattern, sum());
    DUNLIN_TRY(made, make_call("like", at, {left, pattern}));
  } else if (negated) {
    return unexpected("BETWEEN, IN or LIKE");
  } else {
    return left;
  }
  if (!negated) return made;
  return make_call("not", at, {made});
}

Result<SyntaxPtr> Parser::sum() {
  DUNLIN_TRY(SyntaxPtr left, product());
  while (is_sign("+") || is_sign("-") || is_sign("||")) {
    const Token& sign = tokens_[at_++];
    DUNLIN_TRY(SyntaxPtr right, product());
    DUNLIN_TRY(left, make_call(sign.text, sign.at, {left, right}));
  }
  return left;
}

Result<SyntaxPtr> Parser::product() {
  DUNLIN_TRY(SyntaxPtr left, unary());
  while (is_sign("*") || is_sign("/") || is_sign("%")) {
    const Token& sign = tokens_[at_++];
    DUNLIN_TRY(SyntaxPtr right, unary());
    DUNLIN_TRY(left, make_call(sign.text, sign.at, {left, right}));
  }
  return left;
}

Result<SyntaxPtr> Parser::unary() {
  const std::size_t at = peek().at;
  std::size_t count = 0;
  while (is_sign("-") || is_sign("+")) count += tokens_[at_++].text == "-" ? 1 : 0;
  DUNLIN_TRY(SyntaxPtr operand, postfix());
  for (std::size_t i = 0; i < count; ++i) {
    DUNLIN_TRY(operand, make_call("negate", at, {operand}));
  }
  return operand;
}

Result<SyntaxPtr> Parser::postfix() {
  DUNLIN_TRY(SyntaxPtr value, primary());
  while (is_sign("::")) {
    Syntax cast;
    cast.kind = Syntax::Kind::cast;
    cast.at = tokens_[at_++].at;
    DUNLIN_TRY(cast.text, type());
    cast.operands.push_back(std::move(value));
    DUNLIN_TRY(value, make(std::move(cast)));
  }
  return value;
}

Result<SyntaxPtr> Parser::primary() {
  const Token& token = peek();
  if (token.kind == Token::Kind::number) return number();
  if (token.kind == Token::Kind::word) return word();
  if (token.kind == Token::Kind::text) {
    if (token.quote == '"') return name();
    ++at_;
    Datum value;
    value.type = Type::text;
    value.text = token.text;
    return make(literal(token.at, std::move(value)));
  }
  if (take_sign("(")) {
    DUNLIN_TRY(SyntaxPtr inner, expression());
    DUNLIN_CHECK(expect_sign(")"));
    return inner;
  }
  return unexpected("an expression");
}

Result<SyntaxPtr> Parser::number() {
  const std::string& text = peek().text;
  const char* const end = text.data() + text.size();
  Datum value;
  value.type = Type::integer;
  if (std::from_chars(text.data(), end, value.integer).ptr != end || text.size() > 18) {
    value.type = Type::number;
    if (std::from_chars(text.data(), end, value.number).ec != std::errc())
      return unexpected("a number between 1E-307 and 1E308");
  }
  return make(literal(tokens_[at_++].at, std::move(value)));
}

Result<SyntaxPtr> Parser::word() {
  const std::size_t at = peek().at;
  if (take_word("TRUE")) return make(literal(at, truth(1)));
  if (take_word("FALSE")) return make(literal(at, truth(0)));
  if (take_word("NULL")) return make(literal(at, {}));
  if (take_word("CASE")) return case_expression(at);
  const Token& next = tokens_[at_ + 1];  // there is one: the end, at least
  const bool is_call = next.kind == Token::Kind::sign && next.text == "(";
  if (is_next("CAST") && is_call) return cast(at);
  const bool is_quoted = next.kind == Token::Kind::text && next.quote == '\'';
  if (is_next("INTERVAL") && (is_quoted || next.kind == Token::Kind::number)) return interval(at);
  if ((is_next("TIMESTAMP") || is_next("TIME")) && is_quoted) {
    Syntax cast;
    cast.kind = Syntax::Kind::cast;
    cast.at = at;
    cast.text = "timestamp";
    ++at_;
    DUNLIN_TRY(SyntaxPtr text, primary());
    cast.operands.push_back(std::move(text));
    return make(std::move(cast));
  }
  for (const std::string_view keyword : {"SELECT", "FROM", "WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "AS",
                                         "AND", "OR", "WHEN", "THEN", "ELSE", "END", "IN", "BETWEEN"}) {
    if (is_next(keyword)) return unexpected("an expression");
  }
  if (!is_call) return name();
  std::string function = lower(tokens_[at_].text);
  at_ += 2;
  return call(std::move(function), at);
}

Result<SyntaxPtr> Parser::name() {
  Syntax name;
  name.kind = Syntax::Kind::name;
  name.at = peek().at;
  name.text = tokens_[at_++].text;
  if (take_sign(".")) {
    if (peek().kind != Token::Kind::word && peek().kind != Token::Kind::text) return unexpected("a column");
    name.qualifier = std::move(name.text);
    name.text = tokens_[at_++].text;
  }
  return make(std::move(name));
}

/// Behind the parenthesis.
Result<SyntaxPtr> Parser::call(std::string function, std::size_t at) {
  Syntax call;
  call.kind = Syntax::Kind::call;
  call.at = at;
  call.text = std::move(function);
  if (is_sign("*")) {
    Syntax star;
    star.kind = Syntax::Kind::star;
    star.at = tokens_[at_++].at;
    DUNLIN_TRY(SyntaxPtr made, make(std::move(star)));
    call.operands.push_back(std::move(made));
  } else if (!is_sign(")")) {
    if (take_word("DISTINCT")) call.quantifier = Syntax::Quantifier::distinct;
    DUNLIN_TRY(call.operands, expressions());
  }
  DUNLIN_CHECK(expect_sign(")"));
  if (take_word("OVER")) {
    DUNLIN_TRY(call.over, over());
  }
  return make(std::move(call));
}

Result<std::shared_ptr<const Over>> Parser::over() {
  auto over = std::make_shared<Over>();
  DUNLIN_CHECK(expect_sign("("));
  if (take_word("PARTITION")) {
    DUNLIN_CHECK(expect_word("BY"));
    DUNLIN_TRY(over->partition, expressions());
  }
  DUNLIN_CHECK(expect_word("ORDER"));
  DUNLIN_CHECK(expect_word("BY"));
  DUNLIN_TRY(over->order, order_keys());
  DUNLIN_CHECK(expect_sign(")"));
  return over;
}

/// As a call of "case" with a condition and a value in turns, and the value of ELSE at the end; of "case_of"
/// where a subject stands before them all.
Result<SyntaxPtr> Parser::case_expression(std::size_t at) {
  std::vector<SyntaxPtr> operands;
  const bool has_subject = !is_next("WHEN");
  if (has_subject) {
    DUNLIN_TRY(SyntaxPtr subject, expression());
    operands.push_back(std::move(subject));
  }
  if (!is_next("WHEN")) return unexpected("WHEN");
  while (take_word("WHEN")) {
    DUNLIN_TRY(SyntaxPtr when, expression());
    DUNLIN_CHECK(expect_word("THEN"));
    DUNLIN_TRY(SyntaxPtr then, expression());
    operands.push_back(std::move(when));
    operands.push_back(std::move(then));
  }
  SyntaxPtr otherwise;
  if (take_word("ELSE")) {
    DUNLIN_TRY(otherwise, expression());
  } else {
    DUNLIN_TRY(otherwise, make(literal(at, {})));
  }
  operands.push_back(std::move(otherwise));
  DUNLIN_CHECK(expect_word("END"));
  return make_call(has_subject ? "case_of" : "case", at, std::move(operands));
}

Result<SyntaxPtr> Parser::cast(std::size_t at) {
  at_ += 2;
  Syntax cast;
  cast.kind = Syntax::Kind::cast;
  cast.at = at;
  DUNLIN_TRY(SyntaxPtr operand, expression());
  cast.operands.push_back(std::move(operand));
  DUNLIN_CHECK(expect_word("AS"));
  DUNLIN_TRY(cast.text, type());
  DUNLIN_CHECK(expect_sign(")"));
  return make(std::move(cast));
}

Result<std::string> Parser::type() {
  if (peek().kind != Token::Kind::word) return unexpected("a type");
  std::string name = lower(tokens_[at_++].text);
  if (name == "double") take_word("PRECISION");
  return name;
}

/// INTERVAL '10 minutes' or INTERVAL 10 MINUTE.
Result<SyntaxPtr> Parser::interval(std::size_t at) {
  ++at_;
  const Token& amount = tokens_[at_++];
  std::string text = amount.text;
  if (amount.kind == Token::Kind::number) {
    if (peek().kind != Token::Kind::word) return unexpected("a unit of time");
    text += " " + tokens_[at_++].text;
  }
  const auto length = parse_interval(text);
  if (!length) return wrong(amount.at, length.error().code, length.error().message);
  Datum value;
  value.type = Type::interval;
  value.integer = *length;
  return make(literal(at, std::move(value)));
}

}  // namespace dunlin::query
