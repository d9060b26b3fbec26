// What chooses among values: CASE, COALESCE, IN, BETWEEN, IS NULL and others.

#include <algorithm>

#include "service/query/kernels.h"

namespace dunlin::query {
namespace {

/// Puts a row of `from` into `made`, both of one type.
void put(Column& made, std::size_t row, const Column& from) {
  if (!from.is_valid(row)) {
    if (made.valid.empty()) made.valid.assign(std::max(made.integers.size(), made.numbers.size()), 1);
    made.valid[row] = 0;
  } else if (is_double(made.type)) {
    made.numbers[row] = from.number(row);
  } else {
    made.integers[row] = from.integer(row);
  }
}

/// -1, 0 or 1; both are there.
int order_of(const Column& a, const Column& b, std::size_t row, const TextPool& texts) {
  if (is_double(a.type)) return a.number(row) < b.number(row) ? -1 : a.number(row) > b.number(row) ? 1 : 0;
  if (a.type == Type::text) return texts.text_at(a.integer(row)).compare(texts.text_at(b.integer(row)));
  return a.integer(row) < b.integer(row) ? -1 : a.integer(row) > b.integer(row) ? 1 : 0;
}

/// Conditions and values in turns, and the value of ELSE.
Column choose(const KernelInput& input) {
  Column made = make_column(input.result, input.rows);
  for (std::size_t row = 0; row < input.rows; ++row) {
    std::size_t value = input.arguments.size() - 1;
    for (std::size_t i = 0; i + 1 < input.arguments.size(); i += 2) {
      const Column& condition = *input.arguments[i];
      if (!condition.is_valid(row) || condition.integer(row) == 0) continue;
      value = i + 1;
      break;
    }
    put(made, row, *input.arguments[value]);
  }
  return made;
}

/// A subject, then what it is compared with and values in turns, and the value of ELSE.
Column choose_by(const KernelInput& input) {
  Column made = make_column(input.result, input.rows);
  const Column& subject = *input.arguments[0];
  for (std::size_t row = 0; row < input.rows; ++row) {
    std::size_t value = input.arguments.size() - 1;
    for (std::size_t i = 1; i + 1 < input.arguments.size() && subject.is_valid(row); i += 2) {
      const Column& candidate = *input.arguments[i];
      if (!candidate.is_valid(row) || order_of(subject, candidate, row, input.texts) != 0) continue;
      value = i + 1;
      break;
    }
    put(made, row, *input.arguments[value]);
  }
  return made;
}

/// `places` become values of one type; that type.
Result<Type> unite(std::vector<ExpressionPtr>& arguments, const std::vector<std::size_t>& places) {
  std::vector<ExpressionPtr> united;
  for (const std::size_t place : places) united.push_back(arguments[place]);
  DUNLIN_TRY(Type type, common_type(united));
  if (type == Type::null) type = Type::number;
  for (const std::size_t place : places) {
    DUNLIN_TRY(arguments[place], coerce(arguments[place], type));
  }
  return type;
}

Result<ExpressionPtr> build_case(std::vector<ExpressionPtr> arguments) {
  DUNLIN_CHECK(expect_arguments(arguments, 3, kMaxNodes));
  std::vector<std::size_t> values{arguments.size() - 1};
  for (std::size_t i = 0; i + 1 < arguments.size(); i += 2) {
    values.push_back(i + 1);
    DUNLIN_TRY(arguments[i], coerce(arguments[i], Type::boolean));
  }
  DUNLIN_TRY(const Type type, unite(arguments, values));
  return make_kernel_call(choose, type, std::move(arguments));
}

Result<ExpressionPtr> build_case_of(std::vector<ExpressionPtr> arguments) {
  DUNLIN_CHECK(expect_arguments(arguments, 4, kMaxNodes));
  std::vector<std::size_t> values{arguments.size() - 1};
  std::vector<std::size_t> compared{0};
  for (std::size_t i = 1; i + 1 < arguments.size(); i += 2) {
    compared.push_back(i);
    values.push_back(i + 1);
  }
  DUNLIN_CHECK(unite(arguments, compared));
  DUNLIN_TRY(const Type type, unite(arguments, values));
  return make_kernel_call(choose_by, type, std::move(arguments));
}

Column first_value(const KernelInput& input) {
  Column made = make_column(input.result, input.rows);
  for (std::size_t row = 0; row < input.rows; ++row) {
    std::size_t i = 0;
    while (i + 1 < input.arguments.size() && !input.arguments[i]->is_valid(row)) ++i;
    put(made, row, *input.arguments[i]);
  }
  return made;
}

Column null_if_equal(const KernelInput& input) {
  Column made = make_column(input.result, input.rows);
  const Column& value = *input.arguments[0];
  const Column& other = *input.arguments[1];
  const ColumnPtr null = null_column(input.result);
  for (std::size_t row = 0; row < input.rows; ++row) {
    const bool is_equal =
        value.is_valid(row) && other.is_valid(row) && order_of(value, other, row, input.texts) == 0;
    put(made, row, is_equal ? *null : value);
  }
  return made;
}

template <int Toward>
Column extreme(const KernelInput& input) {
  Column made = make_column(input.result, input.rows);
  for (std::size_t row = 0; row < input.rows; ++row) {
    const Column* best = input.arguments[0].get();
    for (const ColumnPtr& candidate : input.arguments) {
      if (!candidate->is_valid(row)) continue;
      if (!best->is_valid(row) || order_of(*candidate, *best, row, input.texts) * Toward > 0)
        best = candidate.get();
    }
    put(made, row, *best);
  }
  return made;
}

/// All arguments of one type, which is the result's.
template <Kernel Compute, std::size_t Least>
Result<ExpressionPtr> build_united(std::vector<ExpressionPtr> arguments) {
  DUNLIN_CHECK(expect_arguments(arguments, Least, kMaxNodes));
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < arguments.size(); ++i) places.push_back(i);
  DUNLIN_TRY(const Type type, unite(arguments, places));
  return make_kernel_call(Compute, type, std::move(arguments));
}

Result<ExpressionPtr> build_null_if(std::vector<ExpressionPtr> arguments) {
  DUNLIN_CHECK(expect_arguments(arguments, 2, 2));
  return build_united<null_if_equal, 2>(std::move(arguments));
}

/// NULL in the list, or for the subject, leaves open what is not found.
Column is_among(const KernelInput& input) {
  Column made = make_column(Type::boolean, input.rows);
  const Column& subject = *input.arguments[0];
  for (std::size_t row = 0; row < input.rows; ++row) {
    bool is_open = !subject.is_valid(row);
    for (std::size_t i = 1; i < input.arguments.size() && subject.is_valid(row); ++i) {
      const Column& candidate = *input.arguments[i];
      if (!candidate.is_valid(row)) {
        is_open = true;
      } else if (order_of(subject, candidate, row, input.texts) == 0) {
        made.integers[row] = 1;
        break;
      }
    }
    if (made.integers[row] != 0 || !is_open) continue;
    if (made.valid.empty()) made.valid.assign(input.rows, 1);
    made.valid[row] = 0;
  }
  return made;
}

Column is_between(const KernelInput& input) {
  Column made = make_column(Type::boolean, input.rows);
  made.valid.assign(input.rows, 1);
  const Column& subject = *input.arguments[0];
  const Column& low = *input.arguments[1];
  const Column& high = *input.arguments[2];
  for (std::size_t row = 0; row < input.rows; ++row) {
    const bool above = low.is_valid(row) && subject.is_valid(row);
    const bool below = high.is_valid(row) && subject.is_valid(row);
    const bool is_under = above && order_of(subject, low, row, input.texts) < 0;
    const bool is_over = below && order_of(subject, high, row, input.texts) > 0;
    made.integers[row] = is_under || is_over ? 0 : 1;
    made.valid[row] = is_under || is_over || (above && below) ? 1 : 0;
  }
  return made;
}

Result<ExpressionPtr> build_in(std::vector<ExpressionPtr> arguments) {
  DUNLIN_CHECK(expect_arguments(arguments, 2, kMaxNodes));
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < arguments.size(); ++i) places.push_back(i);
  DUNLIN_CHECK(unite(arguments, places));
  return make_kernel_call(is_among, Type::boolean, std::move(arguments));
}

