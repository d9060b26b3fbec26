#include "service/rules/parser.h"

#include <algorithm>
#include <array>

#include "hub/topic.h"
#include "model/text.h"
#include "service/rules/limits.h"

namespace dunlin::rules {
namespace {

using model::is_sql_keyword;

std::string did_you_mean(std::string_view given, std::span<const std::string_view> known,
                         std::string_view quote) {
  std::string small(given);
  std::vector<std::string> lowered;
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; };
  std::ranges::transform(small, small.begin(), lower);
  for (const std::string_view name : known) {
    std::ranges::transform(name, lowered.emplace_back(name).begin(), lower);
  }
  const std::vector<std::string_view> views(lowered.begin(), lowered.end());
  const std::string_view nearest = model::nearest_name(small, views);
  if (nearest.empty() || nearest == small) return {};
  const auto at = std::ranges::find(views, nearest) - views.begin();
  return "; did you mean " + std::string(quote) + std::string(known[static_cast<std::size_t>(at)]) +
         std::string(quote) + "?";
}

}  // namespace

Result<Parser> Parser::of(std::string_view sql, const Surroundings& surroundings) {
  if (sql.size() > kMaxSqlBytes) return fail(Errc::limit_exceeded, "the statement is longer than 64 KiB");
  DUNLIN_TRY(std::vector<Token> tokens, model::tokenize_sql(sql, model::sql_line));
  return Parser(sql, std::move(tokens), surroundings);
}

Parser::Parser(std::string_view sql, std::vector<Token> tokens, const Surroundings& surroundings)
    : sql_(sql),
      tokens_(std::move(tokens)),
      variables_(surroundings.variables.begin(), surroundings.variables.end()),
      externals_(surroundings.externals) {}

std::string Parser::place_of(const Token& token) const {
  return " at " + model::sql_line(sql_, token.at);
}

std::unexpected<Error> Parser::unexpected(std::string_view expected,
                                          std::span<const std::string_view> words) const {
  const Token& token = peek();
  const std::string found = token.kind == Token::Kind::end ? "the end" : "\"" + token.text + "\"";
  const std::string hint =
      token.kind == Token::Kind::word ? did_you_mean(token.text, words, "") : std::string();
  return fail(Errc::malformed,
              "expected " + std::string(expected) + " but found " + found + place_of(token) + hint);
}

std::unexpected<Error> Parser::wrong_name(std::string_view what, const Token& token,
                                          std::span<const std::string_view> known) const {
  return fail(Errc::malformed, std::string(what) + " \"" + token.text + "\"" + place_of(token) +
                                   did_you_mean(token.text, known, "\""));
}

bool Parser::is_next_sign(std::string_view sign) const {
  return peek().kind == Token::Kind::sign && peek().text == sign;
}

