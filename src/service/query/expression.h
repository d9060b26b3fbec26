#pragma once
// Expressions whose names and types are known. They work on whole columns and never fail: what has no value
// is NULL.

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "service/query/value.h"

namespace dunlin::query {

class Expression {
 public:
  explicit Expression(Type type) : type_(type) {}
  virtual ~Expression() = default;
  Type type() const { return type_; }

  /// A column of that type with a value for each row of the batch.
  virtual ColumnPtr evaluate(const Batch& batch, TextPool& texts) const = 0;
  /// Adds which of the batch's columns it reads.
  virtual void add_columns(std::vector<std::size_t>& columns) const = 0;
  /// The value where it is written in the query.
  virtual const Datum* literal() const { return nullptr; }

 private:
  Type type_;
};
using ExpressionPtr = std::shared_ptr<const Expression>;

struct KernelInput {
  std::span<const ColumnPtr> arguments;
  std::size_t rows = 0;
  TextPool& texts;
  Type result = Type::null;
};
/// Computes a column of `result` with `rows` rows.
using Kernel = Column (*)(const KernelInput&);

ExpressionPtr make_column_reference(std::size_t column, Type type);
ExpressionPtr make_constant(Datum value);
/// NULL, as a value of the type.
ExpressionPtr make_null(Type type);
ExpressionPtr make_kernel_call(Kernel kernel, Type result, std::vector<ExpressionPtr> arguments);
/// The column, if the expression is nothing else.
std::optional<std::size_t> column_of(const Expression& expression);

bool is_constant(const Expression& expression);
/// The value of a constant expression.
Datum value_of(const Expression& expression);

/// "2026-01-31", "2026-01-31 12:00" (UTC) or RFC 3339, as nanoseconds since 1970. Errors: invalid_argument.
Result<std::int64_t> parse_time(std::string_view text);

/// The rows for which the condition is true, and not NULL.
std::vector<std::uint32_t> rows_where(const Expression& condition, const Batch& batch, TextPool& texts);
/// Those rows of the batch.
Batch pick(const Batch& batch, const std::vector<std::uint32_t>& rows);

/// As a value of the type: integers become numbers, and texts that are written in the query times and
/// intervals. Errors: invalid_argument.
Result<ExpressionPtr> coerce(ExpressionPtr expression, Type type);
/// The type that all of them can have. Errors: invalid_argument.
Result<Type> common_type(std::span<const ExpressionPtr> expressions);

/// By function or operator name, as syntax.h has it. Errors: invalid_argument (no such function, with those
/// that there are; wrong arguments).
Result<ExpressionPtr> make_function(std::string_view name, std::vector<ExpressionPtr> arguments);
/// Whether it is written as a word, not as a sign.
bool is_word(std::string_view name);
/// The names of functions, without aggregates and signs.
std::vector<std::string_view> function_names();
/// Errors: invalid_argument.
Result<ExpressionPtr> make_cast(std::string_view type, ExpressionPtr operand);

}  // namespace dunlin::query