Result<ExpressionPtr> build_between(std::vector<ExpressionPtr> arguments) {
  DUNLIN_CHECK(expect_arguments(arguments, 3, 3));
  DUNLIN_CHECK(unite(arguments, {0, 1, 2}));
  return make_kernel_call(is_between, Type::boolean, std::move(arguments));
}

template <std::int64_t WhenNull>
Column null_test(const KernelInput& input) {
  Column made = make_column(Type::boolean, input.rows);
  for (std::size_t row = 0; row < input.rows; ++row)
    made.integers[row] = input.arguments[0]->is_valid(row) ? 1 - WhenNull : WhenNull;
  return made;
}

template <std::int64_t WhenNull>
Result<ExpressionPtr> build_null_test(std::vector<ExpressionPtr> arguments) {
  DUNLIN_CHECK(expect_arguments(arguments, 1, 1));
  return make_kernel_call(null_test<WhenNull>, Type::boolean, std::move(arguments));
}

constexpr FunctionEntry kFunctions[] = {{"case", build_case},
                                        {"case_of", build_case_of},
                                        {"coalesce", build_united<first_value, 1>},
                                        {"nullif", build_null_if},
                                        {"greatest", build_united<extreme<1>, 1>},
                                        {"least", build_united<extreme<-1>, 1>},
                                        {"in", build_in},
                                        {"between", build_between},
                                        {"is_null", build_null_test<1>},
                                        {"is_not_null", build_null_test<0>}};

}  // namespace

std::span<const FunctionEntry> conditional_functions() {
  return kFunctions;
}

}  // namespace dunlin::query
