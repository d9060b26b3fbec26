#pragma once
// Recursive descent over the tokens. Internal to the room.

#include <string>
#include <vector>

#include "model/sql_tokens.h"
#include "service/rules/statement.h"

namespace dunlin::rules {

using Token = model::SqlToken;

class Parser {
 public:
  explicit Parser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  Result<Statement> statement();
  /// A whole text that is one expression.
  Result<ExpressionPtr> lone_expression();

 private:
  const Token& peek() const { return tokens_[at_]; }
  bool take_sign(std::string_view sign);
  bool take_word(std::string_view word);
  Result<void> expect_sign(std::string_view sign);
  std::unexpected<Error> unexpected(std::string_view expected) const;

  bool is_next(std::string_view word) const;
  bool is_path(std::size_t begin, std::size_t end) const;
  Result<void> count_node();

  Result<void> select_list(Statement& statement);
  Result<void> select_items(Statement& statement);
  Result<Statement::Item> select_item();
  Result<ExpressionPtr> expression();
  Result<ExpressionPtr> conjunction();
  Result<ExpressionPtr> negation();
  Result<ExpressionPtr> comparison();
  Result<ExpressionPtr> sum();
  Result<ExpressionPtr> product();
  Result<ExpressionPtr> unary();
  Result<ExpressionPtr> postfix();
  Result<ExpressionPtr> primary();
  Result<ExpressionPtr> number();
  Result<ExpressionPtr> word();
  Result<std::vector<ExpressionPtr>> list_until(std::string_view close);
  Result<ExpressionPtr> object_literal();
  Result<ExpressionPtr> case_expression();

  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  std::size_t depth_ = 0;
  std::size_t nodes_ = 0;
};

}  // namespace dunlin::rules
