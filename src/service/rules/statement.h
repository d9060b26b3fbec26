#pragma once
// SELECT .. FROM .. WHERE, parsed once and evaluated for every message. A part of AWS IoT SQL 2016-03-23.

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "service/rules/expression.h"

namespace dunlin::rules {

class Statement {
 public:
  /// Errors: malformed (with the place and what was expected), limit_exceeded.
  static Result<Statement> parse(std::string_view sql);

  const std::string& filter() const { return filter_; }
  /// Whether WHERE holds (true where there is none).
  bool matches(const Context& context) const;
  /// Whether the output is the payload itself, byte for byte (`SELECT *`).
  bool passes_payload() const;
  /// The SELECT list's output; Undefined members are left out. nullopt: `SELECT VALUE` gave Undefined.
  Value select(const Context& context) const;

 private:
  friend class Parser;
  struct Item {
    enum class Kind : std::uint8_t { everything, named } kind = Kind::named;
    ExpressionPtr expression;
    std::vector<std::string> path;  // of the output's member; more than one step makes nested objects
  };
  std::vector<Item> items_;
  ExpressionPtr value_;  // of SELECT VALUE
  ExpressionPtr where_;
  std::string filter_;
};

/// An expression on its own, e.g. an action's clear_when. Errors as Statement::parse.
Result<ExpressionPtr> parse_expression(std::string_view text);

/// A text with ${expression} parts, e.g. a republish topic.
class Template {
 public:
  /// Errors as Statement::parse.
  static Result<Template> parse(std::string_view text);
  /// Parts without a text form stay empty. Ends early past kMaxResultBytes.
  std::string render(const Context& context) const;
  /// The parts that no expression makes, joined.
  std::string literal_text() const;

 private:
  struct Part {
    std::string text;
    ExpressionPtr expression;  // null: the text itself
  };
  std::vector<Part> parts_;
};

}  // namespace dunlin::rules
