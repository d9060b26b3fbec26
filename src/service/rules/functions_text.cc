// Texts: counted in characters (code points), as section 5 of the language has it.

#include <algorithm>
#include <array>
#include <string>

#include "service/rules/conversion.h"
#include "service/rules/functions.h"
#include "service/rules/number.h"

namespace dunlin::rules {
namespace {

/// The texts of all arguments; nullopt where one has none.
template <std::size_t Count>
std::optional<std::array<std::string_view, Count>> texts(Evaluation& evaluation, Arguments arguments) {
  std::array<std::string_view, Count> all;
  for (std::size_t i = 0; i < Count; ++i) {
    const Value text = to_text(arguments[i], evaluation);
    if (text.is_undefined() || !evaluation.spend(1 + text.characters().size() / 64)) return std::nullopt;
    all[i] = text.characters();
  }
  return all;
}

bool begins_character(char c) {
  return (c & 0xc0) != 0x80;
}

std::int64_t characters_in(std::string_view text) {
  return std::ranges::count_if(text, begins_character);
}

/// The byte where the character of that number begins; the text's size behind the last.
std::size_t byte_of(std::string_view text, std::int64_t character) {
  std::size_t at = 0;
  for (; at < text.size(); ++at) {
    if (begins_character(text[at]) && character-- == 0) break;
  }
  return at;
}

template <class Convert>
Value change_case(Evaluation& evaluation, Arguments arguments, Convert convert) {
  const auto text = texts<1>(evaluation, arguments);
  if (!text) return {};
  std::string changed((*text)[0]);
  std::ranges::transform(changed, changed.begin(), convert);
  return evaluation.text(changed);
}
Value lower(Evaluation& evaluation, Arguments arguments) {
  return change_case(evaluation, arguments,
                     [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 0x20) : c; });
}
Value upper(Evaluation& evaluation, Arguments arguments) {
  return change_case(evaluation, arguments,
                     [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 0x20) : c; });
}

Value length(Evaluation& evaluation, Arguments arguments) {
  const auto text = texts<1>(evaluation, arguments);
  return text ? Value::whole(characters_in((*text)[0])) : Value();
}
Value byte_count(Evaluation& evaluation, Arguments arguments) {
  const auto text = texts<1>(evaluation, arguments);
  return text ? Value::whole(static_cast<std::int64_t>((*text)[0].size())) : Value();
}

constexpr std::string_view kBlanks = " \t";
std::string_view without_left(std::string_view text) {
  return text.substr(std::min(text.find_first_not_of(kBlanks), text.size()));
}
std::string_view without_right(std::string_view text) {
  return text.substr(0, text.find_last_not_of(kBlanks) + 1);
}
std::string_view without_both(std::string_view text) {
  return without_right(without_left(text));
}
template <std::string_view (*Cut)(std::string_view)>
Value trim(Evaluation& evaluation, Arguments arguments) {
  const auto text = texts<1>(evaluation, arguments);
  return text ? Value::text(Cut((*text)[0])) : Value();
}

/// How many spaces lpad and rpad add.
std::optional<std::string> padding(Evaluation& evaluation, Value count) {
  constexpr std::int64_t kMost = 1000;
  const Value number = to_number(count, evaluation);
  if (number.is_undefined()) return std::nullopt;
  return std::string(static_cast<std::size_t>(std::clamp(to_clamped_integer(number), std::int64_t{0}, kMost)),
                     ' ');
}
Value pad_left(Evaluation& evaluation, Arguments arguments) {
  const auto text = texts<1>(evaluation, arguments);
  const auto spaces = padding(evaluation, arguments[1]);
  return text && spaces ? evaluation.text(*spaces + std::string((*text)[0])) : Value();
}
Value pad_right(Evaluation& evaluation, Arguments arguments) {
  const auto text = texts<1>(evaluation, arguments);
  const auto spaces = padding(evaluation, arguments[1]);
  return text && spaces ? evaluation.text(std::string((*text)[0]) + *spaces) : Value();
}

Value starts_with(Evaluation& evaluation, Arguments arguments) {
  const auto both = texts<2>(evaluation, arguments);
  return both ? Value::boolean((*both)[0].starts_with((*both)[1])) : Value();
}
Value ends_with(Evaluation& evaluation, Arguments arguments) {
  const auto both = texts<2>(evaluation, arguments);
  return both ? Value::boolean((*both)[0].ends_with((*both)[1])) : Value();
}

