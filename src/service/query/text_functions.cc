// Texts, and casts.

#include <array>
#include <charconv>
#include <cmath>

#include "base/time_text.h"
#include "service/query/kernels.h"

namespace dunlin::query {
namespace {

/// `%` stands for any text, `_` for one byte.
bool is_like(std::string_view text, std::string_view pattern) {
  std::size_t at = 0;
  std::size_t in_pattern = 0;
  std::size_t back_to = 0;
  std::size_t star = std::string_view::npos;
  while (at < text.size()) {
    if (in_pattern < pattern.size() && pattern[in_pattern] == '%') {
      star = in_pattern++;
      back_to = at;
    } else if (in_pattern < pattern.size() &&
               (pattern[in_pattern] == '_' || pattern[in_pattern] == text[at])) {
      ++at;
      ++in_pattern;
    } else if (star != std::string_view::npos) {
      in_pattern = star + 1;
      at = ++back_to;
    } else {
      return false;
    }
  }
  while (in_pattern < pattern.size() && pattern[in_pattern] == '%') ++in_pattern;
  return in_pattern == pattern.size();
}

Column like(const KernelInput& input) {
  Column made = make_column(Type::boolean, input.rows);
  made.valid = all_valid(input);
  for (std::size_t i = 0; i < input.rows; ++i) {
    if (!made.valid.empty() && made.valid[i] == 0) continue;
    const std::string_view pattern = text_of(input, 1, i);
    if (pattern.size() <= kMaxPatternBytes) {
      made.integers[i] = is_like(text_of(input, 0, i), pattern) ? 1 : 0;
      continue;
    }
    if (made.valid.empty()) made.valid.assign(input.rows, 1);
    made.valid[i] = 0;
  }
  return made;
}

Result<ExpressionPtr> build_like(std::vector<ExpressionPtr> arguments) {
  DUNLIN_CHECK(expect_arguments(arguments, 2, 2));
  DUNLIN_TRY(arguments, coerce_all(std::move(arguments), Type::text));
  const Datum* pattern = arguments[1]->literal();
  if (pattern != nullptr && pattern->text.size() > kMaxPatternBytes)
    return fail(Errc::limit_exceeded, "the pattern is longer than 128 bytes");
  return make_kernel_call(like, Type::boolean, std::move(arguments));
}

/// nullopt: NULL.
using MapText = std::optional<std::string> (*)(const KernelInput& input, std::size_t row);

template <MapText Function>
Column map_text(const KernelInput& input) {
  Column made = make_column(Type::text, input.rows);
  made.valid = all_valid(input);
  for (std::size_t i = 0; i < input.rows; ++i) {
    if (!made.valid.empty() && made.valid[i] == 0) continue;
    const std::optional<std::string> text = Function(input, i);
    if (text && text->size() <= kMaxTextBytes) {
      made.integers[i] = input.texts.place_of(*text);
      continue;
    }
    if (made.valid.empty()) made.valid.assign(input.rows, 1);
    made.valid[i] = 0;
  }
  return made;
}

std::optional<std::string> joined(const KernelInput& input, std::size_t row) {
  std::string text;
  for (std::size_t i = 0; i < input.arguments.size() && text.size() <= kMaxTextBytes; ++i)
    text += text_of(input, i, row);
  return text;
}

std::optional<std::string> lowered(const KernelInput& input, std::size_t row) {
  std::string text(text_of(input, 0, row));
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 0x20) : c;
  return text;
}

std::optional<std::string> raised(const KernelInput& input, std::size_t row) {
  std::string text(text_of(input, 0, row));
  for (char& c : text) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 0x20) : c;
  return text;
}

Column length(const KernelInput& input) {
  Column made = make_column(Type::integer, input.rows);
  made.valid = all_valid(input);
  for (std::size_t i = 0; i < input.rows; ++i) {
    if (made.valid.empty() || made.valid[i] != 0)
      made.integers[i] = static_cast<std::int64_t>(text_of(input, 0, i).size());
  }
  return made;
}

std::optional<std::string> written(const KernelInput& input, std::size_t row) {
  const Datum value = datum_at(*input.arguments[0], row, input.texts);
  switch (value.type) {
    case Type::boolean:
      return value.integer != 0 ? "true" : "false";
    case Type::time:
      return format_rfc3339(from_unix_nanoseconds(value.integer));
    case Type::number: {
      std::array<char, 40> digits{};
      const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value.number).ptr;
      return std::string(digits.data(), end);
    }
    case Type::interval:
      return std::to_string(static_cast<double>(value.integer) / 1e9) + " s";
    case Type::text:
      return value.text;
    default:
      return std::to_string(value.integer);
  }
}

template <std::size_t Most>
Result<ExpressionPtr> build_joined(std::vector<ExpressionPtr> arguments) {
  DUNLIN_CHECK(expect_arguments(arguments, 1, Most));
  for (ExpressionPtr& argument : arguments) {
    if (argument->type() != Type::text && argument->type() != Type::null)
      argument = make_kernel_call(map_text<written>, Type::text, {argument});
  }
  DUNLIN_TRY(arguments, coerce_all(std::move(arguments), Type::text));
  return make_kernel_call(map_text<joined>, Type::text, std::move(arguments));
}

