#include "service/rules/lexer.h"

#include <array>

namespace dunlin::rules {
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
Result<Token> read_text(std::string_view sql, std::size_t& at) {
  Token token{Token::Kind::text, {}, at};
  const char quote = sql[at];
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
  return fail(Errc::malformed,
              "the text that begins at character " + std::to_string(token.at + 1) + " has no closing quote");
}

Token read_sign(std::string_view sql, std::size_t& at) {
  constexpr std::array<std::string_view, 4> kDouble{"<>", "<=", ">=", "!="};
  for (const std::string_view sign : kDouble) {
    if (sql.substr(at).starts_with(sign)) {
      at += 2;
      return {Token::Kind::sign, sign == "!=" ? "<>" : std::string(sign), at - 2};
    }
  }
  ++at;
  return {Token::Kind::sign, std::string(1, sql[at - 1]), at - 1};
}

}  // namespace

Result<std::vector<Token>> tokenize(std::string_view sql) {
  constexpr std::string_view kSigns = "()[]{},.:*/%+-=<>!";
  std::vector<Token> tokens;
  std::size_t at = 0;
  while (at < sql.size()) {
    const char c = sql[at];
    const std::size_t begin = at;
    if (is_space(c)) {
      ++at;
    } else if (is_word_start(c)) {
      while (at < sql.size() && (is_word_start(sql[at]) || is_digit(sql[at]))) ++at;
      tokens.push_back({Token::Kind::word, std::string(sql.substr(begin, at - begin)), begin});
    } else if (is_digit(c)) {
      at = end_of_number(sql, at);
      tokens.push_back({Token::Kind::number, std::string(sql.substr(begin, at - begin)), begin});
    } else if (c == '\'' || c == '"') {
      DUNLIN_TRY(Token token, read_text(sql, at));
      tokens.push_back(std::move(token));
    } else if (kSigns.find(c) != std::string_view::npos) {
      tokens.push_back(read_sign(sql, at));
    } else {
      return fail(Errc::malformed, "unexpected character at " + std::to_string(at + 1));
    }
  }
  tokens.push_back({Token::Kind::end, {}, sql.size()});
  return tokens;
}

}  // namespace dunlin::rules
