#include "model/sql_tokens.h"

#include <algorithm>
#include <array>

namespace dunlin::model {
namespace {

bool is_word_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c & 0x80) != 0;
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

std::size_t end_of_number(std::string_view sql, std::size_t at) {
  while (at < sql.size() && is_digit(sql[at])) ++at;
  if (at + 1 < sql.size() && sql[at] == '.' && is_digit(sql[at + 1])) {
    ++at;
    while (at < sql.size() && is_digit(sql[at])) ++at;
  }
  if (at < sql.size() && (sql[at] | 0x20) == 'e') {
    std::size_t exponent = at + 1;
    if (exponent < sql.size() && (sql[exponent] == '-' || sql[exponent] == '+')) ++exponent;
    if (exponent < sql.size() && is_digit(sql[exponent])) {
      at = exponent;
      while (at < sql.size() && is_digit(sql[at])) ++at;
    }
  }
  return at;
}

/// A quoted text; the quote itself is written twice inside.
Result<SqlToken> read_text(std::string_view sql, std::size_t& at, SqlPlace place) {
  const char quote = sql[at];
  SqlToken token{SqlToken::Kind::text, {}, at, quote};
  for (++at; at < sql.size(); ++at) {
    if (sql[at] != quote) {
      token.text.push_back(sql[at]);
      continue;
    }
    if (at + 1 >= sql.size() || sql[at + 1] != quote) {
      ++at;
      return token;
    }
    token.text.push_back(quote);
    ++at;
  }
  return fail(Errc::malformed, "the text that begins at " + place(sql, token.at) + " has no closing quote");
}

SqlToken read_sign(std::string_view sql, std::size_t& at) {
  constexpr std::array<std::string_view, 6> kDouble{"<>", "<=", ">=", "!=", "::", "||"};
  for (const std::string_view sign : kDouble) {
    if (sql.substr(at).starts_with(sign)) {
      at += 2;
      return {SqlToken::Kind::sign, sign == "!=" ? "<>" : std::string(sign), at - 2};
    }
  }
  ++at;
  return {SqlToken::Kind::sign, std::string(1, sql[at - 1]), at - 1};
}

}  // namespace

std::string sql_character(std::string_view, std::size_t at) {
  return "character " + std::to_string(at + 1);
}

std::string sql_line(std::string_view sql, std::size_t at) {
  const std::string_view before = sql.substr(0, at);
  const auto lines = std::ranges::count(before, '\n');
  const std::size_t begin = before.rfind('\n') + 1;  // 0 in the first line
  return "line " + std::to_string(lines + 1) + ", column " + std::to_string(before.size() - begin + 1);
}

bool is_sql_keyword(std::string_view word, std::string_view keyword) {
  if (word.size() != keyword.size()) return false;
  for (std::size_t i = 0; i < word.size(); ++i) {
    const char c = word[i] >= 'a' && word[i] <= 'z' ? static_cast<char>(word[i] - 0x20) : word[i];
    if (c != keyword[i]) return false;
  }
  return true;
}

Result<std::vector<SqlToken>> tokenize_sql(std::string_view sql, SqlPlace place) {
  constexpr std::string_view kSigns = "()[]{},.:*/%+-=<>!@";
  std::vector<SqlToken> tokens;
  std::size_t at = 0;
  while (at < sql.size()) {
    const char c = sql[at];
    const std::size_t begin = at;
    if (is_space(c)) {
      ++at;
    } else if (is_word_start(c)) {
      while (at < sql.size() && (is_word_start(sql[at]) || is_digit(sql[at]))) ++at;
      tokens.push_back({SqlToken::Kind::word, std::string(sql.substr(begin, at - begin)), begin});
    } else if (is_digit(c)) {
      at = end_of_number(sql, at);
      tokens.push_back({SqlToken::Kind::number, std::string(sql.substr(begin, at - begin)), begin});
    } else if (c == '\'' || c == '"') {
      DUNLIN_TRY(SqlToken token, read_text(sql, at, place));
      tokens.push_back(std::move(token));
    } else if (kSigns.find(c) != std::string_view::npos || sql.substr(at).starts_with("||")) {
      tokens.push_back(read_sign(sql, at));
    } else {
      return fail(Errc::malformed, "unexpected sign at " + place(sql, at));
    }
  }
  tokens.push_back({SqlToken::Kind::end, {}, sql.size()});
  return tokens;
}

}  // namespace dunlin::model
