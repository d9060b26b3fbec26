#include "service/query/parser.h"

#include <array>
#include <charconv>

#include "service/query/limits.h"

namespace dunlin::query {
namespace {

/// Words that end an expression or a table, so that no alias without AS can be one.
constexpr std::array<std::string_view, 27> kReserved{
    "SELECT", "FROM", "WHERE", "GROUP",    "BY",   "HAVING", "ORDER", "LIMIT", "OFFSET",
    "AS",     "AND",  "OR",    "NOT",      "WHEN", "THEN",   "ELSE",  "END",   "BETWEEN",
    "IN",     "LIKE", "IS",    "DISTINCT", "ASC",  "DESC",   "UNION", "JOIN",  "ON"};

bool is_reserved(std::string_view word) {
  for (const std::string_view reserved : kReserved) {
    if (model::is_sql_keyword(word, reserved)) return true;
  }
  return false;
}

}  // namespace

Result<SyntaxPtr> parse_expression(std::string_view text) {
  if (text.size() > kMaxQueryBytes) return fail(Errc::limit_exceeded, "the expression is longer than 64 KiB");
  DUNLIN_TRY(std::vector<Token> tokens, model::tokenize_sql(text, model::sql_line));
  return Parser(text, std::move(tokens)).only_expression();
}

Result<SyntaxPtr> Parser::only_expression() {
  DUNLIN_TRY(SyntaxPtr made, expression());
  if (peek().kind != Token::Kind::end) return unexpected("an operator or the end");
  return made;
}

Result<Query> parse_query(std::string_view sql) {
  while (!sql.empty() && (sql.back() == ';' || sql.back() == ' ' || sql.back() == '\n')) sql.remove_suffix(1);
  if (sql.size() > kMaxQueryBytes) return fail(Errc::limit_exceeded, "the query is longer than 64 KiB");
  DUNLIN_TRY(std::vector<Token> tokens, model::tokenize_sql(sql, model::sql_line));
  return Parser(sql, std::move(tokens)).query();
}

std::unexpected<Error> Parser::wrong(std::size_t at, Errc code, const std::string& what) const {
  return fail(code, model::sql_line(sql_, at) + ": " + what);
}

std::unexpected<Error> Parser::unexpected(std::string_view expected) const {
  const Token& token = peek();
  const std::string found =
      token.kind == Token::Kind::end ? "the end" : "\"" + token.text.substr(0, 40) + "\"";
  return wrong(token.at, Errc::malformed, "expected " + std::string(expected) + " but found " + found);
}

bool Parser::is_next(std::string_view word) const {
  return peek().kind == Token::Kind::word && model::is_sql_keyword(peek().text, word);
}

bool Parser::is_sign(std::string_view sign) const {
  return peek().kind == Token::Kind::sign && peek().text == sign;
}

bool Parser::take_sign(std::string_view sign) {
  if (!is_sign(sign)) return false;
  ++at_;
  return true;
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

Result<void> Parser::expect_word(std::string_view word) {
  if (take_word(word)) return {};
  return unexpected(word);
}

Result<Query> Parser::query() {
  Query query;
  if (take_word("EXPLAIN")) query.wanted = Query::Wanted::plan;
  DUNLIN_TRY(query.select, select());
  if (peek().kind != Token::Kind::end) return unexpected("the end");
  return query;
}

Result<std::unique_ptr<Select>> Parser::select() {
  auto select = std::make_unique<Select>();
  select->at = peek().at;
  if (++selects_ > kMaxSelectDepth)
    return wrong(peek().at, Errc::limit_exceeded, "sub-selects are nested more than 8 deep");
  DUNLIN_CHECK(expect_word("SELECT"));
  if (take_word("DISTINCT")) select->quantifier = Select::Quantifier::distinct;
  DUNLIN_CHECK(items(*select));
  DUNLIN_CHECK(expect_word("FROM"));
  DUNLIN_TRY(select->from, from());
  DUNLIN_CHECK(clauses(*select));
  --selects_;
  return select;
}

Result<void> Parser::clauses(Select& select) {
  if (take_word("WHERE")) {
    DUNLIN_TRY(select.where, expression());
  }
  if (take_word("GROUP")) {
    DUNLIN_CHECK(expect_word("BY"));
    DUNLIN_TRY(select.group_by, expressions());
  }
  if (take_word("HAVING")) {
    DUNLIN_TRY(select.having, expression());
  }
  if (take_word("ORDER")) {
    DUNLIN_CHECK(expect_word("BY"));
    DUNLIN_TRY(select.order_by, order_keys());
  }
  if (take_word("LIMIT")) {
    DUNLIN_TRY(select.limit, row_count());
  }
  if (take_word("OFFSET")) {
    DUNLIN_TRY(select.offset, row_count());
  }
  return {};
}

Result<std::uint64_t> Parser::row_count() {
  std::uint64_t count = 0;
  const std::string& text = peek().text;
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, count);
  if (peek().kind != Token::Kind::number || read.ec != std::errc() || read.ptr != end ||
      count > 1'000'000'000)
    return unexpected("a number of rows");
  ++at_;
  return count;
}

Result<void> Parser::items(Select& select) {
  do {
    if (select.items.size() == kMaxColumns)
      return wrong(peek().at, Errc::limit_exceeded, "more than 256 columns are selected");
    SelectItem item;
    if (is_sign("*")) {
      Syntax star;
      star.kind = Syntax::Kind::star;
      star.at = tokens_[at_++].at;
      DUNLIN_TRY(item.expression, make(std::move(star)));
    } else {
      DUNLIN_TRY(item.expression, expression());
      DUNLIN_TRY(item.alias, alias());
    }
    select.items.push_back(std::move(item));
  } while (take_sign(","));
  return {};
}

/// Empty where none follows.
Result<std::string> Parser::alias() {
  const bool must = take_word("AS");
  const bool is_name = peek().kind == Token::Kind::word && !is_reserved(peek().text);
  const bool is_quoted = peek().kind == Token::Kind::text && peek().quote == '"';
  if (is_name || is_quoted) return tokens_[at_++].text;
  if (must) return unexpected("a name");
  return std::string();
}

Result<From> Parser::from() {
  From from;
  from.at = peek().at;
  if (take_sign("(")) {
    DUNLIN_TRY(from.select, select());
    DUNLIN_CHECK(expect_sign(")"));
  } else if ((peek().kind == Token::Kind::word && !is_reserved(peek().text)) ||
             (peek().kind == Token::Kind::text && peek().quote == '"')) {
    from.table = tokens_[at_++].text;
  } else {
    return unexpected("a table or a sub-select in parentheses");
  }
  DUNLIN_TRY(from.alias, alias());
  if (is_next("JOIN") || is_sign(","))
    return wrong(peek().at, Errc::unsupported, "a query reads one table; joins are not supported");
  return from;
}

Result<std::vector<SyntaxPtr>> Parser::expressions() {
  std::vector<SyntaxPtr> all;
  do {
    DUNLIN_TRY(SyntaxPtr one, expression());
    all.push_back(std::move(one));
  } while (take_sign(","));
  return all;
}

Result<std::vector<OrderKey>> Parser::order_keys() {
  std::vector<OrderKey> keys;
  do {
    OrderKey key;
    DUNLIN_TRY(key.expression, expression());
    if (take_word("DESC")) {
      key.direction = OrderKey::Direction::descending;
    } else {
      take_word("ASC");
    }
    keys.push_back(std::move(key));
  } while (take_sign(","));
  return keys;
}

Result<SyntaxPtr> Parser::make(Syntax syntax) {
  if (++nodes_ > kMaxNodes)
    return wrong(syntax.at, Errc::limit_exceeded, "the query has more than 1000 operands and operators");
  syntax.identity = identity_of(syntax);
  return std::make_shared<const Syntax>(std::move(syntax));
}

Result<SyntaxPtr> Parser::make_call(std::string name, std::size_t at, std::vector<SyntaxPtr> operands) {
  Syntax call;
  call.kind = Syntax::Kind::call;
  call.at = at;
  call.text = std::move(name);
  call.operands = std::move(operands);
  return make(std::move(call));
}

}  // namespace dunlin::query
