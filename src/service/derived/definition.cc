#include "service/derived/definition.h"

#include <algorithm>
#include <boost/json.hpp>
#include <set>

#include "base/config_text.h"
#include "model/json_fields.h"
#include "model/mapping.h"
#include "service/derived/limits.h"

namespace dunlin::derived {
namespace {

using boost::json::object;

/// How much longer than usual local days may be.
constexpr Duration kMostClockChange = std::chrono::hours{2};

std::unexpected<Error> wrong(std::string what) {
  return fail(Errc::invalid_argument, std::move(what));
}

Result<Duration> duration_field(const object& document, std::string_view name) {
  const auto text = model::optional_text(document, name);
  if (!text || text->empty()) return Duration::zero();
  const auto read = config::parse_duration(*text);
  if (read && *read >= Duration::zero()) return *read;
  return wrong("\"" + std::string(name) + "\" must be a time such as 10s, 5m or 1h");
}

struct WindowFields {
  Duration length{};
  Duration hop{};
  Duration offset{};
  Duration gap{};
  Duration longest{};
  std::int64_t count = 0;
  std::int64_t hop_events = 0;
  std::shared_ptr<const TimeZone> zone{};
};

Result<WindowFields> window_fields(const object& given) {
  WindowFields fields;
  for (const auto& member : given) {
    constexpr std::array<std::string_view, 9> kKnown{"zone", "kind",    "length", "hop",       "offset",
                                                     "gap",  "longest", "count",  "hop_events"};
    if (std::ranges::find(kKnown, std::string_view(member.key())) == kKnown.end())
      return wrong("a window has no \"" + std::string(member.key()) + "\"");
  }
  DUNLIN_TRY(fields.length, duration_field(given, "length"));
  DUNLIN_TRY(fields.hop, duration_field(given, "hop"));
  DUNLIN_TRY(fields.offset, duration_field(given, "offset"));
  DUNLIN_TRY(fields.gap, duration_field(given, "gap"));
  DUNLIN_TRY(fields.longest, duration_field(given, "longest"));
  fields.count = model::optional_integer(given, "count").value_or(0);
  fields.hop_events = model::optional_integer(given, "hop_events").value_or(0);
  if (const auto zone = model::optional_text(given, "zone"); zone && !zone->empty()) {
    fields.zone = system_time_zone(*zone);
    if (!fields.zone)
      return wrong("there is no time zone \"" + zone->substr(0, kMaxZoneNameBytes) +
                   "\"; one is named as in " + std::string(kZoneFolder) + ", such as Europe/Berlin");
  }
  if (fields.count < 0 || fields.hop_events < 0) return wrong("a window's \"count\" is above 0");
  return fields;
}

Result<decltype(analytics::WindowOptions::kind)> window_kind(const object& given) {
  DUNLIN_TRY(const WindowFields fields, window_fields(given));
  const std::string kind = model::optional_text(given, "kind").value_or("tumbling");
  if (kind == "tumbling") return analytics::TumblingWindow{fields.length, fields.offset, fields.zone};
  if (kind == "hopping")
    return analytics::HoppingWindow{fields.length, fields.hop, fields.offset, fields.zone};
  if (kind == "sliding") return analytics::SlidingWindow{fields.length};
  if (kind == "session") return analytics::SessionWindow{fields.gap, fields.longest};
  if (kind == "count")
    return analytics::CountWindow{static_cast<std::uint64_t>(fields.count),
                                  static_cast<std::uint64_t>(fields.hop_events)};
  return wrong("a window's kind is tumbling, hopping, sliding, session or count");
}

/// Sets `windows` and `windows_json`, but not yet what the expression asks of them.
Result<void> read_windows(const object& document, Definition& definition) {
  const auto* member = document.if_contains("window");
  if (member == nullptr || member->is_null()) return {};
  if (member->is_string() && member->get_string().empty()) return {};
  object given;
  if (member->is_string()) {
    // The command line has no objects: a length, or the object as text.
    boost::system::error_code error;
    const auto parsed = boost::json::parse(member->get_string(), error);
    if (!error && parsed.is_object()) {
      given = parsed.get_object();
    } else {
      given = object{{"kind", "tumbling"}, {"length", member->get_string()}};
    }
  } else if (member->is_object()) {
    given = member->get_object();
  } else {
    return wrong("\"window\" is a length such as 1h, or an object");
  }
  analytics::WindowOptions options;
  DUNLIN_TRY(options.kind, window_kind(given));
  definition.windows = std::move(options);
  definition.windows_json = boost::json::serialize(given);
  return {};
}

Result<void> check_texts(const Definition& definition) {
  if (!model::is_plain_name(definition.name))
    return wrong("a derived channel's name has 1 to 64 letters, digits, - _ and .");
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; };
  if (definition.channel.empty() || definition.channel.size() > model::kMaxChannelBytes ||
      std::ranges::any_of(definition.channel, is_control))
    return wrong("\"channel\" must be a text of 1 to 256 bytes without control characters");
  if (definition.unit.size() > kMaxUnitBytes || std::ranges::any_of(definition.unit, is_control))
    return wrong("\"unit\" has at most 32 bytes");
  if (definition.expression.empty())
    return wrong("\"expression\" is missing: what the channel is computed by, such as voltage * current");
  if (definition.lateness > kMaxLateness)
    return fail(Errc::limit_exceeded, "\"lateness\" is at most a day: a sample waits so long for its result");
  return {};
}

Formula nothing() {
  return *Formula::parse("value", Formula::Over::time);
}

bool reads(const Definition& reader, const Input& input, const Definition& maker) {
  if (input.channel != maker.channel) return false;
  const auto is_exact = [](const std::string& pattern) {
    return !pattern.empty() && !pattern.ends_with('*');
  };
  if (!input.device.empty()) return model::fits_pattern(maker.devices, input.device);
  if (is_exact(reader.devices)) return model::fits_pattern(maker.devices, reader.devices);
  if (is_exact(maker.devices)) return model::fits_pattern(reader.devices, maker.devices);
  return true;
}

/// The way from `from` back to `to`, over what is read; empty: there is none.
std::vector<std::string> way(const Definition& from, const Definition& to,
                             const std::vector<const Definition*>& all, std::set<const Definition*>& seen) {
  if (!seen.insert(&from).second) return {};
  for (const Input& input : from.formula.inputs()) {
    for (const Definition* maker : all) {
      if (!reads(from, input, *maker)) continue;
      if (maker == &to) return {from.channel, to.channel};
      std::vector<std::string> rest = way(*maker, to, all, seen);
      if (rest.empty()) continue;
      rest.insert(rest.begin(), from.channel);
      return rest;
    }
  }
  return {};
}

}  // namespace