/// Where `part` is found from `from` on, in linear time whatever the two are.
std::size_t find_part(std::string_view text, std::string_view part, std::size_t from,
                      Evaluation& evaluation) {
  // The library's search compares at each byte that begins like the part: n * m at worst, so it is charged.
  constexpr std::size_t kShort = 64;
  if (part.size() > kShort && !evaluation.spend((text.size() - from) / 64 * (part.size() / kShort)))
    return std::string_view::npos;
  return text.find(part, from);
}

Value index_of(Evaluation& evaluation, Arguments arguments) {
  const auto both = texts<2>(evaluation, arguments);
  if (!both) return {};
  const std::size_t at = find_part((*both)[0], (*both)[1], 0, evaluation);
  return at == std::string_view::npos ? Value() : Value::whole(characters_in((*both)[0].substr(0, at)));
}

Value substring(Evaluation& evaluation, Arguments arguments) {
  const auto text = texts<1>(evaluation, arguments);
  const Value from = to_number(arguments[1], evaluation);
  const Value to = arguments.size() > 2 ? to_number(arguments[2], evaluation) : Value::whole(kMaxResultBytes);
  if (!text || from.is_undefined() || to.is_undefined()) return {};
  const auto clamped = [&](Value index) {
    return std::clamp(to_clamped_integer(index), std::int64_t{0}, std::int64_t{kMaxPayloadBytes});
  };
  const std::size_t begin = byte_of((*text)[0], clamped(from));
  const std::size_t end = byte_of((*text)[0], clamped(to));
  return Value::text(end <= begin ? std::string_view() : (*text)[0].substr(begin, end - begin));
}

Value replace(Evaluation& evaluation, Arguments arguments) {
  const auto all = texts<3>(evaluation, arguments);
  if (!all) return {};
  const auto [text, old_part, new_part] = *all;
  if (old_part.empty()) return Value::text(text);
  std::string made;
  std::size_t at = 0;
  while (made.size() <= kMaxResultBytes) {
    const std::size_t found = find_part(text, old_part, at, evaluation);
    made += text.substr(at, found == std::string_view::npos ? found : found - at);
    if (found == std::string_view::npos) break;
    made += new_part;
    at = found + old_part.size();
  }
  return evaluation.text(made);
}

Value character(Evaluation& evaluation, Arguments arguments) {
  const auto code = to_whole(arguments[0], evaluation);
  if (!code || *code < 0 || *code > 127) return {};
  const char c = static_cast<char>(*code);
  return evaluation.text({&c, 1});
}

Value join_arrays(Evaluation& evaluation, Arguments arguments) {
  std::size_t count = 0;
  for (const Value& argument : arguments) {
    if (argument.is_undefined()) return {};
    count += argument.is_array() ? argument.elements().size() : 1;
  }
  const auto joined = evaluation.spend(count) ? evaluation.arena.items<Value>(count) : std::span<Value>();
  if (joined.size() != count) {
    evaluation.stop();
    return {};
  }
  auto next = joined.begin();
  for (const Value& argument : arguments) {
    if (argument.is_array()) {
      next = std::ranges::copy(argument.elements(), next).out;
    } else {
      *next++ = argument;
    }
  }
  return Value::array(joined);
}

Value concat(Evaluation& evaluation, Arguments arguments) {
  if (arguments.empty()) return {};
  if (std::ranges::any_of(arguments, &Value::is_array)) return join_arrays(evaluation, arguments);
  std::string joined;
  for (const Value& argument : arguments) {
    const Value text = to_text(argument, evaluation);
    if (text.is_undefined() || joined.size() + text.characters().size() > kMaxResultBytes) return {};
    joined += text.characters();
  }
  return evaluation.text(joined);
}

constexpr std::size_t kMostArguments = 1000;
constexpr std::array<Function, 16> kFunctions{{{"concat", 0, kMostArguments, concat},
                                               {"length", 1, 1, length},
                                               {"numbytes", 1, 1, byte_count},
                                               {"lower", 1, 1, lower},
                                               {"upper", 1, 1, upper},
                                               {"ltrim", 1, 1, trim<without_left>},
                                               {"rtrim", 1, 1, trim<without_right>},
                                               {"trim", 1, 1, trim<without_both>},
                                               {"lpad", 2, 2, pad_left},
                                               {"rpad", 2, 2, pad_right},
                                               {"startswith", 2, 2, starts_with},
                                               {"endswith", 2, 2, ends_with},
                                               {"indexof", 2, 2, index_of},
                                               {"substring", 2, 3, substring},
                                               {"replace", 3, 3, replace},
                                               {"chr", 1, 1, character}}};

}  // namespace

std::span<const Function> text_functions() {
  return kFunctions;
}

}  // namespace dunlin::rules
