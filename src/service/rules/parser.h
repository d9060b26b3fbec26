#pragma once
// Recursive descent over the tokens. Internal to the room.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/sql_tokens.h"
#include "service/rules/externals.h"
#include "service/rules/syntax.h"

namespace dunlin::rules {

/// What is known where a text stands.
struct Surroundings {
  std::span<const std::string> variables;  // that SET made
  const Externals* externals = nullptr;    // null: no other system can be asked
};

class Parser {
 public:
  using Token = model::SqlToken;

  /// Errors: malformed (with line and column), limit_exceeded.
  static Result<Parser> of(std::string_view sql, const Surroundings& surroundings);

  Result<Syntax> statement();
  /// A whole text that is one expression.
  Result<Expression> lone_expression();

 private:
  Parser(std::string_view sql, std::vector<Token> tokens, const Surroundings& surroundings);

  const Token& peek() const { return tokens_[at_]; }
  bool is_next(std::string_view word) const;
  bool is_next_sign(std::string_view sign) const;
  bool take_sign(std::string_view sign);
  bool take_word(std::string_view word);
  Result<void> expect_sign(std::string_view sign);
  Result<void> expect_word(std::string_view word);
  std::string place_of(const Token& token) const;
  std::unexpected<Error> unexpected(std::string_view expected,
                                    std::span<const std::string_view> words = {}) const;
  /// `what` is wrong with a name, at its place, and what may have been meant.
  std::unexpected<Error> wrong_name(std::string_view what, const Token& token,
                                    std::span<const std::string_view> known) const;
  Result<void> count_node();

  Result<std::vector<Variable>> assignments();
  Result<Variable> assignment();
  Result<std::string> topic_filter();
  Result<SelectList> select_list();
  Result<SelectList> select_items();
  Result<SelectItem> select_item();
  bool is_operand(std::size_t star) const;
  bool is_path(std::size_t begin, std::size_t end) const;

  Result<Expression> expression();
  Result<Expression> conjunction();
  Result<Expression> negation();
  Result<Expression> comparison();
  Result<Expression> sum();
  Result<Expression> product();
  Result<Expression> unary();
  Result<Expression> postfix();
  Result<Expression> primary();
  Result<Expression> number();
  Result<Expression> word();
  Result<Expression> variable();
  Result<Expression> parenthesis();
  Result<Expression> query();
  Result<Expression> call(const Token& name);
  Result<Expression> cast();
  Result<void> check_call(const Expression& call, const Token& name) const;
  Result<Expression> object_literal();
  Result<Expression> case_expression();
  Result<std::vector<Expression>> list_until(std::string_view close);

  std::string_view sql_;
  std::vector<Token> tokens_;
  std::vector<std::string> variables_;
  const Externals* externals_;
  std::size_t at_ = 0;
  std::size_t depth_ = 0;
  std::size_t nodes_ = 0;
};

}  // namespace dunlin::rules
