#include <algorithm>
#include <array>
#include <cmath>

#include "base/rng.h"
#include "service/rules/conversion.h"
#include "service/rules/functions.h"
#include "service/rules/number.h"

namespace dunlin::rules {
namespace {

/// Of one number with a result that decimals hold.
template <Value (*Exact)(Value, Arena&)>
Value exact(Evaluation& evaluation, Arguments arguments) {
  const Value number = to_number(arguments[0], evaluation);
  return number.is_undefined() ? number : Exact(number, evaluation.arena);
}

/// Of one number, in double precision; what is no real number is Undefined.
template <double (*Real)(double)>
Value real(Evaluation& evaluation, Arguments arguments) {
  const Value number = to_number(arguments[0], evaluation);
  return number.is_undefined() ? number : from_double(Real(to_double(number)), evaluation.arena);
}

template <double (*Real)(double, double)>
Value real_of_two(Evaluation& evaluation, Arguments arguments) {
  const Value a = to_number(arguments[0], evaluation);
  const Value b = to_number(arguments[1], evaluation);
  if (a.is_undefined() || b.is_undefined()) return {};
  return from_double(Real(to_double(a), to_double(b)), evaluation.arena);
}

bool is_negative(Value number) {
  const auto order = compare(number, Value::whole(0));
  return order && *order < 0;
}

Value magnitude(Value number, Arena& arena) {
  return is_negative(number) ? negate(number, arena) : number;
}

Value sign(Value number, Arena&) {
  const auto order = compare(number, Value::whole(0));
  if (!order) return {};
  return Value::whole(*order < 0 ? -1 : *order > 0 ? 1 : 0);
}

Value trunc(Evaluation& evaluation, Arguments arguments) {
  constexpr std::int64_t kMostDigits = 34;
  const Value number = to_number(arguments[0], evaluation);
  const Value digits = to_number(arguments[1], evaluation);
  if (number.is_undefined() || digits.is_undefined()) return {};
  const std::int64_t kept = std::clamp(to_clamped_integer(digits), std::int64_t{0}, kMostDigits);
  return truncate(number, static_cast<int>(kept), evaluation.arena);
}

Value modulo(Evaluation& evaluation, Arguments arguments) {
  const Value a = to_number(arguments[0], evaluation);
  const Value b = to_number(arguments[1], evaluation);
  if (a.is_undefined() || b.is_undefined()) return {};
  return remainder(a, b, evaluation.arena);
}

template <class Combine>
Value bits(Evaluation& evaluation, Arguments arguments, Combine combine) {
  const auto a = to_whole(arguments[0], evaluation);
  const auto b = to_whole(arguments[1], evaluation);
  return a && b ? Value::whole(combine(*a, *b)) : Value();
}
Value bit_and(Evaluation& evaluation, Arguments arguments) {
  return bits(evaluation, arguments, [](std::int64_t a, std::int64_t b) { return a & b; });
}
Value bit_or(Evaluation& evaluation, Arguments arguments) {
  return bits(evaluation, arguments, [](std::int64_t a, std::int64_t b) { return a | b; });
}
Value bit_xor(Evaluation& evaluation, Arguments arguments) {
  return bits(evaluation, arguments, [](std::int64_t a, std::int64_t b) { return a ^ b; });
}
Value bit_not(Evaluation& evaluation, Arguments arguments) {
  const auto number = to_whole(arguments[0], evaluation);
  return number ? Value::whole(~*number) : Value();
}

Value random_number(Evaluation& evaluation, Arguments) {
  return from_double(evaluation.rng.unit(), evaluation.arena);
}

constexpr std::array<Function, 28> kFunctions{{{"abs", 1, 1, exact<magnitude>},
                                               {"ceil", 1, 1, exact<ceil>},
                                               {"floor", 1, 1, exact<floor>},
                                               {"round", 1, 1, exact<round>},
                                               {"sign", 1, 1, exact<sign>},
                                               {"trunc", 2, 2, trunc},
                                               {"mod", 2, 2, modulo},
                                               {"remainder", 2, 2, modulo},
                                               {"power", 2, 2, real_of_two<std::pow>},
                                               {"atan2", 2, 2, real_of_two<std::atan2>},
                                               {"sqrt", 1, 1, real<std::sqrt>},
                                               {"exp", 1, 1, real<std::exp>},
                                               {"ln", 1, 1, real<std::log>},
                                               {"log", 1, 1, real<std::log10>},
                                               {"sin", 1, 1, real<std::sin>},
                                               {"cos", 1, 1, real<std::cos>},
                                               {"tan", 1, 1, real<std::tan>},
                                               {"asin", 1, 1, real<std::asin>},
                                               {"acos", 1, 1, real<std::acos>},
                                               {"atan", 1, 1, real<std::atan>},
                                               {"sinh", 1, 1, real<std::sinh>},
                                               {"cosh", 1, 1, real<std::cosh>},
                                               {"tanh", 1, 1, real<std::tanh>},
                                               {"bitand", 2, 2, bit_and},
                                               {"bitor", 2, 2, bit_or},
                                               {"bitxor", 2, 2, bit_xor},
                                               {"bitnot", 1, 1, bit_not},
                                               {"rand", 0, 0, random_number}}};

}  // namespace

std::span<const Function> math_functions() {
  return kFunctions;
}

}  // namespace dunlin::rules
