#include "service/rules/functions.h"

#include <algorithm>
#include <array>
#include <string>
#include <unordered_map>

#include "model/sql_tokens.h"
#include "service/rules/conversion.h"
#include "service/rules/number.h"

namespace dunlin::rules {
namespace {

Value cast_to_text(Evaluation& evaluation, Arguments arguments) {
  return to_text(arguments[0], evaluation);
}

Value cast_to_decimal(Evaluation& evaluation, Arguments arguments) {
  if (arguments[0].is_boolean()) return Value::whole(arguments[0].truth() ? 1 : 0);
  return to_number(arguments[0], evaluation);
}

Value cast_to_whole(Evaluation& evaluation, Arguments arguments) {
  const Value number = cast_to_decimal(evaluation, arguments);
  return number.is_undefined() ? number : floor(number, evaluation.arena);
}

Value cast_to_boolean(Evaluation&, Arguments arguments) {
  if (arguments[0].is_number()) {
    const auto order = compare(arguments[0], Value::whole(0));
    return order ? Value::boolean(*order != 0) : Value();
  }
  const auto truth = to_boolean(arguments[0]);
  return truth ? Value::boolean(*truth) : Value();
}

constexpr Function kToText{"cast(.. AS String)", 1, 1, cast_to_text};
constexpr Function kToWhole{"cast(.. AS Int)", 1, 1, cast_to_whole};
constexpr Function kToDecimal{"cast(.. AS Decimal)", 1, 1, cast_to_decimal};
constexpr Function kToBoolean{"cast(.. AS Boolean)", 1, 1, cast_to_boolean};

struct Cast {
  std::string_view type;
  const Function* function;
};
constexpr std::array<Cast, 11> kCasts{{{"STRING", &kToText},
                                       {"NVARCHAR", &kToText},
                                       {"TEXT", &kToText},
                                       {"NTEXT", &kToText},
                                       {"VARCHAR", &kToText},
                                       {"INT", &kToWhole},
                                       {"INTEGER", &kToWhole},
                                       {"DOUBLE", &kToDecimal},
                                       {"DECIMAL", &kToDecimal},
                                       {"BOOL", &kToBoolean},
                                       {"BOOLEAN", &kToBoolean}}};
constexpr std::array<std::string_view, 11> kCastTypes{"String",  "Nvarchar", "Text",    "Ntext",
                                                      "Varchar", "Int",      "Integer", "Double",
                                                      "Decimal", "Bool",     "Boolean"};

using FunctionMap = std::unordered_map<std::string_view, const Function*>;
const FunctionMap& all_functions() {
  static const FunctionMap kAll = [] {
    FunctionMap all;
    for (const auto& group : {math_functions(), text_functions(), structure_functions(), message_functions(),
                              coding_functions(), time_functions(), external_functions()}) {
      for (const Function& function : group) all.emplace(function.name, &function);
    }
    return all;
  }();
  return kAll;
}

}  // namespace

const Function* find_function(std::string_view name) {
  std::string small(name);
  std::ranges::transform(small, small.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
  const auto found = all_functions().find(small);
  return found == all_functions().end() ? nullptr : found->second;
}

std::vector<std::string_view> function_names() {
  std::vector<std::string_view> names{"cast"};
  for (const auto& [name, function] : all_functions()) names.push_back(name);
  std::ranges::sort(names);
  return names;
}

const Function* find_cast(std::string_view type) {
  const auto found = std::ranges::find_if(
      kCasts, [type](const Cast& cast) { return model::is_sql_keyword(type, cast.type); });
  return found == kCasts.end() ? nullptr : found->function;
}

std::span<const std::string_view> cast_types() {
  return kCastTypes;
}

}  // namespace dunlin::rules
