#include "service/alarm/alarm.h"

#include <array>
#include <boost/json.hpp>

#include "base/time_text.h"
#include "model/json_fields.h"

namespace dunlin::alarm {
namespace {

constexpr std::array<std::string_view, 5> kSeverities{"info", "warning", "minor", "major", "critical"};
constexpr std::array<std::string_view, 3> kStates{"active", "acknowledged", "cleared"};

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

}  // namespace

std::string_view severity_name(Severity severity) {
  return kSeverities[static_cast<std::size_t>(severity)];
}

Result<Severity> parse_severity(std::string_view word) {
  for (std::size_t i = 0; i < kSeverities.size(); ++i) {
    if (kSeverities[i] == word) return static_cast<Severity>(i);
  }
  return fail(Errc::invalid_argument, "a severity is one of info, warning, minor, major, critical");
}

std::string_view state_name(State state) {
  return kStates[static_cast<std::size_t>(state)];
}

std::optional<State> parse_state(std::string_view word) {
  for (std::size_t i = 0; i < kStates.size(); ++i) {
    if (kStates[i] == word) return static_cast<State>(i);
  }
  return std::nullopt;
}

boost::json::object to_json(const Alarm& alarm) {
  return {{"id", alarm.id},
          {"name", alarm.name},
          {"thing", alarm.thing},
          {"rule", alarm.rule},
          {"severity", severity_name(alarm.severity)},
          {"state", state_name(alarm.state)},
          {"message", alarm.message},
          {"count", alarm.count},
          {"raised_at", format_rfc3339(alarm.raised_at)},
          {"last_at", format_rfc3339(alarm.last_at)},
          {"acknowledged_at", time_or_null(alarm.acknowledged_at)},
          {"acknowledged_by", alarm.acknowledged_by},
          {"cleared_at", time_or_null(alarm.cleared_at)},
          {"cleared_by", alarm.cleared_by}};
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
  const auto raised = time_member(object, "raised_at");
  if (!severity || !state || !raised || alarm.id.empty())
    return fail(Errc::corrupt, "a stored alarm has an unknown form");
  alarm.severity = *severity;
  alarm.state = *state;
  alarm.raised_at = *raised;
  alarm.last_at = time_member(object, "last_at").value_or(*raised);
  alarm.count = static_cast<std::uint64_t>(model::optional_integer(object, "count").value_or(1));
  alarm.acknowledged_at = time_member(object, "acknowledged_at");
  alarm.acknowledged_by = text_of("acknowledged_by");
  alarm.cleared_at = time_member(object, "cleared_at");
  alarm.cleared_by = text_of("cleared_by");
  return alarm;
}

}  // namespace dunlin::alarm