WallTime Definition::time_of(const analytics::WindowSpan& span) const {
  const bool slides = std::holds_alternative<analytics::SlidingWindow>(windows->kind);
  return slides ? span.end : span.begin;
}

Duration Definition::reach() const {
  Duration longest = Duration::zero();
  for (const FormulaColumn& column : formula.columns()) longest = std::max(longest, column.length);
  if (!windows) return longest;
  const auto at_most = [](Duration length, const auto& zone) {
    return zone ? length + kMostClockChange : length;
  };
  if (const auto* tumbling = std::get_if<analytics::TumblingWindow>(&windows->kind))
    return at_most(tumbling->length, tumbling->zone);
  if (const auto* hopping = std::get_if<analytics::HoppingWindow>(&windows->kind))
    return at_most(hopping->length, hopping->zone);
  if (const auto* sliding = std::get_if<analytics::SlidingWindow>(&windows->kind)) return sliding->length;
  return kLookBack;
}

Result<Definition> definition_from_json(const object& document) {
  Definition definition{.formula = nothing()};
  definition.name = model::optional_text(document, "name").value_or("");
  definition.channel = model::optional_text(document, "channel").value_or("");
  definition.expression = model::optional_text(document, "expression").value_or("");
  definition.unit = model::optional_text(document, "unit").value_or("");
  DUNLIN_TRY(definition.devices, model::pattern_field(document, "devices"));
  DUNLIN_TRY(definition.tags, model::tags_field(document));
  DUNLIN_TRY(definition.lateness, duration_field(document, "lateness"));
  DUNLIN_TRY(definition.max_age, duration_field(document, "max_age"));
  if (!model::optional_boolean(document, "enabled").value_or(true))
    definition.state = Definition::State::disabled;
  DUNLIN_CHECK(check_texts(definition));
  DUNLIN_CHECK(read_windows(document, definition));
  const auto over = definition.windows ? Formula::Over::windows : Formula::Over::time;
  auto formula = Formula::parse(definition.expression, over);
  if (!formula) return fail(formula.error().code, "\"expression\": " + formula.error().message);
  definition.formula = *std::move(formula);
  if (definition.windows) {
    analytics::WindowOptions& options = *definition.windows;
    options.lateness = definition.lateness;
    options.ahead = kMaxAhead;
    options.idle = kIdle + definition.lateness;
    using Percentiles = analytics::AggregateOptions::Percentiles;
    const bool wants = std::ranges::any_of(definition.formula.columns(), [](const FormulaColumn& column) {
      return column.take == Take::percentile;
    });
    options.aggregate.percentiles = wants ? Percentiles::kept : Percentiles::none;
    if (const auto checked = analytics::check(options); !checked)
      return fail(checked.error().code, "\"window\": " + checked.error().message);
  }
  return definition;
}

object to_json(const Definition& definition) {
  object shown{{"name", definition.name},
               {"channel", definition.channel},
               {"expression", definition.expression},
               {"type", definition.formula.type()},
               {"devices", definition.devices},
               {"tags", model::tags_json(definition.tags)},
               {"unit", definition.unit},
               {"lateness", config::show_duration(definition.lateness)},
               {"max_age", config::show_duration(definition.max_age)},
               {"enabled", definition.state == Definition::State::enabled}};
  if (definition.windows) shown["window"] = boost::json::parse(definition.windows_json);
  return shown;
}

std::string made_with(const Definition& definition) {
  return definition.channel + '\n' + definition.expression + '\n' + definition.windows_json + '\n' +
         config::show_duration(definition.lateness);
}

Result<void> check_cycles(const Definition& definition, const std::vector<const Definition*>& others) {
  std::vector<const Definition*> all = others;
  all.push_back(&definition);
  std::set<const Definition*> seen;
  const std::vector<std::string> found = way(definition, definition, all, seen);
  if (found.empty()) return {};
  std::string shown;
  for (const std::string& channel : found) shown += (shown.empty() ? "" : " <- ") + channel;
  return wrong("the channel would be computed from itself: " + shown);
}

}  // namespace dunlin::derived