template <Kernel Compute, Type ResultType>
Result<ExpressionPtr> build_of_text(std::vector<ExpressionPtr> arguments) {
  DUNLIN_CHECK(expect_arguments(arguments, 1, 1));
  DUNLIN_TRY(arguments, coerce_all(std::move(arguments), Type::text));
  return make_kernel_call(Compute, ResultType, std::move(arguments));
}

/// What spells no number is NULL.
Column spelled_number(const KernelInput& input) {
  Column made = make_column(Type::number, input.rows);
  for (std::size_t i = 0; i < input.rows; ++i) {
    made.numbers[i] = std::nan("");
    if (!input.arguments[0]->is_valid(i)) continue;
    const std::string_view text = text_of(input, 0, i);
    double number = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
    if (read.ec == std::errc() && read.ptr == text.data() + text.size()) made.numbers[i] = number;
  }
  hide_nan(made);
  return made;
}

/// Towards zero; what is too large is NULL.
Column whole_number(const KernelInput& input) {
  Column made = make_column(Type::integer, input.rows);
  made.valid = all_valid(input);
  for (std::size_t i = 0; i < input.rows; ++i) {
    const double number = input.arguments[0]->number(i);
    const bool fits = std::abs(number) < 9.2e18;
    made.integers[i] = fits ? static_cast<std::int64_t>(number) : 0;
    if (fits) continue;
    if (made.valid.empty()) made.valid.assign(input.rows, 1);
    made.valid[i] = 0;
  }
  return made;
}

Column is_not_zero(const KernelInput& input) {
  Column made = make_column(Type::boolean, input.rows);
  made.valid = all_valid(input);
  for (std::size_t i = 0; i < input.rows; ++i) made.integers[i] = input.arguments[0]->number(i) != 0 ? 1 : 0;
  return made;
}

/// A text of a column as a time.
Column spelled_time(const KernelInput& input) {
  Column made = make_column(Type::time, input.rows);
  made.valid.assign(input.rows, 0);
  for (std::size_t i = 0; i < input.rows; ++i) {
    if (!input.arguments[0]->is_valid(i)) continue;
    const auto time = parse_time(text_of(input, 0, i));
    if (!time) continue;
    made.integers[i] = *time;
    made.valid[i] = 1;
  }
  return made;
}

/// Numbers as texts, integers and truth values have them.
Column as_number(const KernelInput& input) {
  Column made = make_column(Type::number, input.rows);
  for (std::size_t i = 0; i < input.rows; ++i) made.numbers[i] = input.arguments[0]->number(i);
  made.valid = all_valid(input);
  return made;
}

bool is_one_of(std::string_view name, std::initializer_list<std::string_view> names) {
  for (const std::string_view candidate : names) {
    if (candidate == name) return true;
  }
  return false;
}

Result<ExpressionPtr> cast_to_number(ExpressionPtr operand) {
  if (operand->type() == Type::text) return make_kernel_call(spelled_number, Type::number, {operand});
  if (operand->type() == Type::boolean) return make_kernel_call(as_number, Type::number, {operand});
  return coerce(std::move(operand), Type::number);
}

Result<ExpressionPtr> cast_to_integer(ExpressionPtr operand) {
  if (operand->type() == Type::integer) return operand;
  DUNLIN_TRY(ExpressionPtr number, cast_to_number(std::move(operand)));
  return make_kernel_call(whole_number, Type::integer, {std::move(number)});
}

constexpr FunctionEntry kFunctions[] = {{"||", build_joined<2>},
                                        {"concat", build_joined<kMaxNodes>},
                                        {"length", build_of_text<length, Type::integer>},
                                        {"like", build_like},
                                        {"lower", build_of_text<map_text<lowered>, Type::text>},
                                        {"upper", build_of_text<map_text<raised>, Type::text>}};

}  // namespace

Result<ExpressionPtr> make_cast(std::string_view type, ExpressionPtr operand) {
  const Type from = operand->type();
  if (is_one_of(type, {"integer", "int", "bigint", "int8", "smallint", "long"}))
    return cast_to_integer(std::move(operand));
  if (is_one_of(type, {"double", "float", "real", "number", "numeric", "decimal"}))
    return cast_to_number(std::move(operand));
  if (is_one_of(type, {"text", "varchar", "char", "string"})) {
    if (from == Type::text || from == Type::null) return coerce(std::move(operand), Type::text);
    return make_kernel_call(map_text<written>, Type::text, {std::move(operand)});
  }
  if (is_one_of(type, {"boolean", "bool"})) {
    if (from == Type::number || from == Type::integer)
      return make_kernel_call(is_not_zero, Type::boolean, {std::move(operand)});
    return coerce(std::move(operand), Type::boolean);
  }
  if (is_one_of(type, {"timestamp", "timestamptz", "time", "datetime"})) {
    if (from == Type::text && operand->literal() == nullptr)
      return make_kernel_call(spelled_time, Type::time, {std::move(operand)});
    return coerce(std::move(operand), Type::time);
  }
  if (type == "interval") return coerce(std::move(operand), Type::interval);
  return fail(Errc::invalid_argument,
              "there is no type \"" + std::string(type.substr(0, 64)) +
                  "\"; there are integer, double, text, boolean, timestamp and interval");
}

std::span<const FunctionEntry> text_functions() {
  return kFunctions;
}

}  // namespace dunlin::query
