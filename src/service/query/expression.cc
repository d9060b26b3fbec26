#include "service/query/expression.h"

#include "base/core/assert.h"
#include "base/time_text.h"
#include "service/query/syntax.h"

namespace dunlin::query {
namespace {

class ColumnReference final : public Expression {
 public:
  ColumnReference(std::size_t column, Type type) : Expression(type), column_(column) {}
  ColumnPtr evaluate(const Batch& batch, TextPool&) const override { return batch.columns[column_]; }
  void add_columns(std::vector<std::size_t>& columns) const override { columns.push_back(column_); }
  std::size_t column() const { return column_; }

 private:
  std::size_t column_;
};

class Constant final : public Expression {
 public:
  explicit Constant(Datum value) : Expression(value.type), value_(std::move(value)) {}
  ColumnPtr evaluate(const Batch&, TextPool& texts) const override { return constant_column(value_, texts); }
  void add_columns(std::vector<std::size_t>&) const override {}
  const Datum* literal() const override { return &value_; }

 private:
  Datum value_;
};

class Null final : public Expression {
 public:
  explicit Null(Type type) : Expression(type) {}
  ColumnPtr evaluate(const Batch&, TextPool&) const override { return null_column(type()); }
  void add_columns(std::vector<std::size_t>&) const override {}
};

class KernelCall final : public Expression {
 public:
  KernelCall(Kernel kernel, Type result, std::vector<ExpressionPtr> arguments)
      : Expression(result), kernel_(kernel), arguments_(std::move(arguments)) {}

  ColumnPtr evaluate(const Batch& batch, TextPool& texts) const override {
    std::vector<ColumnPtr> columns;
    columns.reserve(arguments_.size());
    bool is_one = true;
    for (const ExpressionPtr& argument : arguments_) {
      columns.push_back(argument->evaluate(batch, texts));
      is_one = is_one && columns.back()->shape == Column::Shape::constant;
    }
    Column made = kernel_({columns, is_one ? 1 : batch.rows, texts, type()});
    made.type = type();
    if (is_one) made.shape = Column::Shape::constant;
    return std::make_shared<const Column>(std::move(made));
  }
  void add_columns(std::vector<std::size_t>& columns) const override {
    for (const ExpressionPtr& argument : arguments_) argument->add_columns(columns);
  }

