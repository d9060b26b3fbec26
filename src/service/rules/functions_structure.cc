#include <algorithm>
#include <array>
#include <string>
#include <tuple>

#include "service/rules/conversion.h"
#include "service/rules/functions.h"
#include "service/rules/number.h"

namespace dunlin::rules {
namespace {

Value is_null(Evaluation&, Arguments arguments) {
  return Value::boolean(arguments[0].is_null());
}
Value is_undefined(Evaluation&, Arguments arguments) {
  return Value::boolean(arguments[0].is_undefined());
}
Value or_default(Evaluation&, Arguments arguments) {
  return arguments[0].is_undefined() || arguments[0].is_null() ? arguments[1] : arguments[0];
}

std::size_t character_end(std::string_view text, std::size_t at) {
  do ++at;
  while (at < text.size() && (text[at] & 0xc0) == 0x80);
  return at;
}

Value character_at(std::string_view text, std::int64_t index) {
  std::size_t begin = 0;
  for (; index > 0 && begin < text.size(); --index) begin = character_end(text, begin);
  if (begin >= text.size()) return {};
  return Value::text(text.substr(begin, character_end(text, begin) - begin));
}

Value get(Evaluation& evaluation, Arguments arguments) {
  const Value from = arguments[0];
  if (from.is_object()) {
    if (!arguments[1].is_text() || !evaluation.spend(1 + from.members().size() / 4)) return {};
    return member_of(from, arguments[1].characters());
  }
  if (!from.is_array() && !from.is_text()) return {};
  const auto index = to_whole(arguments[1], evaluation);
  if (!index || *index < 0) return {};
  if (from.is_text())
    return evaluation.spend(1 + from.characters().size() / 64) ? character_at(from.characters(), *index)
                                                               : Value();
  const auto at = static_cast<std::size_t>(*index);
  return at < from.elements().size() ? from.elements()[at] : Value();
}

/// The members of `element`, those of `attributes` instead where both have one of a name, and the others.
Value enriched(Value element, Value attributes, Evaluation& evaluation) {
  const std::size_t most = element.members().size() + attributes.members().size();
  const bool paid = evaluation.spend(1 + element.members().size() * attributes.members().size() / 4);
  const auto members = paid ? evaluation.arena.items<Member>(most) : std::span<Member>();
  if (members.size() != most) {
    evaluation.stop();
    return {};
  }
  auto end = std::ranges::copy(element.members(), members.begin()).out;
  for (const Member& attribute : attributes.members()) {
    const auto same = std::ranges::find(members.begin(), end, attribute.name, &Member::name);
    if (same == end) ++end;
    *same = attribute;
  }
  return Value::object(members.first(static_cast<std::size_t>(end - members.begin())));
}

Value transform(Evaluation& evaluation, Arguments arguments) {
  constexpr std::size_t kMostBytes = std::size_t{128} * 1024;
  const auto [mode, attributes, array] = std::tie(arguments[0], arguments[1], arguments[2]);
  if (!mode.is_text() || mode.characters() != "enrichArray") return {};
  if (!attributes.is_object() || !array.is_array()) return {};
  if (!std::ranges::all_of(array.elements(), &Value::is_object)) return {};
  const std::size_t count = array.elements().size();
  const auto made = evaluation.arena.items<Value>(count);
  if (made.size() != count) {
    evaluation.stop();
    return {};
  }
  for (std::size_t i = 0; i < count; ++i) made[i] = enriched(array.elements()[i], attributes, evaluation);
  if (evaluation.stopped) return {};
  std::string text;
  return append_json(Value::array(made), text, kMostBytes) ? Value::array(made) : Value();
}

constexpr std::array<Function, 6> kFunctions{{{"isnull", 1, 1, is_null},
                                              {"isundefined", 1, 1, is_undefined},
                                              {"nanvl", 2, 2, or_default},
                                              {"get_or_default", 2, 2, or_default},
                                              {"get", 2, 2, get},
                                              {"transform", 3, 3, transform}}};

}  // namespace

std::span<const Function> structure_functions() {
  return kFunctions;
}

}  // namespace dunlin::rules
