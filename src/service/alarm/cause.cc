#include "service/alarm/cause.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "base/time_text.h"
#include "model/json_fields.h"
#include "model/text.h"

namespace dunlin::alarm {
namespace {

constexpr std::array<std::string_view, 7> kKinds{"message", "sample",  "alarm", "rule",
                                                 "monitor", "service", "device"};

}  // namespace

boost::json::object to_json(const Cause& cause) {
  boost::json::object object{{"kind", kKinds[static_cast<std::size_t>(cause.kind)]},
                             {"name", cause.name},
                             {"at", format_rfc3339(cause.at)}};
  if (!cause.by.empty()) object["by"] = cause.by;
  if (!cause.position.empty()) object["position"] = cause.position;
  return object;
}

std::vector<Cause> causes_from_json(const boost::json::array& rows) {
  std::vector<Cause> causes;
  for (const auto& row : rows) {
    if (!row.is_object() || causes.size() >= kMaxCauses) continue;
    const auto& object = row.get_object();
    const auto kind = std::ranges::find(kKinds, model::optional_text(object, "kind").value_or(""));
    const auto at = parse_rfc3339(model::optional_text(object, "at").value_or(""));
    if (kind == kKinds.end() || !at) continue;
    causes.push_back({static_cast<Cause::Kind>(kind - kKinds.begin()),
                      model::optional_text(object, "name").value_or(""),
                      model::optional_text(object, "by").value_or(""), *at,
                      model::optional_text(object, "position").value_or("")});
  }
  return causes;
}

Cause cause_of(const hub::Message& message) {
  Cause cause;
  cause.name = model::cut_text(message.topic.text(), kMaxCauseBytes);
  if (message.principal) cause.by = message.principal->name;
  cause.at = message.received_at;
  if (message.position != 0)
    cause.position = std::to_string(message.journal) + '/' + std::to_string(message.position);
  return cause;
}

AlarmTopic alarm_of_topic(std::string_view topic) {
  if (!topic.starts_with(kAlarmTopics)) return {};
  topic.remove_prefix(kAlarmTopics.size());
  const std::size_t slash = topic.find('/');
  if (slash == std::string_view::npos) return {};
  return {topic.substr(0, slash), topic.substr(slash + 1)};
}

void shorten(std::vector<Cause>& causes) {
  if (causes.size() <= kMaxCauses) return;
  const auto first = causes.begin() + kMaxCauses / 2;
  causes.erase(first, first + static_cast<std::ptrdiff_t>(causes.size() - kMaxCauses));
}

}  // namespace dunlin::alarm
