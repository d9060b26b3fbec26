#include "security/policy.h"

#include <algorithm>
#include <boost/json.hpp>
#include <utility>

#include "security/limits.h"

namespace dunlin::security {
namespace {

namespace json = boost::json;

constexpr std::array<std::pair<std::string_view, std::uint8_t>, 5> kActions = {{
    {"mqtt:connect", 1U << static_cast<unsigned>(Action::connect)},
    {"mqtt:publish", 1U << static_cast<unsigned>(Action::publish)},
    {"mqtt:subscribe", 1U << static_cast<unsigned>(Action::subscribe)},
    {"mqtt:receive", 1U << static_cast<unsigned>(Action::receive)},
    {"mqtt:*", 0x0f},
}};

std::string_view view(const json::string& text) {
  return {text.data(), text.size()};
}

/// Out of line: g++ 12 warns wrongly (array-bounds) where it folds a short literal through std::expected.
[[gnu::noinline]] std::unexpected<Error> malformed(std::string_view message) {
  return fail(Errc::malformed, std::string(message));
}

Error at(const std::string& place, const Error& error) {
  return {error.code, place + ": " + error.message};
}

Result<const json::array*> array_of(const json::object& object, std::string_view key, std::size_t limit) {
  const json::value* found = object.if_contains({key.data(), key.size()});
  const json::array* list = found != nullptr ? found->if_array() : nullptr;
  if (list == nullptr) return malformed(std::string(key) + ": an array is needed");
  if (list->size() > limit) {
    return fail(Errc::limit_exceeded, std::string(key) + ": more than " + std::to_string(limit) + " entries");
  }
  return list;
}

Result<void> check_keys(const json::object& object, std::initializer_list<std::string_view> allowed) {
  for (const auto& member : object) {
    const std::string_view key(member.key().data(), member.key().size());
    if (std::ranges::find(allowed, key) == allowed.end()) {
      return malformed("unknown member \"" + std::string(key) + "\"");
    }
  }
  return {};
}

Result<std::uint8_t> parse_actions(const json::array& list) {
  if (list.empty()) return malformed("actions: at least one is needed");
  std::uint8_t bits = 0;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::string place = "actions[" + std::to_string(i) + "]";
    const json::string* text = list[i].if_string();
    if (text == nullptr) return malformed(place + ": a text is needed");
    const auto known =
        std::ranges::find(kActions, view(*text), &std::pair<std::string_view, std::uint8_t>::first);
    if (known == kActions.end()) {
      return malformed(place +
                       ": must be mqtt:connect, mqtt:publish, mqtt:subscribe, mqtt:receive or mqtt:*");
    }
    bits |= known->second;
  }
  return bits;
}

Result<ClientPattern> parse_client(std::string_view text) {
  ClientPattern pattern;
  if (text.ends_with('*')) {
    pattern.kind = ClientPattern::Kind::prefix;
    text.remove_suffix(1);
  } else if (text.empty()) {
    return malformed("the client id is empty");
  }
  if (text.contains('*')) return malformed("* may stand at the end of a client id only");
  DUNLIN_TRY(pattern.text, parse_template(text));
  return pattern;
}

Result<void> add_resource(Statement& statement, const json::value& value) {
  const json::string* text = value.if_string();
  if (text == nullptr) return malformed("a text is needed");
  std::string_view resource = view(*text);
  if (resource.size() > kMaxResourceBytes) {
    return fail(Errc::limit_exceeded, "longer than " + std::to_string(kMaxResourceBytes) + " bytes");
  }
  if (resource.starts_with("topic/")) {
    DUNLIN_TRY(TopicPattern pattern, TopicPattern::parse(resource.substr(6)));
    statement.topics.push_back(std::move(pattern));
    return {};
  }
  if (resource.starts_with("client/")) {
    DUNLIN_TRY(ClientPattern pattern, parse_client(resource.substr(7)));
    statement.clients.push_back(std::move(pattern));
    return {};
  }
  return malformed("must begin with topic/ or client/");
}

Result<Statement> parse_statement(const json::value& value) {
  const json::object* object = value.if_object();
  if (object == nullptr) return malformed("an object is needed");
  DUNLIN_CHECK(check_keys(*object, {"effect", "actions", "resources", "description"}));
  Statement statement;
  const json::value* effect = object->if_contains("effect");
  const json::string* effect_text = effect != nullptr ? effect->if_string() : nullptr;
  if (effect_text == nullptr || (*effect_text != "allow" && *effect_text != "deny")) {
    return malformed("effect: must be \"allow\" or \"deny\"");
  }
  statement.effect = *effect_text == "allow" ? Effect::allow : Effect::deny;
  DUNLIN_TRY(const json::array* actions, array_of(*object, "actions", kMaxResources));
  DUNLIN_TRY(statement.actions, parse_actions(*actions));
  DUNLIN_TRY(const json::array* resources, array_of(*object, "resources", kMaxResources));
  if (resources->empty()) return malformed("resources: at least one is needed");
  for (std::size_t i = 0; i < resources->size(); ++i) {
    if (const auto added = add_resource(statement, (*resources)[i]); !added) {
      return std::unexpected(at("resources[" + std::to_string(i) + "]", added.error()));
    }
  }
  return statement;
}

constexpr std::string_view kDevicePolicy = R"({
  "description": "A device: its own telemetry topics and its own services' topics.",
  "statements": [
    {"effect": "allow", "actions": ["mqtt:connect"], "resources": ["client/${thing.name}", "client/${thing.name}/*"]},
    {"effect": "allow", "actions": ["mqtt:publish", "mqtt:subscribe", "mqtt:receive"],
     "resources": ["topic/+/+/+/${thing.name}/#", "topic/$dunlin/things/${thing.name}/#"]}
  ]
})";
constexpr std::string_view kGatewayPolicy = R"({
  "description": "A gateway: every device of its site.",
  "statements": [
    {"effect": "allow", "actions": ["mqtt:connect"], "resources": ["client/${thing.name}", "client/${thing.name}/*"]},
    {"effect": "allow", "actions": ["mqtt:publish", "mqtt:subscribe", "mqtt:receive"],
     "resources": ["topic/+/${thing.attribute.site}/#", "topic/+/+/+/${thing.name}/#", "topic/$dunlin/things/#"]}
  ]
})";
constexpr std::string_view kUserPolicy = R"({
  "description": "A user: reads everything.",
  "statements": [
    {"effect": "allow", "actions": ["mqtt:connect"], "resources": ["client/*"]},
    {"effect": "allow", "actions": ["mqtt:subscribe", "mqtt:receive"],
     "resources": ["topic/#", "topic/$dunlin/#", "topic/$SYS/#"]}
  ]
})";
constexpr std::string_view kAnonymousPolicy = R"({
  "description": "Counts only where anonymous clients are switched on, on loopback.",
  "statements": [
    {"effect": "allow", "actions": ["mqtt:connect"], "resources": ["client/*"]},
    {"effect": "allow", "actions": ["mqtt:publish", "mqtt:subscribe", "mqtt:receive"], "resources": ["topic/#"]}
  ]
})";
constexpr std::array<DefaultPolicy, 4> kDefaultPolicies = {{{"device", kDevicePolicy},
                                                            {"gateway", kGatewayPolicy},
                                                            {"user", kUserPolicy},
                                                            {"anonymous", kAnonymousPolicy}}};

