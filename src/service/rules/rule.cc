#include "service/rules/rule.h"

#include <boost/json.hpp>

#include "model/json_fields.h"
#include "service/rules/limits.h"

namespace dunlin::rules {
namespace {

using boost::json::object;

Result<void> only_members(const object& given, std::initializer_list<std::string_view> known, std::string_view where) {
  for (const auto& member : given) {
    if (std::ranges::find(known, std::string_view(member.key())) == known.end()) {
      return fail(Errc::invalid_argument, std::string(where) + " has no member \"" + std::string(member.key()) + "\"");
    }
  }
  return {};
}

Result<RepublishAction> republish_from(const object& given) {
  DUNLIN_CHECK(only_members(given, {"topic", "qos", "retain"}, "republish"));
  const auto topic = model::optional_text(given, "topic");
  if (!topic || topic->empty()) return fail(Errc::invalid_argument, "republish needs a \"topic\"");
  if (topic->find_first_of("+#") != std::string::npos) return fail(Errc::invalid_argument, "a topic to publish to has no wildcards");
  const std::int64_t qos = model::optional_integer(given, "qos").value_or(1);
  if (qos < 0 || qos > 2) return fail(Errc::invalid_argument, "\"qos\" is 0, 1 or 2");
  RepublishAction action;
  DUNLIN_TRY(action.topic, Template::parse(*topic));
  action.qos = static_cast<hub::QoS>(qos);
  if (model::optional_boolean(given, "retain").value_or(false)) action.retain = hub::Message::Retain::yes;
  return action;
}

Result<AlarmAction> alarm_from(const object& given) {
  DUNLIN_CHECK(only_members(given, {"name", "severity", "message", "thing", "clear_when"}, "alarm"));
  AlarmAction action;
  action.name = model::optional_text(given, "name").value_or("");
  if (action.name.empty() || action.name.size() > alarm::kMaxNameBytes || action.name.find_first_of("/+#~") != std::string::npos) {
    return fail(Errc::invalid_argument, "alarm needs a \"name\" of 1 to 128 bytes without / + # ~");
  }
  DUNLIN_TRY(action.severity, alarm::parse_severity(model::optional_text(given, "severity").value_or("warning")));
  DUNLIN_TRY(action.message, Template::parse(model::optional_text(given, "message").value_or("")));
  // The native topics carry the device in their fourth level.
  DUNLIN_TRY(action.thing, Template::parse(model::optional_text(given, "thing").value_or("${topic(4)}")));
  if (const auto clear = model::optional_text(given, "clear_when")) {
    DUNLIN_TRY(action.clear_when, parse_expression(*clear));
  }
  return action;
}

Result<Action> action_from(const boost::json::value& given) {
  if (!given.is_object() || given.get_object().size() != 1) {
    return fail(Errc::invalid_argument, "an action is an object with one member, \"republish\" or \"alarm\"");
  }
  const auto& member = *given.get_object().begin();
  if (!member.value().is_object()) return fail(Errc::invalid_argument, "an action's member must be an object");
  if (member.key() == "republish") {
    DUNLIN_TRY(Action action, republish_from(member.value().get_object()));
    return action;
  }
  if (member.key() == "alarm") {
    DUNLIN_TRY(Action action, alarm_from(member.value().get_object()));
    return action;
  }
  return fail(Errc::invalid_argument, "there is no action \"" + std::string(member.key()) + "\"; known are republish and alarm");
}

Result<std::vector<Action>> actions_from(const object& document) {
  const auto* given = document.if_contains("actions");
  if (given == nullptr || !given->is_array() || given->get_array().empty()) {
    return fail(Errc::invalid_argument, "a rule needs \"actions\", a list with at least one");
  }
  if (given->get_array().size() > kMaxActions) return fail(Errc::limit_exceeded, "a rule has at most 10 actions");
  std::vector<Action> actions;
  for (const auto& entry : given->get_array()) {
    DUNLIN_TRY(Action action, action_from(entry));
    actions.push_back(std::move(action));
  }
  return actions;
}

}  // namespace

Result<Rule> rule_from_json(const object& document) {
  DUNLIN_CHECK(only_members(document, {"name", "sql", "description", "enabled", "actions", "version"}, "a rule"));
  Rule rule;
  rule.name = model::optional_text(document, "name").value_or("");
  if (rule.name.empty() || rule.name.size() > alarm::kMaxNameBytes) {
    return fail(Errc::invalid_argument, "a rule's name has 1 to 128 bytes");
  }
  rule.description = model::optional_text(document, "description").value_or("");
  rule.sql = model::optional_text(document, "sql").value_or("");
  if (!model::optional_boolean(document, "enabled").value_or(true)) rule.state = Rule::State::disabled;
  auto statement = Statement::parse(rule.sql);
  if (!statement) return fail(statement.error().code, "sql: " + statement.error().message);
  rule.statement = *std::move(statement);
  DUNLIN_TRY(rule.actions, actions_from(document));
  rule.actions_json = boost::json::serialize(*document.if_contains("actions"));
  return rule;
}

object to_json(const Rule& rule) {
  return {{"name", rule.name},
          {"description", rule.description},
          {"sql", rule.sql},
          {"enabled", rule.state == Rule::State::enabled},
          {"actions", boost::json::parse(rule.actions_json)},
          {"version", rule.version}};
}

}  // namespace dunlin::rules
