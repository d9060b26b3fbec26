#include <cmath>

#include "service/query/kernels.h"

namespace dunlin::query {
namespace {

double absolute(double a) {
  return std::abs(a);
}
double round_down(double a) {
  return std::floor(a);
}
double round_up(double a) {
  return std::ceil(a);
}
double root(double a) {
  return std::sqrt(a);
}
double exponential(double a) {
  return std::exp(a);
}
double natural_logarithm(double a) {
  return a > 0 ? std::log(a) : std::nan("");
}
double decimal_logarithm(double a) {
  return a > 0 ? std::log10(a) : std::nan("");
}
double sign(double a) {
  return a > 0 ? 1 : a < 0 ? -1 : a;
}
double power(double a, double b) {
  return std::pow(a, b);
}
double modulo(double a, double b) {
  return std::fmod(a, b);
}
/// Half away from zero, to so many digits behind the point.
double round_to(double a, double digits) {
  if (!(std::abs(digits) <= 15)) return std::nan("");
  const double scale = std::pow(10.0, std::trunc(digits));
  const double scaled = a * scale;
  return std::abs(scaled) < 1e15 ? std::round(scaled) / scale : a;
}

template <double (*Function)(double)>
Result<ExpressionPtr> build_one(std::vector<ExpressionPtr> arguments) {
  DUNLIN_CHECK(expect_arguments(arguments, 1, 1));
  DUNLIN_TRY(arguments, coerce_all(std::move(arguments), Type::number));
  return make_kernel_call(map_number<Function>, Type::number, std::move(arguments));
}

template <double (*Function)(double, double)>
Result<ExpressionPtr> build_two(std::vector<ExpressionPtr> arguments) {
  DUNLIN_CHECK(expect_arguments(arguments, 2, 2));
  DUNLIN_TRY(arguments, coerce_all(std::move(arguments), Type::number));
  return make_kernel_call(map_numbers<Function>, Type::number, std::move(arguments));
}

Result<ExpressionPtr> build_round(std::vector<ExpressionPtr> arguments) {
  DUNLIN_CHECK(expect_arguments(arguments, 1, 2));
  if (arguments.size() == 1) {
    Datum none;
    none.type = Type::integer;
    arguments.push_back(make_constant(std::move(none)));
  }
  return build_two<round_to>(std::move(arguments));
}

constexpr FunctionEntry kFunctions[] = {{"abs", build_one<absolute>},
                                        {"ceil", build_one<round_up>},
                                        {"exp", build_one<exponential>},
                                        {"floor", build_one<round_down>},
                                        {"ln", build_one<natural_logarithm>},
                                        {"log10", build_one<decimal_logarithm>},
                                        {"mod", build_two<modulo>},
                                        {"power", build_two<power>},
                                        {"round", build_round},
                                        {"sign", build_one<sign>},
                                        {"sqrt", build_one<root>}};

}  // namespace

std::span<const FunctionEntry> number_functions() {
  return kFunctions;
}

}  // namespace dunlin::query
