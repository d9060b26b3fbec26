#pragma once
// What kernels share, and the tables of functions. Internal to the room.

#include <cmath>
#include <string_view>
#include <vector>

#include "service/query/expression.h"

namespace dunlin::query {

/// Makes a call of a function that it knows.
using Builder = Result<ExpressionPtr> (*)(std::vector<ExpressionPtr> arguments);
struct FunctionEntry {
  std::string_view name;
  Builder build;
};
std::span<const FunctionEntry> operator_functions();
std::span<const FunctionEntry> conditional_functions();
std::span<const FunctionEntry> number_functions();
std::span<const FunctionEntry> text_functions();
std::span<const FunctionEntry> time_functions();

/// Errors: invalid_argument.
Result<void> expect_arguments(const std::vector<ExpressionPtr>& arguments, std::size_t least,
                              std::size_t most);
/// All as values of the type. Errors: invalid_argument.
Result<std::vector<ExpressionPtr>> coerce_all(std::vector<ExpressionPtr> arguments, Type type);

/// 1 where none of the arguments is NULL; empty where that is so for all rows.
std::vector<std::uint8_t> all_valid(const KernelInput& input);

/// Values by row; one that stands for all has a step of 0.
template <class T>
struct Reader {
  const T* data;
  std::size_t step;
  T operator[](std::size_t row) const { return data[row * step]; }
};
inline Reader<double> numbers(const Column& column) {
  return {column.numbers.data(), column.shape == Column::Shape::rows ? std::size_t{1} : 0};
}
inline Reader<std::int64_t> integers(const Column& column) {
  return {column.integers.data(), column.shape == Column::Shape::rows ? std::size_t{1} : 0};
}

/// A number that is none (NaN) is NULL.
inline void hide_nan(Column& column) {
  for (std::size_t i = 0; i < column.numbers.size(); ++i) {
    if (!std::isnan(column.numbers[i])) continue;
    if (column.valid.empty()) column.valid.assign(column.numbers.size(), 1);
    column.valid[i] = 0;
  }
}

/// number -> number, by the function; no value where it gives NaN.
template <double (*Function)(double)>
Column map_number(const KernelInput& input) {
  Column made = make_column(Type::number, input.rows);
  const auto from = numbers(*input.arguments[0]);
  for (std::size_t i = 0; i < input.rows; ++i) made.numbers[i] = Function(from[i]);
  made.valid = all_valid(input);
  hide_nan(made);
  return made;
}

template <double (*Function)(double, double)>
Column map_numbers(const KernelInput& input) {
  Column made = make_column(Type::number, input.rows);
  const auto left = numbers(*input.arguments[0]);
  const auto right = numbers(*input.arguments[1]);
  for (std::size_t i = 0; i < input.rows; ++i) made.numbers[i] = Function(left[i], right[i]);
  made.valid = all_valid(input);
  hide_nan(made);
  return made;
}

/// The text of an argument by row.
inline std::string_view text_of(const KernelInput& input, std::size_t argument, std::size_t row) {
  return input.texts.text_at(input.arguments[argument]->integer(row));
}

}  // namespace dunlin::query