constexpr std::string_view kProvisioningBound = R"({
  "description": "Of things that have been made and have no credential yet: they may read what is theirs.",
  "statements": [
    {"effect": "allow", "actions": ["mqtt:connect"], "resources": ["client/*"]},
    {"effect": "allow", "actions": ["mqtt:subscribe", "mqtt:receive"], "resources": ["topic/$dunlin/things/${thing.name}/#"]},
    {"effect": "allow", "actions": ["mqtt:publish"], "resources": ["topic/$dunlin/things/${thing.name}/shadow/get"]}
  ]
})";
constexpr std::string_view kActivationBound = R"({
  "description": "Of things that have a credential and were not connected yet: what their own policies allow.",
  "statements": [
    {"effect": "allow", "actions": ["mqtt:*"], "resources": ["client/*", "topic/#", "topic/$dunlin/#", "topic/$SYS/#"]}
  ]
})";
constexpr std::string_view kMaintenanceBound = R"({
  "description": "Of things in maintenance: their own topics and services, and nobody else's.",
  "statements": [
    {"effect": "allow", "actions": ["mqtt:connect"], "resources": ["client/*"]},
    {"effect": "allow", "actions": ["mqtt:publish", "mqtt:subscribe", "mqtt:receive"],
     "resources": ["topic/+/+/+/${thing.name}/#", "topic/$dunlin/things/${thing.name}/#"]}
  ]
})";
constexpr std::string_view kQuarantineBound = R"({
  "description": "Of things in quarantine: they may stay connected, tell their status and read their shadow.",
  "statements": [
    {"effect": "allow", "actions": ["mqtt:connect"], "resources": ["client/*"]},
    {"effect": "allow", "actions": ["mqtt:publish"],
     "resources": ["topic/$dunlin/things/${thing.name}/status", "topic/$dunlin/things/${thing.name}/shadow/get",
                   "topic/$dunlin/things/${thing.name}/tamper"]},
    {"effect": "allow", "actions": ["mqtt:subscribe", "mqtt:receive"],
     "resources": ["topic/$dunlin/things/${thing.name}/shadow/#", "topic/$dunlin/things/${thing.name}/lifecycle"]}
  ]
})";
constexpr std::array<DefaultPolicy, 6> kBounds = {{{"lifecycle-provisioning", kProvisioningBound},
                                                   {"lifecycle-activation", kActivationBound},
                                                   {"lifecycle-operation", {}},
                                                   {"lifecycle-maintenance", kMaintenanceBound},
                                                   {"lifecycle-decommission", {}},
                                                   {"quarantine", kQuarantineBound}}};

}  // namespace

std::string_view action_name(Action action) {
  switch (action) {
    case Action::connect:
      return "connect";
    case Action::publish:
      return "publish";
    case Action::subscribe:
      return "subscribe";
    case Action::receive:
      return "receive";
  }
  return "unknown";
}

Result<Policy> Policy::parse(std::string_view text) {
  if (text.size() > kMaxPolicyBytes) {
    return fail(Errc::limit_exceeded, "a policy has at most " + std::to_string(kMaxPolicyBytes) + " bytes");
  }
  json::parse_options options;
  options.max_depth = 8;
  json::error_code error;
  const json::value document = json::parse({text.data(), text.size()}, error, {}, options);
  if (error) return malformed("not JSON: " + error.message());
  const json::object* object = document.if_object();
  if (object == nullptr) return malformed("a policy is a JSON object");
  DUNLIN_CHECK(check_keys(*object, {"statements", "description"}));
  DUNLIN_TRY(const json::array* list, array_of(*object, "statements", kMaxStatements));
  Policy policy;
  for (std::size_t i = 0; i < list->size(); ++i) {
    auto statement = parse_statement((*list)[i]);
    if (!statement) return std::unexpected(at("statements[" + std::to_string(i) + "]", statement.error()));
    policy.statements_.push_back(std::move(*statement));
  }
  return policy;
}

std::span<const DefaultPolicy> default_policies() {
  return kDefaultPolicies;
}

std::span<const DefaultPolicy> bounds() {
  return kBounds;
}

}  // namespace dunlin::security