bool Parser::take_sign(std::string_view sign) {
  if (!is_next_sign(sign)) return false;
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

Result<void> Parser::expect_word(std::string_view word) {
  if (take_word(word)) return {};
  return unexpected(word, std::span(&word, 1));
}

Result<void> Parser::count_node() {
  if (++nodes_ > kMaxSqlNodes)
    return fail(Errc::limit_exceeded, "the statement has more than 1000 operands, operators and steps");
  return {};
}

Result<Syntax> Parser::statement() {
  constexpr std::array<std::string_view, 2> kBegins{"SELECT", "SET"};
  Syntax syntax;
  if (take_word("SET")) {
    DUNLIN_TRY(syntax.variables, assignments());
  }
  if (!take_word("SELECT")) return unexpected("SELECT", kBegins);
  DUNLIN_TRY(syntax.list, select_list());
  constexpr std::array<std::string_view, 3> kFollows{"FROM", "WHERE", "AS"};
  if (take_word("FROM")) {
    DUNLIN_TRY(syntax.filter, topic_filter());
  } else if (peek().kind != Token::Kind::end && !is_next("WHERE")) {
    return unexpected("FROM", kFollows);
  }
  if (take_word("WHERE")) {
    DUNLIN_TRY(Expression where, expression());
    syntax.where = std::make_unique<const Expression>(std::move(where));
  }
  constexpr std::array<std::string_view, 3> kGoesOn{"WHERE", "AND", "OR"};
  if (peek().kind != Token::Kind::end) return unexpected("the end", kGoesOn);
  return syntax;
}

Result<std::vector<Variable>> Parser::assignments() {
  std::vector<Variable> made;
  do {
    DUNLIN_TRY(Variable variable, assignment());
    variables_.push_back(variable.name);  // from here on
    made.push_back(std::move(variable));
  } while (take_sign(","));
  return made;
}

Result<Variable> Parser::assignment() {
  DUNLIN_CHECK(count_node());
  DUNLIN_CHECK(expect_sign("@"));
  const Token& name = peek();
  const auto fits = [](char c) { return (c & 0x80) == 0; };
  if (name.kind != Token::Kind::word || name.text.size() > kMaxVariableBytes ||
      !std::ranges::all_of(name.text, fits))
    return unexpected("a variable's name of at most 64 letters, digits and underscores");
  if (std::ranges::find(variables_, name.text) != variables_.end())
    return wrong_name("a second value for the variable", name, {});
  ++at_;
  Variable variable{name.text, {}};
  DUNLIN_CHECK(expect_sign("="));
  DUNLIN_TRY(variable.value, expression());
  return variable;
}

Result<std::string> Parser::topic_filter() {
  if (peek().kind != Token::Kind::text) return unexpected("a quoted topic filter");
  if (auto checked = hub::check_filter(peek().text); !checked) {
    return fail(checked.error().code, "the topic filter" + place_of(peek()) + ": " + checked.error().message);
  }
  return tokens_[at_++].text;
}

Result<Expression> Parser::lone_expression() {
  DUNLIN_TRY(Expression whole, expression());
  constexpr std::array<std::string_view, 2> kGoesOn{"AND", "OR"};
  if (peek().kind != Token::Kind::end) return unexpected("the end", kGoesOn);
  return whole;
}

Result<SelectList> Parser::select_list() {
  const std::size_t begin = at_;
  if (!take_word("VALUE")) return select_items();
  const std::size_t nodes = nodes_;
  const std::size_t depth = depth_;
  auto value = expression();
  if (value && (is_next("FROM") || is_next("WHERE") || peek().kind == Token::Kind::end)) {
    SelectList list;
    list.value = std::make_unique<const Expression>(*std::move(value));
    return list;
  }
  // No SELECT VALUE then, but a field of that name, as measurements have one.
  const std::size_t failed_at = at_;
  at_ = begin;
  depth_ = depth;
  nodes_ = nodes;
  auto items = select_items();
  const bool goes_on =
      is_next("FROM") || is_next("WHERE") || is_next_sign(")") || peek().kind == Token::Kind::end;
  if (!value && (!items || !goes_on) && failed_at > begin + 1) return std::unexpected(value.error());
  return items;
}

Result<SelectList> Parser::select_items() {
  SelectList list;
  do {
    DUNLIN_TRY(SelectItem item, select_item());
    list.items.push_back(std::move(item));
  } while (take_sign(","));
  return list;
}

Result<SelectItem> Parser::select_item() {
  SelectItem item;
  if (is_next_sign("*") && !is_operand(at_)) {
    ++at_;
    DUNLIN_CHECK(count_node());
    item.kind = SelectItem::Kind::everything;
    return item;
  }
  const std::size_t begin = at_;
  DUNLIN_TRY(item.expression, expression());
  if (!take_word("AS")) {
    // A path is named after its last step; the names of anything else would be guesses.
    constexpr std::array<std::string_view, 2> kFollows{"AS", "FROM"};
    if (!is_path(begin, at_)) return unexpected("AS and a name for what is selected", kFollows);
    item.path.push_back(tokens_[at_ - 1].text);
    return item;
  }
  do {
    if (peek().kind != Token::Kind::word && peek().kind != Token::Kind::text) return unexpected("a name");
    DUNLIN_CHECK(count_node());
    item.path.push_back(tokens_[at_++].text);
  } while (take_sign("."));
  return item;
}

/// Whether the `*` there is a value in an expression, as in `* + 1 AS next` or `* AS all`.
bool Parser::is_operand(std::size_t star) const {
  const Token& next = tokens_[star + 1];
  if (next.kind == Token::Kind::sign) return next.text != "," && next.text != ")";
  const auto is_word = [&next](std::string_view word) { return is_sql_keyword(next.text, word); };
  return next.kind == Token::Kind::word && (is_word("AS") || is_word("AND") || is_word("OR"));
}

/// `a.b.c`, or `@v.b`.
bool Parser::is_path(std::size_t begin, std::size_t end) const {
  for (const std::string_view constant : {"TRUE", "FALSE", "NULL"}) {
    if (is_sql_keyword(tokens_[begin].text, constant)) return false;
  }
  if (tokens_[begin].text == "@" && tokens_[begin].kind == Token::Kind::sign) {
    ++begin;
    if (end - begin < 3) return false;
  }
  for (std::size_t i = begin; i < end; ++i) {
    const bool fits = (i - begin) % 2 == 0 ? tokens_[i].kind == Token::Kind::word : tokens_[i].text == ".";
    if (!fits) return false;
  }
  return true;
}

}  // namespace dunlin::rules
