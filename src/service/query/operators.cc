// Arithmetic, comparisons and logic.

#include <cmath>

#include "service/query/kernels.h"

namespace dunlin::query {
namespace {

double add(double a, double b) {
  return a + b;
}
double subtract(double a, double b) {
  return a - b;
}
double multiply(double a, double b) {
  return a * b;
}
double divide(double a, double b) {
  return b == 0 ? std::nan("") : a / b;
}
double modulo(double a, double b) {
  return std::fmod(a, b);
}
double negate(double a) {
  return -a;
}

bool add_whole(std::int64_t a, std::int64_t b, std::int64_t& out) {
  return !__builtin_add_overflow(a, b, &out);
}
bool subtract_whole(std::int64_t a, std::int64_t b, std::int64_t& out) {
  return !__builtin_sub_overflow(a, b, &out);
}
bool multiply_whole(std::int64_t a, std::int64_t b, std::int64_t& out) {
  return !__builtin_mul_overflow(a, b, &out);
}
bool modulo_whole(std::int64_t a, std::int64_t b, std::int64_t& out) {
  if (b == 0) return false;
  out = b == -1 ? 0 : a % b;
  return true;
}

/// What does not fit is NULL.
template <bool (*Function)(std::int64_t, std::int64_t, std::int64_t&)>
Column map_integers(const KernelInput& input) {
  Column made = make_column(input.result, input.rows);
  const auto left = integers(*input.arguments[0]);
  const auto right = integers(*input.arguments[1]);
  made.valid = all_valid(input);
  for (std::size_t i = 0; i < input.rows; ++i) {
    if (Function(left[i], right[i], made.integers[i])) continue;
    if (made.valid.empty()) made.valid.assign(input.rows, 1);
    made.valid[i] = 0;
  }
  return made;
}

/// interval by number.
template <double (*Function)(double, double)>
Column scale_interval(const KernelInput& input) {
  Column made = make_column(Type::interval, input.rows);
  const auto left = integers(*input.arguments[0]);
  const auto right = numbers(*input.arguments[1]);
  made.valid = all_valid(input);
  for (std::size_t i = 0; i < input.rows; ++i) {
    const double length = Function(static_cast<double>(left[i]), right[i]);
    const bool fits = std::abs(length) < 9e18;
    made.integers[i] = fits ? static_cast<std::int64_t>(length) : 0;
    if (fits) continue;
    if (made.valid.empty()) made.valid.assign(input.rows, 1);
    made.valid[i] = 0;
  }
  return made;
}

Column interval_ratio(const KernelInput& input) {
  Column made = make_column(Type::number, input.rows);
  const auto left = integers(*input.arguments[0]);
  const auto right = integers(*input.arguments[1]);
  for (std::size_t i = 0; i < input.rows; ++i)
    made.numbers[i] = divide(static_cast<double>(left[i]), static_cast<double>(right[i]));
  made.valid = all_valid(input);
  hide_nan(made);
  return made;
}

enum class Sign : std::uint8_t { add, subtract, multiply, divide, modulo };

Kernel number_kernel(Sign sign) {
  constexpr Kernel kKernels[] = {map_numbers<add>, map_numbers<subtract>, map_numbers<multiply>,
                                 map_numbers<divide>, map_numbers<modulo>};
  return kKernels[static_cast<std::size_t>(sign)];
}

/// Null: division, whose result is a number.
Kernel whole_kernel(Sign sign) {
  constexpr Kernel kKernels[] = {map_integers<add_whole>, map_integers<subtract_whole>,
                                 map_integers<multiply_whole>, nullptr, map_integers<modulo_whole>};
  return kKernels[static_cast<std::size_t>(sign)];
}

bool is_numeric(Type type) {
  return type == Type::number || type == Type::integer || type == Type::null;
}

std::unexpected<Error> no_arithmetic(Type left, Type right) {
  return fail(Errc::invalid_argument, "no arithmetic is known of " + std::string(type_name(left)) + " and " +
                                          std::string(type_name(right)));
}

/// Times and intervals.
Result<ExpressionPtr> time_arithmetic(Sign sign, std::vector<ExpressionPtr> arguments) {
  const Type left = arguments[0]->type();
  const Type right = arguments[1]->type();
  const bool is_sum = sign == Sign::add || sign == Sign::subtract;
  const Kernel sum = is_sum ? whole_kernel(sign) : nullptr;
  if (is_sum && right == Type::interval && (left == Type::time || left == Type::interval))
    return make_kernel_call(sum, left, std::move(arguments));
  if (sign == Sign::add && left == Type::interval && right == Type::time)
    return make_kernel_call(sum, Type::time, std::move(arguments));
  if (sign == Sign::subtract && left == Type::time && right == Type::time)
    return make_kernel_call(sum, Type::interval, std::move(arguments));
  if (sign == Sign::divide && left == Type::interval && right == Type::interval)
    return make_kernel_call(interval_ratio, Type::number, std::move(arguments));
  if (sign == Sign::multiply && right == Type::interval) std::swap(arguments[0], arguments[1]);
  if (arguments[0]->type() == Type::interval && is_numeric(arguments[1]->type()) &&
      (sign == Sign::multiply || sign == Sign::divide)) {
    DUNLIN_TRY(arguments[1], coerce(std::move(arguments[1]), Type::number));
    return make_kernel_call(sign == Sign::multiply ? scale_interval<multiply> : scale_interval<divide>,
                            Type::interval, std::move(arguments));
  }
  return no_arithmetic(left, right);
}

template <Sign Operation>
Result<ExpressionPtr> arithmetic(std::vector<ExpressionPtr> arguments) {
  DUNLIN_CHECK(expect_arguments(arguments, 2, 2));
  // A text beside a time or an interval is the one or the other.
  for (std::size_t i = 0; i < 2; ++i) {
    const Type other = arguments[1 - i]->type();
    if (arguments[i]->type() != Type::text || (other != Type::time && other != Type::interval)) continue;
    const Type wanted =
        other == Type::time && Operation == Sign::subtract && i == 0 ? Type::time : Type::interval;
    DUNLIN_TRY(arguments[i], coerce(std::move(arguments[i]), wanted));
  }
  const Type left = arguments[0]->type();
  const Type right = arguments[1]->type();
  if (!is_numeric(left) || !is_numeric(right)) return time_arithmetic(Operation, std::move(arguments));
  const Kernel whole = whole_kernel(Operation);
  const bool is_whole = left == Type::integer && right == Type::integer && whole != nullptr;
  DUNLIN_TRY(arguments, coerce_all(std::move(arguments), is_whole ? Type::integer : Type::number));
  if (is_whole) return make_kernel_call(whole, Type::integer, std::move(arguments));
  return make_kernel_call(number_kernel(Operation), Type::number, std::move(arguments));
}

Column negate_whole(const KernelInput& input) {
  Column made = make_column(input.result, input.rows);
  const auto from = integers(*input.arguments[0]);
  made.valid = all_valid(input);
  for (std::size_t i = 0; i < input.rows; ++i)
    made.integers[i] = static_cast<std::int64_t>(0 - static_cast<std::uint64_t>(from[i]));
  return made;
}

Result<ExpressionPtr> build_negate(std::vector<ExpressionPtr> arguments) {
  DUNLIN_CHECK(expect_arguments(arguments, 1, 1));
  const Type type = arguments[0]->type();
  if (type == Type::integer || type == Type::interval)
    return make_kernel_call(negate_whole, type, std::move(arguments));
  DUNLIN_TRY(arguments, coerce_all(std::move(arguments), Type::number));
  return make_kernel_call(map_number<negate>, Type::number, std::move(arguments));
}

enum class Test : std::uint8_t { equal, not_equal, less, less_equal, greater, greater_equal };

template <Test Wanted, class T>
bool holds(const T& a, const T& b) {
  if constexpr (Wanted == Test::equal) return a == b;
  if constexpr (Wanted == Test::not_equal) return a != b;
  if constexpr (Wanted == Test::less) return a < b;
  if constexpr (Wanted == Test::less_equal) return a <= b;
  if constexpr (Wanted == Test::greater) return a > b;
  return a >= b;
}

template <Test Wanted, auto Values>
Column compare(const KernelInput& input) {
  Column made = make_column(Type::boolean, input.rows);
  const auto left = Values(*input.arguments[0]);
  const auto right = Values(*input.arguments[1]);
  for (std::size_t i = 0; i < input.rows; ++i) made.integers[i] = holds<Wanted>(left[i], right[i]) ? 1 : 0;
  made.valid = all_valid(input);
  return made;
}

template <Test Wanted>
Column compare_texts(const KernelInput& input) {
  Column made = make_column(Type::boolean, input.rows);
  made.valid = all_valid(input);
  for (std::size_t i = 0; i < input.rows; ++i) {
    if (made.valid.empty() || made.valid[i] != 0)
      made.integers[i] = holds<Wanted>(text_of(input, 0, i), text_of(input, 1, i)) ? 1 : 0;
  }
  return made;
}

template <Test Wanted>
Result<ExpressionPtr> comparison(std::vector<ExpressionPtr> arguments) {
  DUNLIN_CHECK(expect_arguments(arguments, 2, 2));
  DUNLIN_TRY(const Type type, common_type(arguments));
  DUNLIN_TRY(arguments, coerce_all(std::move(arguments), type == Type::null ? Type::integer : type));
  if (type == Type::number)
    return make_kernel_call(compare<Wanted, numbers>, Type::boolean, std::move(arguments));
  const bool by_place = Wanted == Test::equal || Wanted == Test::not_equal;
  if (type == Type::text && !by_place)
    return make_kernel_call(compare_texts<Wanted>, Type::boolean, std::move(arguments));
  return make_kernel_call(compare<Wanted, integers>, Type::boolean, std::move(arguments));
}

/// The logic of three values: `decides` settles the matter whatever the other one is.
template <std::int64_t Decides>
Column logic(const KernelInput& input) {
  Column made = make_column(Type::boolean, input.rows);
  const Column& left = *input.arguments[0];
  const Column& right = *input.arguments[1];
  const auto a = integers(left);
  const auto b = integers(right);
  if (left.valid.empty() && right.valid.empty()) {
    for (std::size_t i = 0; i < input.rows; ++i)
      made.integers[i] = Decides != 0 ? (a[i] | b[i]) : (a[i] & b[i]);
    return made;
  }
  made.valid.assign(input.rows, 1);
  for (std::size_t i = 0; i < input.rows; ++i) {
    const bool is_decided = (left.is_valid(i) && a[i] == Decides) || (right.is_valid(i) && b[i] == Decides);
    made.integers[i] = is_decided ? Decides : 1 - Decides;
    made.valid[i] = is_decided || (left.is_valid(i) && right.is_valid(i)) ? 1 : 0;
  }
  return made;
}

template <std::int64_t Decides>
Result<ExpressionPtr> build_logic(std::vector<ExpressionPtr> arguments) {
  DUNLIN_CHECK(expect_arguments(arguments, 2, 2));
  DUNLIN_TRY(arguments, coerce_all(std::move(arguments), Type::boolean));
  return make_kernel_call(logic<Decides>, Type::boolean, std::move(arguments));
}

Column logic_not(const KernelInput& input) {
  Column made = make_column(Type::boolean, input.rows);
  const auto from = integers(*input.arguments[0]);
  for (std::size_t i = 0; i < input.rows; ++i) made.integers[i] = 1 - from[i];
  made.valid = all_valid(input);
  return made;
}

Result<ExpressionPtr> build_not(std::vector<ExpressionPtr> arguments) {
  DUNLIN_CHECK(expect_arguments(arguments, 1, 1));
  DUNLIN_TRY(arguments, coerce_all(std::move(arguments), Type::boolean));
  return make_kernel_call(logic_not, Type::boolean, std::move(arguments));
}

constexpr FunctionEntry kFunctions[] = {{"+", arithmetic<Sign::add>},
                                        {"-", arithmetic<Sign::subtract>},
                                        {"*", arithmetic<Sign::multiply>},
                                        {"/", arithmetic<Sign::divide>},
                                        {"%", arithmetic<Sign::modulo>},
                                        {"negate", build_negate},
                                        {"=", comparison<Test::equal>},
                                        {"<>", comparison<Test::not_equal>},
                                        {"<", comparison<Test::less>},
                                        {"<=", comparison<Test::less_equal>},
                                        {">", comparison<Test::greater>},
                                        {">=", comparison<Test::greater_equal>},
                                        {"and", build_logic<0>},
                                        {"or", build_logic<1>},
                                        {"not", build_not}};

}  // namespace

std::span<const FunctionEntry> operator_functions() {
  return kFunctions;
}

}  // namespace dunlin::query
