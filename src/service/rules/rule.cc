#include "service/rules/rule.h"

#include <algorithm>
#include <boost/json.hpp>

#include "hub/topic.h"
#include "model/json_fields.h"
#include "service/rules/limits.h"

namespace dunlin::rules {
namespace {

using boost::json::object;

Result<void> only_members(const object& given, std::initializer_list<std::string_view> known,
                          std::string_view where) {
  for (const auto& member : given) {
    if (std::ranges::find(known, std::string_view(member.key())) == known.end()) {
      return fail(Errc::invalid_argument,
                  std::string(where) + " has no member \"" + std::string(member.key()) + "\"");
    }
  }
  return {};
}

/// A member of one kind; nullopt where it is absent or null.
template <class Kind>
Result<std::optional<Kind>> typed(const object& given, std::string_view name, std::string_view kind,
                                  std::optional<Kind> (*read)(const object&, std::string_view)) {
  const auto* member = given.if_contains(name);
  if (member == nullptr || member->is_null()) return std::optional<Kind>();
  auto value = read(given, name);
  if (!value)
    return fail(Errc::invalid_argument, "\"" + std::string(name) + "\" must be a " + std::string(kind));
  return value;
}
/// Says in which member an expression is wrong.
template <class Parsed>
Result<Parsed> in_member(std::string_view name, Result<Parsed> parsed) {
  if (parsed) return parsed;
  return fail(parsed.error().code, std::string(name) + ": " + parsed.error().message);
}

Result<std::optional<std::string>> text_member(const object& given, std::string_view name) {
  return typed<std::string>(given, name, "text", model::optional_text);
}

/// What an action's templates and conditions see.
struct Scope {
  const std::vector<std::string>& variables;
  const Environment& environment;

  Result<Template> text(std::string_view given) const {
    return Template::parse(given, variables, environment);
  }
  Result<Condition> condition(std::string_view given) const {
    return Condition::parse(given, variables, environment);
  }
};

Result<RepublishAction> republish_from(const object& given, const Scope& scope) {
  DUNLIN_CHECK(only_members(given, {"topic", "qos", "retain"}, "republish"));
  DUNLIN_TRY(const auto topic, text_member(given, "topic"));
  if (!topic || topic->empty()) return fail(Errc::invalid_argument, "republish needs a \"topic\"");
  DUNLIN_TRY(const auto qos, typed<std::int64_t>(given, "qos", "whole number", model::optional_integer));
  if (qos.value_or(1) < 0 || qos.value_or(1) > 2) return fail(Errc::invalid_argument, "\"qos\" is 0, 1 or 2");
  DUNLIN_TRY(const auto retain, typed<bool>(given, "retain", "truth value", model::optional_boolean));
  RepublishAction action;
  DUNLIN_TRY(action.topic, in_member("topic", scope.text(*topic)));
  if (hub::has_wildcard(action.topic.literal_text())) {
    return fail(Errc::invalid_argument, "a topic to publish to has no wildcards");
  }
  action.qos = static_cast<hub::QoS>(qos.value_or(1));
  if (retain.value_or(false)) action.retain = hub::Message::Retain::yes;
  return action;
}

Result<AlarmAction> alarm_from(const object& given, const Scope& scope) {
  DUNLIN_CHECK(only_members(given, {"name", "severity", "message", "thing", "clear_when"}, "alarm"));
  AlarmAction action;
  DUNLIN_TRY(const auto name, text_member(given, "name"));
  action.name = name.value_or("");
  const bool fits = !action.name.empty() && action.name.size() <= alarm::kMaxNameBytes;
  if (!fits || action.name.find_first_of(std::string_view("/+#~\0", 5)) != std::string::npos) {
    return fail(Errc::invalid_argument, "alarm needs a \"name\" of 1 to 128 bytes without / + # ~");
  }
  DUNLIN_TRY(const auto severity, text_member(given, "severity"));
  DUNLIN_TRY(action.severity, alarm::parse_severity(severity.value_or("warning")));
  DUNLIN_TRY(const auto message, text_member(given, "message"));
  DUNLIN_TRY(action.message, in_member("message", scope.text(message.value_or(""))));
  // The native topics carry the device in their fourth level.
  DUNLIN_TRY(const auto thing, text_member(given, "thing"));
  DUNLIN_TRY(action.thing, in_member("thing", scope.text(thing.value_or("${topic(4)}"))));
  DUNLIN_TRY(const auto clear, text_member(given, "clear_when"));
  if (clear) {
    DUNLIN_TRY(Condition condition, in_member("clear_when", scope.condition(*clear)));
    action.clear_when = std::move(condition);
  }
  return action;
}

Result<Action> action_from(const boost::json::value& given, const Scope& scope) {
  if (!given.is_object() || given.get_object().size() != 1) {
    return fail(Errc::invalid_argument, "an action is an object with one member, \"republish\" or \"alarm\"");
  }
  const auto& member = *given.get_object().begin();
  if (!member.value().is_object())
    return fail(Errc::invalid_argument, "an action's member must be an object");
  if (member.key() == "republish") {
    DUNLIN_TRY(Action action, republish_from(member.value().get_object(), scope));
    return action;
  }
  if (member.key() == "alarm") {
    DUNLIN_TRY(Action action, alarm_from(member.value().get_object(), scope));
    return action;
  }
  return fail(Errc::invalid_argument,
              "there is no action \"" + std::string(member.key()) + "\"; known are republish and alarm");
}

Result<std::vector<Action>> actions_from(const object& document, const Scope& scope) {
  const auto* given = document.if_contains("actions");
  if (given == nullptr || !given->is_array() || given->get_array().empty()) {
    return fail(Errc::invalid_argument, "a rule needs \"actions\", a list with at least one");
  }
  if (given->get_array().size() > kMaxActions)
    return fail(Errc::limit_exceeded, "a rule has at most 10 actions");
  std::vector<Action> actions;
  for (const auto& entry : given->get_array()) {
    DUNLIN_TRY(Action action, action_from(entry, scope));
    actions.push_back(std::move(action));
  }
  return actions;
}

}  // namespace

Result<Rule> rule_from_json(const object& document, const Environment& environment) {
  DUNLIN_CHECK(
      only_members(document, {"name", "sql", "description", "enabled", "actions", "version"}, "a rule"));
  Rule rule;
  rule.name = model::optional_text(document, "name").value_or("");
  if (rule.name.empty() || rule.name.size() > alarm::kMaxNameBytes) {
    return fail(Errc::invalid_argument, "a rule's name has 1 to 128 bytes");
  }
  DUNLIN_TRY(const auto description, text_member(document, "description"));
  rule.description = description.value_or("");
  if (rule.description.size() > kMaxDescriptionBytes) {
    return fail(Errc::limit_exceeded, "a rule's description has at most 1024 bytes");
  }
  DUNLIN_TRY(const auto sql, text_member(document, "sql"));
  rule.sql = sql.value_or("");
  DUNLIN_TRY(const auto enabled, typed<bool>(document, "enabled", "truth value", model::optional_boolean));
  if (!enabled.value_or(true)) rule.state = Rule::State::disabled;
  auto statement = Statement::parse(rule.sql, environment);
  if (!statement) return fail(statement.error().code, "sql: " + statement.error().message);
  rule.statement = *std::move(statement);
  DUNLIN_TRY(rule.actions, actions_from(document, {rule.statement.variables(), environment}));
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
