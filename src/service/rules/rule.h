#pragma once
// A rule: a statement and what happens with what it finds. Document: docs/guide/rules.md.

#include <boost/json/fwd.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "hub/message.h"
#include "service/alarm/alarm.h"
#include "service/rules/statement.h"
#include "service/rules/template.h"

namespace dunlin::rules {

/// Publishes what SELECT gave.
struct RepublishAction {
  Template topic;
  hub::QoS qos = hub::QoS::at_least_once;
  hub::Message::Retain retain = hub::Message::Retain::no;
};

/// Raises an alarm where WHERE holds, clears it where it does not and `clear_when` does.
struct AlarmAction {
  std::string name;
  alarm::Severity severity = alarm::Severity::warning;
  Template message;
  Template thing;
  std::optional<Condition> clear_when;  // none: only people clear it
};

using Action = std::variant<RepublishAction, AlarmAction>;

struct Rule {
  std::string name;
  std::string description;
  std::string sql;
  enum class State : std::uint8_t { enabled, disabled } state = State::enabled;
  std::string actions_json;  // as it was given
  Statement statement;
  std::vector<Action> actions;
  std::uint64_t version = 0;
};

/// {"name","sql","description","enabled","actions":[{"republish":{"topic","qos","retain"}},{"alarm":{"name","severity","message",
/// "thing","clear_when"}}]}. Errors: invalid_argument, malformed, unsupported, limit_exceeded, with the
/// place.
Result<Rule> rule_from_json(const boost::json::object& document, const Environment& environment = {});
boost::json::object to_json(const Rule& rule);

}  // namespace dunlin::rules