 private:
  Kernel kernel_;
  std::vector<ExpressionPtr> arguments_;
};

Column numbers_of(const KernelInput& input) {
  const Column& from = *input.arguments[0];
  Column made = make_column(Type::number, input.rows);
  for (std::size_t i = 0; i < input.rows; ++i) made.numbers[i] = from.number(i);
  made.valid = from.valid;
  return made;
}

/// A text that is written in the query.
Result<ExpressionPtr> read_text(const std::string& text, Type type) {
  Datum value;
  value.type = type;
  if (type == Type::interval) {
    DUNLIN_TRY(value.integer, parse_interval(text));
    return make_constant(std::move(value));
  }
  DUNLIN_TRY(value.integer, parse_time(text));
  return make_constant(std::move(value));
}

}  // namespace

Result<std::int64_t> parse_time(std::string_view text) {
  std::string full(text);
  if (full.size() == 10) full += "T00:00:00";
  if (full.size() > 10 && full[10] == ' ') full[10] = 'T';
  if (full.size() == 16) full += ":00";
  const bool has_zone = full.size() > 19 && full.find_first_of("Zz+-", 19) != std::string::npos;
  if (!has_zone) full += 'Z';
  const auto time = parse_rfc3339(full);
  if (!time) {
    return fail(Errc::invalid_argument,
                "\"" + std::string(text.substr(0, 40)) +
                    "\" is no time; write it as '2026-01-31 12:00:00' (UTC) or with an "
                    "offset");
  }
  return unix_nanoseconds(*time);
}

ExpressionPtr make_column_reference(std::size_t column, Type type) {
  return std::make_shared<const ColumnReference>(column, type);
}

ExpressionPtr make_constant(Datum value) {
  return std::make_shared<const Constant>(std::move(value));
}

ExpressionPtr make_null(Type type) {
  return std::make_shared<const Null>(type);
}

ExpressionPtr make_kernel_call(Kernel kernel, Type result, std::vector<ExpressionPtr> arguments) {
  return std::make_shared<const KernelCall>(kernel, result, std::move(arguments));
}

std::optional<std::size_t> column_of(const Expression& expression) {
  const auto* reference = dynamic_cast<const ColumnReference*>(&expression);
  if (reference == nullptr) return std::nullopt;
  return reference->column();
}

bool is_constant(const Expression& expression) {
  std::vector<std::size_t> columns;
  expression.add_columns(columns);
  return columns.empty();
}

Datum value_of(const Expression& expression) {
  if (const Datum* literal = expression.literal()) return *literal;
  TextPool texts;
  const ColumnPtr column =
      expression.evaluate(Batch{.rows = 1, .columns = {}, .origin = 0, .wholes = {}, .whole_of = 0}, texts);
  return datum_at(*column, 0, texts);
}

std::vector<std::uint32_t> rows_where(const Expression& condition, const Batch& batch, TextPool& texts) {
  const ColumnPtr truth = condition.evaluate(batch, texts);
  std::vector<std::uint32_t> rows;
  rows.reserve(batch.rows);
  if (truth->type == Type::null) return rows;
  if (truth->shape == Column::Shape::rows && truth->valid.empty()) {
    for (std::uint32_t i = 0; i < batch.rows; ++i) {
      if (truth->integers[i] != 0) rows.push_back(i);
    }
    return rows;
  }
  for (std::uint32_t i = 0; i < batch.rows; ++i) {
    if (truth->is_valid(i) && truth->integer(i) != 0) rows.push_back(i);
  }
  return rows;
}

Batch pick(const Batch& batch, const std::vector<std::uint32_t>& rows) {
  Batch picked;
  picked.rows = rows.size();
  picked.origin = batch.origin;
  picked.whole_of = batch.whole_of;
  for (const ColumnPtr& column : batch.columns)
    picked.columns.push_back(column ? gather(column, rows) : nullptr);
  if (!batch.wholes.empty()) {
    for (const std::uint32_t row : rows) picked.wholes.push_back(batch.wholes[row]);
  }
  return picked;
}

Result<ExpressionPtr> coerce(ExpressionPtr expression, Type type) {
  const Type from = expression->type();
  if (from == type) return expression;
  if (from == Type::null) return make_null(type);
  if (from == Type::integer && type == Type::number) {
    if (const Datum* literal = expression->literal()) {
      Datum value;
      value.type = Type::number;
      value.number = static_cast<double>(literal->integer);
      return make_constant(std::move(value));
    }
    return make_kernel_call(numbers_of, Type::number, {std::move(expression)});
  }
  if (from == Type::text && (type == Type::time || type == Type::interval)) {
    if (const Datum* literal = expression->literal()) return read_text(literal->text, type);
  }
  return fail(Errc::invalid_argument, "expected a value of type " + std::string(type_name(type)) +
                                          " but found one of type " + std::string(type_name(from)));
}

Result<Type> common_type(std::span<const ExpressionPtr> expressions) {
  Type type = Type::null;
  bool all_literal_text = true;
  for (const ExpressionPtr& expression : expressions) {
    const Type other = expression->type();
    if (other == Type::null || other == type) {
      all_literal_text = all_literal_text && (other != Type::text || expression->literal() != nullptr);
      continue;
    }
    const bool literal_text = other == Type::text && expression->literal() != nullptr;
    const bool numeric =
        (other == Type::number || other == Type::integer) && (type == Type::number || type == Type::integer);
    if (type == Type::null) {
      type = other;
      all_literal_text = other != Type::text || literal_text;
    } else if (numeric) {
      type = Type::number;
    } else if (literal_text && (type == Type::time || type == Type::interval)) {
      continue;
    } else if (type == Type::text && all_literal_text && (other == Type::time || other == Type::interval)) {
      type = other;
    } else {
      return fail(Errc::invalid_argument, std::string(type_name(type)) + " and " +
                                              std::string(type_name(other)) +
                                              " do not go together; use CAST(.. AS ..)");
    }
  }
  return type;
}

}  // namespace dunlin::query
