#include <algorithm>
#include <array>

#include "service/query/kernels.h"

namespace dunlin::query {

Result<void> expect_arguments(const std::vector<ExpressionPtr>& arguments, std::size_t least,
                              std::size_t most) {
  if (arguments.size() >= least && arguments.size() <= most) return {};
  std::string wanted = std::to_string(least);
  if (most != least) wanted += " to " + std::to_string(most);
  return fail(Errc::invalid_argument,
              "expected " + wanted + " arguments but found " + std::to_string(arguments.size()));
}

Result<std::vector<ExpressionPtr>> coerce_all(std::vector<ExpressionPtr> arguments, Type type) {
  for (ExpressionPtr& argument : arguments) {
    DUNLIN_TRY(argument, coerce(std::move(argument), type));
  }
  return arguments;
}

std::vector<std::uint8_t> all_valid(const KernelInput& input) {
  std::vector<std::uint8_t> valid;
  for (const ColumnPtr& argument : input.arguments) {
    if (argument->valid.empty() && argument->type != Type::null) continue;
    if (valid.empty()) valid.assign(input.rows, 1);
    for (std::size_t i = 0; i < input.rows; ++i) valid[i] = valid[i] != 0 && argument->is_valid(i) ? 1 : 0;
  }
  return valid;
}

namespace {

std::array<std::span<const FunctionEntry>, 5> all_functions() {
  return {operator_functions(), conditional_functions(), number_functions(), text_functions(),
          time_functions()};
}

}  // namespace

bool is_word(std::string_view name) {
  return name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string_view::npos;
}

std::vector<std::string_view> function_names() {
  std::vector<std::string_view> names;
  for (const auto table : all_functions()) {
    for (const FunctionEntry& entry : table) {
      if (is_word(entry.name)) names.push_back(entry.name);
    }
  }
  return names;
}

Result<ExpressionPtr> make_function(std::string_view name, std::vector<ExpressionPtr> arguments) {
  std::string known;
  for (const auto table : all_functions()) {
    for (const FunctionEntry& entry : table) {
      if (entry.name == name) return entry.build(std::move(arguments));
      if (is_word(entry.name) && table.data() != operator_functions().data())
        known += (known.empty() ? "" : ", ") + std::string(entry.name);
    }
  }
  return fail(Errc::invalid_argument, "there is no function \"" + std::string(name.substr(0, 64)) +
                                          "\"; there are the aggregates and " + known);
}

}  // namespace dunlin::query
