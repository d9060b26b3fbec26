#include "service/rules/functions.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cctype>
#include <charconv>
#include <cmath>
#include <functional>

#include "service/rules/limits.h"

namespace dunlin::rules {
namespace {

using Arguments = std::vector<Value>;
using Function = Value (*)(const Context&, const Arguments&);

Value text_value(const std::string& text) {
  if (text.size() > kMaxResultBytes) return std::nullopt;
  return boost::json::value(text);
}

Value finite(double number) {
  if (!std::isfinite(number)) return std::nullopt;
  return number_value(number);
}

template <double (*RealFunction)(double)>
Value math(const Context&, const Arguments& arguments) {
  const auto number = as_number(arguments[0]);
  if (!number) return std::nullopt;
  return finite(RealFunction(*number));
}

double sign(double number) {
  return number > 0 ? 1.0 : number < 0 ? -1.0 : 0.0;
}

Value power(const Context&, const Arguments& arguments) {
  const auto base = as_number(arguments[0]);
  const auto exponent = as_number(arguments[1]);
  if (!base || !exponent) return std::nullopt;
  return finite(std::pow(*base, *exponent));
}

Value topic(const Context& context, const Arguments& arguments) {
  if (arguments.empty()) return text_value(std::string(context.topic));
  const auto wanted = as_number(arguments[0]);
  if (!wanted || *wanted < 1) return std::nullopt;
  std::string_view rest = context.topic;
  for (double level = 1;; ++level) {
    const std::size_t slash = rest.find('/');
    if (level == std::floor(*wanted)) return text_value(std::string(rest.substr(0, slash)));
    if (slash == std::string_view::npos) return std::nullopt;
    rest.remove_prefix(slash + 1);
  }
}

Value timestamp(const Context& context, const Arguments&) {
  return boost::json::value(unix_milliseconds(context.received_at));
}
Value client_id(const Context& context, const Arguments&) {
  return text_value(context.client_id.empty() ? "n/a" : std::string(context.client_id));
}
Value principal(const Context& context, const Arguments&) {
  return text_value(std::string(context.principal));
}

template <int (*Convert)(int)>
Value change_case(const Context&, const Arguments& arguments) {
  auto text = as_text(arguments[0]);
  if (!text) return std::nullopt;
  std::ranges::transform(*text, text->begin(),
                         [](char c) { return (c & 0x80) != 0 ? c : static_cast<char>(Convert(c)); });
  return text_value(*text);
}

Value length(const Context&, const Arguments& arguments) {
  const auto text = as_text(arguments[0]);
  if (!text) return std::nullopt;
  const auto is_first_byte = [](char c) { return (c & 0xc0) != 0x80; };
  return boost::json::value(static_cast<std::int64_t>(std::ranges::count_if(*text, is_first_byte)));
}

Value concat_arrays(const Arguments& arguments) {
  boost::json::array joined;
  for (const Value& argument : arguments) {
    if (!argument) return std::nullopt;
    if (argument->is_array()) {
      joined.insert(joined.end(), argument->get_array().begin(), argument->get_array().end());
    } else {
      joined.push_back(*argument);
    }
  }
  return boost::json::value(std::move(joined));
}

Value concat(const Context&, const Arguments& arguments) {
  const auto is_array = [](const Value& argument) { return argument && argument->is_array(); };
  if (std::ranges::any_of(arguments, is_array)) return concat_arrays(arguments);
  std::string joined;
  for (const Value& argument : arguments) {
    const auto text = as_text(argument);
    if (!text) return std::nullopt;
    if (joined.size() + text->size() > kMaxResultBytes) return std::nullopt;
    joined += *text;
  }
  return text_value(joined);
}

template <bool (*Test)(std::string_view, std::string_view)>
Value compare_texts(const Context&, const Arguments& arguments) {
  const auto text = as_text(arguments[0]);
  const auto part = as_text(arguments[1]);
  if (!text || !part) return std::nullopt;
  return boost::json::value(Test(*text, *part));
}
bool starts_with(std::string_view text, std::string_view part) {
  return text.starts_with(part);
}
bool ends_with(std::string_view text, std::string_view part) {
  return text.ends_with(part);
}

Value is_null(const Context&, const Arguments& arguments) {
  return boost::json::value(arguments[0] && arguments[0]->is_null());
}
Value is_undefined(const Context&, const Arguments& arguments) {
  return boost::json::value(!arguments[0]);
}
Value or_default(const Context&, const Arguments& arguments) {
  return !arguments[0] || arguments[0]->is_null() ? arguments[1] : arguments[0];
}

constexpr double kMaxIndex = 1e9;

/// The character (code point) at a place, counted from 0.
Value character(std::string_view text, std::size_t at) {
  std::size_t begin = 0;
  const auto next = [text](std::size_t from) {
    do ++from;
    while (from < text.size() && (text[from] & 0xc0) == 0x80);
    return from;
  };
  for (; at > 0 && begin < text.size(); --at) begin = next(begin);
  if (begin >= text.size()) return std::nullopt;
  return text_value(std::string(text.substr(begin, next(begin) - begin)));
}

Value get(const Context&, const Arguments& arguments) {
  if (!arguments[0] || !arguments[1]) return std::nullopt;
  if (arguments[0]->is_object()) {
    if (!arguments[1]->is_string()) return std::nullopt;
    const auto* member = arguments[0]->get_object().if_contains(arguments[1]->get_string());
    return member == nullptr ? Value() : Value(*member);
  }
  const auto index = as_number(arguments[1]);
  if (!index || *index < 0 || *index > kMaxIndex) return std::nullopt;
  const auto at = static_cast<std::size_t>(*index);
  if (arguments[0]->is_string()) return character(arguments[0]->get_string(), at);
  if (!arguments[0]->is_array() || at >= arguments[0]->get_array().size()) return std::nullopt;
  return arguments[0]->get_array()[at];
}

/// Cuts the decimal form, so that no binary rounding shows: trunc(1.15, 2) is 1.15.
Value trunc(const Context&, const Arguments& arguments) {
  const auto number = as_number(arguments[0]);
  const auto places = as_number(arguments[1]);
  if (!number || !places) return std::nullopt;
  std::array<char, 400> digits{};
  const auto [end, error] =
      std::to_chars(digits.data(), digits.data() + digits.size(), *number, std::chars_format::fixed);
  if (error != std::errc()) return std::nullopt;
  std::string_view text(digits.data(), static_cast<std::size_t>(end - digits.data()));
  const std::size_t point = text.find('.');
  const auto kept = static_cast<std::size_t>(std::clamp(std::floor(*places), 0.0, 34.0));
  if (point != std::string_view::npos) text = text.substr(0, point + 1 + kept);
  double cut = 0;
  std::from_chars(text.data(), text.data() + text.size(), cut);
  return finite(cut);
}

struct Entry {
  std::string_view name;
  std::size_t least;
  std::size_t most;
  Function function;
};

constexpr std::array<Entry, 29> kFunctions{{{"abs", 1, 1, math<std::fabs>},
                                            {"ceil", 1, 1, math<std::ceil>},
                                            {"floor", 1, 1, math<std::floor>},
                                            {"round", 1, 1, math<std::round>},
                                            {"sqrt", 1, 1, math<std::sqrt>},
                                            {"exp", 1, 1, math<std::exp>},
                                            {"ln", 1, 1, math<std::log>},
                                            {"log", 1, 1, math<std::log10>},
                                            {"sin", 1, 1, math<std::sin>},
                                            {"cos", 1, 1, math<std::cos>},
                                            {"tan", 1, 1, math<std::tan>},
                                            {"power", 2, 2, power},
                                            {"topic", 0, 1, topic},
                                            {"timestamp", 0, 0, timestamp},
                                            {"clientid", 0, 0, client_id},
                                            {"principal", 0, 0, principal},
                                            {"lower", 1, 1, change_case<std::tolower>},
                                            {"upper", 1, 1, change_case<std::toupper>},
                                            {"length", 1, 1, length},
                                            {"concat", 1, 64, concat},
                                            {"startswith", 2, 2, compare_texts<starts_with>},
                                            {"endswith", 2, 2, compare_texts<ends_with>},
                                            {"isnull", 1, 1, is_null},
                                            {"isundefined", 1, 1, is_undefined},
                                            {"nanvl", 2, 2, or_default},
                                            {"get_or_default", 2, 2, or_default},
                                            {"get", 2, 2, get},
                                            {"sign", 1, 1, math<sign>},
                                            {"trunc", 2, 2, trunc}}};

class Call final : public Expression {
 public:
  Call(const Entry& entry, std::vector<ExpressionPtr> arguments)
      : entry_(entry), arguments_(std::move(arguments)) {}
  Value evaluate(const Context& context) const override {
    Arguments values;
    values.reserve(arguments_.size());
    for (const ExpressionPtr& argument : arguments_) values.push_back(argument->evaluate(context));
    return entry_.function(context, values);
  }

 private:
  const Entry& entry_;
  std::vector<ExpressionPtr> arguments_;
};

/// A wrong number of arguments gives Undefined, as every other failure of a function does.
class Undefined final : public Expression {
 public:
  Value evaluate(const Context&) const override { return std::nullopt; }
};

}  // namespace

Result<ExpressionPtr> make_call(const std::string& name, std::vector<ExpressionPtr> arguments) {
  std::string lowered = name;
  std::ranges::transform(lowered, lowered.begin(), [](char c) { return static_cast<char>(std::tolower(c)); });
  const auto found = std::ranges::find(kFunctions, std::string_view(lowered), &Entry::name);
  if (found == kFunctions.end()) {
    std::string known;
    for (const Entry& entry : kFunctions) known += (known.empty() ? "" : ", ") + std::string(entry.name);
    return fail(Errc::malformed, "there is no function \"" + name + "\"; known are " + known);
  }
  if (arguments.size() < found->least || arguments.size() > found->most) return std::make_unique<Undefined>();
  return std::make_unique<Call>(*found, std::move(arguments));
}

}  // namespace dunlin::rules
