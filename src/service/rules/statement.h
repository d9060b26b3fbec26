#pragma once
// SELECT .. FROM .. WHERE, compiled once and evaluated for every message: AWS IoT SQL 2016-03-23.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "service/rules/externals.h"
#include "service/rules/machine.h"
#include "service/rules/program.h"

namespace dunlin::rules {

/// What statements share. Texts that are evaluated for the same message in turns should have the same paths.
struct Environment {
  std::shared_ptr<PathTable> paths = std::make_shared<PathTable>();
  const Externals* externals = nullptr;  // null: functions that ask another system are refused
};

/// `path operation constant`, one of the conditions of a WHERE: what an index can look up.
struct Predicate {
  PathId path = PathTable::kRoot;
  Operator operation = Operator::equal;
  std::uint32_t constant = 0;  // Statement::constant()
};

class Statement {
 public:
  /// Errors: malformed (with line, column and what was expected), unsupported, limit_exceeded.
  static Result<Statement> parse(std::string_view sql, const Environment& environment = {});

  /// Empty: there is no FROM.
  const std::string& filter() const { return filter_; }
  /// The names that SET gave, in their order.
  const std::vector<std::string>& variables() const { return variables_; }
  const PathTable* path_table() const { return program_.paths.table(); }
  /// Those of the form that an index can look up; each must be true for WHERE to hold.
  const std::vector<Predicate>& predicates() const { return predicates_; }
  Value constant(const Predicate& predicate) const { return program_.constants[predicate.constant]; }

  /// Whether WHERE holds (true where there is none). Starts the statement: what follows sees its variables.
  bool matches(Machine& machine) const;
  /// Whether the output is the payload itself, byte for byte (`SELECT *`).
  bool passes_payload() const;
  /// The SELECT list's output, after matches(); Undefined members are left out. Undefined: so is SELECT
  /// VALUE.
  Value select(Machine& machine) const;

 private:
  Program program_;
  std::vector<Block> values_;  // of the variables
  QueryPlan plan_;
  std::vector<Predicate> predicates_;
  std::vector<std::string> variables_;
  std::string filter_;
};

/// An expression that is a condition, e.g. an action's clear_when. It sees the variables of the statement
/// that was started last.
class Condition {
 public:
  /// Errors as Statement::parse.
  static Result<Condition> parse(std::string_view text, const std::vector<std::string>& variables = {},
                                 const Environment& environment = {});
  bool holds(Machine& machine) const;

 private:
  std::unique_ptr<const Program> program_;  // apart: an action that has none is small
  std::vector<Block> conditions_;
};

/// What SELECT gives, as an action publishes it: a text without quotes, anything else as JSON, nothing for
/// Undefined. Errors: limit_exceeded.
Result<void> append_output(Value output, std::string& out);

}  // namespace dunlin::rules
