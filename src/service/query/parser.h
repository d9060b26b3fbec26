#pragma once
// Recursive descent over the tokens of a query. Internal to the room.

#include <string>
#include <vector>

#include "model/sql_tokens.h"
#include "service/query/syntax.h"

namespace dunlin::query {

using Token = model::SqlToken;

class Parser {
 public:
  Parser(std::string_view sql, std::vector<Token> tokens) : sql_(sql), tokens_(std::move(tokens)) {}

  Result<Query> query();
  Result<SyntaxPtr> only_expression();

 private:
  const Token& peek() const { return tokens_[at_]; }
  bool is_next(std::string_view word) const;
  bool is_sign(std::string_view sign) const;
  bool take_sign(std::string_view sign);
  bool take_word(std::string_view word);
  Result<void> expect_sign(std::string_view sign);
  Result<void> expect_word(std::string_view word);
  std::unexpected<Error> unexpected(std::string_view expected) const;
  std::unexpected<Error> wrong(std::size_t at, Errc code, const std::string& what) const;

  Result<std::unique_ptr<Select>> select();
  Result<void> clauses(Select& select);
  Result<void> items(Select& select);
  Result<From> from();
  Result<std::string> alias();
  Result<std::vector<SyntaxPtr>> expressions();
  Result<std::vector<OrderKey>> order_keys();
  Result<std::uint64_t> row_count();

  Result<SyntaxPtr> expression();
  Result<SyntaxPtr> conjunction();
  Result<SyntaxPtr> negation();
  Result<SyntaxPtr> comparison();
  Result<SyntaxPtr> predicate(SyntaxPtr left);
  Result<SyntaxPtr> sum();
  Result<SyntaxPtr> product();
  Result<SyntaxPtr> unary();
  Result<SyntaxPtr> postfix();
  Result<SyntaxPtr> primary();
  Result<SyntaxPtr> number();
  Result<SyntaxPtr> word();
  Result<SyntaxPtr> name();
  Result<SyntaxPtr> call(std::string name, std::size_t at);
  Result<SyntaxPtr> case_expression(std::size_t at);
  Result<SyntaxPtr> cast(std::size_t at);
  Result<SyntaxPtr> interval(std::size_t at);
  Result<std::shared_ptr<const Over>> over();
  Result<std::string> type();

  Result<SyntaxPtr> make(Syntax syntax);
  Result<SyntaxPtr> make_call(std::string name, std::size_t at, std::vector<SyntaxPtr> operands);

  std::string_view sql_;
  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  std::size_t depth_ = 0;
  std::size_t selects_ = 0;
  std::size_t nodes_ = 0;
};

}  // namespace dunlin::query
