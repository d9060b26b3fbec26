// Times as texts: parse_time formats by Joda-Time's letters, time_to_epoch reads by java.time's.

#include <array>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/time_pattern.h"
#include "service/rules/conversion.h"
#include "service/rules/functions.h"

namespace dunlin::rules {
namespace {

using Dialect = TimePattern::Dialect;

/// Patterns are nearly always literals, so they are understood once. Null: it is none. Valid until the next
/// call on this thread.
const TimePattern* pattern_of(std::string_view text, Dialect dialect) {
  constexpr std::size_t kMostPatterns = 128;
  using Known = std::unordered_map<std::string, std::optional<TimePattern>>;
  thread_local std::array<Known, 2> known_by_dialect;
  if (text.size() > kMaxTimePatternBytes) return nullptr;
  Known& known = known_by_dialect[dialect == Dialect::joda ? 0 : 1];
  if (known.size() >= kMostPatterns && !known.contains(std::string(text))) known.clear();
  const auto [entry, fresh] = known.try_emplace(std::string(text));
  if (fresh) {
    if (auto parsed = TimePattern::parse(text, dialect)) entry->second = *std::move(parsed);
  }
  return entry->second ? &*entry->second : nullptr;
}

Value format_time(Evaluation& evaluation, Arguments arguments) {
  const auto milliseconds = to_whole(arguments[1], evaluation);
  const Value zone_name = arguments.size() > 2 ? arguments[2] : Value::text("UTC");
  if (!arguments[0].is_text() || !milliseconds || !zone_name.is_text()) return {};
  const TimePattern* const pattern = pattern_of(arguments[0].characters(), Dialect::joda);
  const auto zone = system_time_zone(zone_name.characters());
  if (pattern == nullptr || !zone || !evaluation.spend(kMaxTimePatternBytes / 8)) return {};
  const auto text = pattern->format(PatternTime(std::chrono::milliseconds(*milliseconds)), *zone);
  return text ? evaluation.text(*text) : Value();
}

Value read_time(Evaluation& evaluation, Arguments arguments) {
  const Value text = to_text(arguments[0], evaluation);
  if (text.is_undefined() || !arguments[1].is_text()) return {};
  const TimePattern* const pattern = pattern_of(arguments[1].characters(), Dialect::java);
  const auto zone = system_time_zone("UTC");
  if (pattern == nullptr || !zone || !evaluation.spend(kMaxTimePatternBytes / 8)) return {};
  const auto time = pattern->read(text.characters(), *zone);
  return time ? Value::whole(time->time_since_epoch().count()) : Value();
}

constexpr std::array<Function, 2> kFunctions{
    {{"parse_time", 2, 3, format_time}, {"time_to_epoch", 2, 2, read_time}}};

}  // namespace

std::span<const Function> time_functions() {
  return kFunctions;
}

}  // namespace dunlin::rules
