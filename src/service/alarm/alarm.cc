#include "service/alarm/alarm.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "base/time_text.h"
#include "model/json_fields.h"
#include "model/keys.h"
#include "model/text.h"

namespace dunlin::alarm {
namespace {

constexpr std::array<std::string_view, 5> kSeverities{"info", "warning", "minor", "major", "critical"};
constexpr std::array<std::string_view, 5> kStates{"active", "acknowledged", "shelved", "suppressed",
                                                  "cleared"};
constexpr std::array<std::string_view, 4> kSources{"rule", "monitor", "service", "device"};

template <class Word>
Result<Word> parse_word(std::span<const std::string_view> words, std::string_view word,
                        std::string_view what) {
  const auto found = std::ranges::find(words, word);
  if (found != words.end()) return static_cast<Word>(found - words.begin());
  std::string why = "a " + std::string(what) + " is one of ";
  for (const std::string_view known : words) why += std::string(known) + (known == words.back() ? "" : ", ");
  return fail(Errc::invalid_argument, std::move(why));
}

boost::json::value time_or_null(const std::optional<WallTime>& time) {
  if (!time) return nullptr;
  return boost::json::value(format_rfc3339(*time));
}

std::optional<WallTime> time_member(const boost::json::object& object, std::string_view name) {
  const auto text = model::optional_text(object, name);
  if (!text) return std::nullopt;
  const auto time = parse_rfc3339(*text);
  if (!time) return std::nullopt;
  return *time;
}

std::uint64_t count_member(const boost::json::object& object, std::string_view name, std::int64_t absent) {
  return static_cast<std::uint64_t>(
      std::max<std::int64_t>(0, model::optional_integer(object, name).value_or(absent)));
}

const boost::json::object* object_member(const boost::json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  return value != nullptr ? value->if_object() : nullptr;
}

boost::json::value json_of(const Suppression& suppression) {
  return {{"gateway", suppression.gateway}, {"since", format_rfc3339(suppression.since)}};
}

boost::json::value json_of(const Flapping& flapping) {
  return {{"since", format_rfc3339(flapping.since)},
          {"changed_at", format_rfc3339(flapping.changed_at)},
          {"changes", flapping.changes},
          {"present", flapping.condition == Flapping::Condition::present}};
}

Suppression suppression_from(const boost::json::object& object, WallTime absent) {
  return {model::optional_text(object, "gateway").value_or(""),
          time_member(object, "since").value_or(absent)};
}

Flapping flapping_from(const boost::json::object& object, WallTime absent) {
  Flapping flapping;
  flapping.since = time_member(object, "since").value_or(absent);
  flapping.changed_at = time_member(object, "changed_at").value_or(flapping.since);
  flapping.changes = count_member(object, "changes", 0);
  const bool present = model::optional_boolean(object, "present").value_or(true);
  flapping.condition = present ? Flapping::Condition::present : Flapping::Condition::absent;
  return flapping;
}

/// What may be missing: rows of older programs have no such members.
void read_optional(Alarm& alarm, const boost::json::object& object) {
  const auto text_of = [&object](std::string_view name) {
    return model::optional_text(object, name).value_or("");
  };
  alarm.last_at = time_member(object, "last_at").value_or(alarm.raised_at);
  alarm.waits_since = time_member(object, "waits_since").value_or(alarm.raised_at);
  alarm.count = count_member(object, "count", 1);
  alarm.acknowledged_at = time_member(object, "acknowledged_at");
  alarm.acknowledged_by = text_of("acknowledged_by");
  alarm.cleared_by = text_of("cleared_by");
  if (const auto* shelf = object_member(object, "shelved")) alarm.shelf = shelf_from_json(*shelf);
  if (const auto* suppressed = object_member(object, "suppressed"))
    alarm.suppression = suppression_from(*suppressed, alarm.raised_at);
  if (const auto* flapping = object_member(object, "flapping"))
    alarm.flapping = flapping_from(*flapping, alarm.raised_at);
  if (const auto* causes = object.if_contains("causes"); causes != nullptr && causes->is_array())
    alarm.causes = causes_from_json(causes->get_array());
  alarm.history = count_member(object, "history", 0);
  alarm.comments = std::min<std::uint64_t>(count_member(object, "comments", 0), kMaxComments);
}

}  // namespace

std::string_view severity_name(Severity severity) {
  return kSeverities[static_cast<std::size_t>(severity)];
}

Result<Severity> parse_severity(std::string_view word) {
  return parse_word<Severity>(kSeverities, word, "severity");
}

std::string_view state_name(State state) {
  return kStates[static_cast<std::size_t>(state)];
}

Result<State> parse_state(std::string_view word) {
  return parse_word<State>(kStates, word, "state");
}

std::string_view source_name(Source source) {
  return kSources[static_cast<std::size_t>(source)];
}

Result<Source> parse_source(std::string_view word) {
  return parse_word<Source>(kSources, word, "source");
}

State Alarm::state() const {
  if (cleared_at) return State::cleared;
  if (shelf) return State::shelved;
  if (suppression) return State::suppressed;
  return acknowledged_at ? State::acknowledged : State::active;
}

void note(Alarm& alarm, Event event) {
  event.why = model::cut_text(event.why, kMaxWhyBytes);
  event.place = event.what == Change::commented ? alarm.comments++ : alarm.history++;
  alarm.change = event.what;
  alarm.fresh.push_back(std::move(event));
}

boost::json::object to_json(const Shelf& shelf) {
  return {{"until", format_rfc3339(shelf.until)},
          {"at", format_rfc3339(shelf.at)},
          {"by", shelf.by},
          {"reason", shelf.reason}};
}

std::optional<Shelf> shelf_from_json(const boost::json::object& object) {
  const auto until = time_member(object, "until");
  if (!until) return std::nullopt;
  return Shelf{*until, time_member(object, "at").value_or(*until),
               model::optional_text(object, "by").value_or(""),
               model::optional_text(object, "reason").value_or("")};
}

boost::json::object to_json(const Alarm& alarm) {
  boost::json::array causes;
  for (const Cause& cause : alarm.causes) causes.push_back(to_json(cause));
  const auto or_null = [](const auto& part, auto form) -> boost::json::value {
    if (!part) return nullptr;
    return form(*part);
  };
  return {{"id", alarm.id},
          {"name", alarm.name},
          {"thing", alarm.thing},
          {"source", source_name(alarm.source)},
          {"rule", alarm.rule},
          {"severity", severity_name(alarm.severity)},
          {"state", state_name(alarm.state())},
          {"message", alarm.message},
          {"count", alarm.count},
          {"raised_at", format_rfc3339(alarm.raised_at)},
          {"last_at", format_rfc3339(alarm.last_at)},
          {"waits_since", format_rfc3339(alarm.waits_since)},
          {"acknowledged_at", time_or_null(alarm.acknowledged_at)},
          {"acknowledged_by", alarm.acknowledged_by},
          {"shelved", or_null(alarm.shelf, [](const Shelf& shelf) { return to_json(shelf); })},
          {"suppressed", or_null(alarm.suppression, [](const Suppression& by) { return json_of(by); })},
          {"flapping", or_null(alarm.flapping, [](const Flapping& flapping) { return json_of(flapping); })},
          {"cleared_at", time_or_null(alarm.cleared_at)},
          {"cleared_by", alarm.cleared_by},
          {"causes", std::move(causes)},
          {"history", alarm.history},
          {"comments", alarm.comments}};
}

Result<Alarm> alarm_from_json(TenantId tenant, std::string_view text) {
  boost::system::error_code error;
  const boost::json::value document = boost::json::parse(text, error);
  if (error || !document.is_object()) return fail(Errc::corrupt, "a stored alarm is not a JSON object");
  const auto& object = document.get_object();
  const auto text_of = [&object](std::string_view name) {
    return model::optional_text(object, name).value_or("");
  };
  Alarm alarm;
  alarm.tenant = tenant;
  alarm.id = text_of("id");
  alarm.name = text_of("name");
  alarm.thing = text_of("thing");
  alarm.rule = text_of("rule");
  alarm.message = text_of("message");
  const auto severity = parse_severity(text_of("severity"));
  const auto state = parse_state(text_of("state"));
  const auto source = parse_source(model::optional_text(object, "source").value_or("rule"));
  const auto raised = time_member(object, "raised_at");
  if (!severity || !state || !source || !raised || alarm.id.empty())
    return fail(Errc::corrupt, "a stored alarm has an unknown form");
  alarm.severity = *severity;
  alarm.source = *source;
  alarm.raised_at = *raised;
  read_optional(alarm, object);
  alarm.cleared_at = time_member(object, "cleared_at");
  if (*state == State::cleared && !alarm.cleared_at) alarm.cleared_at = alarm.last_at;
  return alarm;
}

std::string condition_key(TenantId tenant, std::string_view name, std::string_view thing, Source source) {
  std::string key = model::tenant_key(tenant, name) + '\0' + std::string(thing);
  if (source == Source::device) key += std::string_view("\0d", 2);
  return key;
}

std::string condition_key(const Alarm& alarm) {
  return condition_key(alarm.tenant, alarm.name, alarm.thing, alarm.source);
}

}  // namespace dunlin::alarm
