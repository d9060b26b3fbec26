#include <boost/json.hpp>
#include <charconv>
#include <cmath>

#include "model/text.h"
#include "service/rules/expression.h"

namespace dunlin::rules {
namespace {

bool equals_word(std::string_view text, std::string_view word) {
  if (text.size() != word.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if ((text[i] | 0x20) != word[i]) return false;
  }
  return true;
}

/// -?digits(.digits)?([eE]-?digits)?: no blanks, no leading +, no bare point.
bool is_number_text(std::string_view text) {
  std::size_t at = 0;
  const auto digits = [&] {
    const std::size_t begin = at;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9') ++at;
    return at > begin;
  };
  if (at < text.size() && text[at] == '-') ++at;
  if (!digits()) return false;
  if (at < text.size() && text[at] == '.') {
    ++at;
    if (!digits()) return false;
  }
  if (at < text.size() && (text[at] | 0x20) == 'e') {
    ++at;
    if (at < text.size() && text[at] == '-') ++at;
    if (!digits()) return false;
  }
  return at == text.size();
}

}  // namespace

std::optional<bool> as_boolean(const Value& value) {
  if (!value) return std::nullopt;
  if (value->is_bool()) return value->get_bool();
  if (!value->is_string()) return std::nullopt;
  if (equals_word(value->get_string(), "true")) return true;
  if (equals_word(value->get_string(), "false")) return false;
  return std::nullopt;
}

std::optional<double> as_number(const Value& value) {
  if (!value) return std::nullopt;
  if (value->is_number()) return value->to_number<double>();
  if (!value->is_string()) return std::nullopt;
  const std::string_view text = value->get_string();
  if (!is_number_text(text)) return std::nullopt;
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  return number;
}

std::optional<std::string> as_text(const Value& value) {
  if (!value || value->is_null()) return std::nullopt;
  if (value->is_string()) return std::string(value->get_string());
  return model::json_text(*value);
}

boost::json::value number_value(double number) {
  constexpr double kMostExact = 9007199254740992.0;  // 2^53
  if (std::trunc(number) == number && std::fabs(number) <= kMostExact)
    return static_cast<std::int64_t>(number);
  return number;
}

}  // namespace dunlin::rules
