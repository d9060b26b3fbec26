#include "service/provision/grant.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "base/time_text.h"
#include "model/json_fields.h"
#include "security/limits.h"
#include "security/names.h"
#include "security/records.h"
#include "security/x509.h"
#include "service/provision/pattern.h"

namespace dunlin::provision {
namespace {

namespace json = boost::json;
using store::DocumentKind;

constexpr std::array<std::string_view, 4> kKinds = {"authority", "code", "claim", "group"};
constexpr std::array<std::string_view, 3> kWaitingStates = {"waiting", "approved", "rejected"};

json::array array_of(const std::vector<std::string>& texts) {
  return json::array(texts.begin(), texts.end());
}

Result<json::object> object_of(const store::Document& stored) {
  json::error_code error;
  json::value value = json::parse(stored.body, error);
  if (error || !value.is_object()) return fail(Errc::corrupt, "a stored enrolment record cannot be read");
  return std::move(value.get_object());
}

std::string text(const json::object& object, std::string_view name) {
  return model::optional_text(object, name).value_or("");
}
std::int64_t number(const json::object& object, std::string_view name, std::int64_t absent = 0) {
  return model::optional_integer(object, name).value_or(absent);
}

std::vector<std::string> texts(const json::object& object, std::string_view name) {
  std::vector<std::string> list;
  const auto* found = object.if_contains(name);
  if (found == nullptr || !found->is_array()) return list;
  for (const auto& entry : found->get_array()) {
    if (entry.is_string()) list.emplace_back(entry.get_string());
  }
  return list;
}

json::object rules_json(const Template& rules) {
  return {{"name", rules.name},
          {"type", rules.type},
          {"policies", array_of(rules.policies)},
          {"groups", array_of(rules.groups)},
          {"allow", array_of(rules.allow)},
          {"quota", rules.quota},
          {"approval", rules.approval == Approval::queue ? "queue" : "automatic"},
          {"days", rules.days}};
}

Template rules_of(const json::object& object) {
  return {.name = text(object, "name"),
          .type = text(object, "type"),
          .policies = texts(object, "policies"),
          .groups = texts(object, "groups"),
          .allow = texts(object, "allow"),
          .quota = number(object, "quota"),
          // Anything but the permissive word asks an operator.
          .approval = text(object, "approval") == "automatic" ? Approval::automatic : Approval::queue,
          .days = number(object, "days", 365)};
}

store::Change change_of(TenantId tenant, std::string id, std::string_view what, const json::object& body,
                        std::uint64_t version) {
  store::Document document;
  document.id = std::move(id);
  document.body = json::serialize(body);
  document.index = {{"what", std::string(what)}};
  return security::put_change(DocumentKind::authority, tenant, std::move(document), version);
}

json::value time_or_null(std::int64_t milliseconds) {
  if (milliseconds == 0) return nullptr;
  return json::value(format_rfc3339(from_unix_milliseconds(milliseconds)));
}

Result<std::vector<std::string>> text_list(const json::object& request, std::string_view name,
                                           std::size_t most) {
  std::vector<std::string> list;
  for (const auto& entry : request.at(name).as_array()) {
    if (!entry.is_string() || entry.get_string().empty() || entry.get_string().size() > kMaxAllowedBytes)
      return fail(Errc::invalid_argument, "\"" + std::string(name) + "\" must be a list of texts of 1 to " +
                                              std::to_string(kMaxAllowedBytes) + " bytes");
    list.emplace_back(entry.get_string());
  }
  if (list.size() > most)
    return fail(Errc::limit_exceeded,
                "\"" + std::string(name) + "\" has at most " + std::to_string(most) + " entries");
  return list;
}

Result<std::int64_t> bounded(const json::object& request, std::string_view name, std::int64_t absent,
                             std::int64_t least, std::int64_t most) {
  const std::int64_t value = model::optional_integer(request, name).value_or(absent);
  if (value < least || value > most)
    return fail(Errc::invalid_argument, "\"" + std::string(name) + "\" must be between " +
                                            std::to_string(least) + " and " + std::to_string(most));
  return value;
}

}  // namespace

std::string_view grant_kind_name(GrantKind kind) {
  return kKinds[static_cast<std::size_t>(kind)];
}

std::string grant_id(GrantKind kind, std::string_view id) {
  return std::string(grant_kind_name(kind)) + ":" + std::string(id);
}

Result<Grant> grant_of(const store::Document& stored) {
  DUNLIN_TRY(const json::object body, object_of(stored));
  const auto colon = stored.id.find(':');
  const auto kind = std::ranges::find(kKinds, std::string_view(stored.id).substr(0, colon));
  const auto* rules = body.if_contains("template");
  if (colon == std::string::npos || kind == kKinds.end() || rules == nullptr || !rules->is_object())
    return fail(Errc::corrupt, "a stored grant cannot be read");
  Grant grant;
  grant.kind = static_cast<GrantKind>(kind - kKinds.begin());
  grant.id = stored.id.substr(colon + 1);
  grant.label = text(body, "label");
  grant.pem = text(body, "pem");
  grant.thing = text(body, "thing");
  grant.rules = rules_of(rules->get_object());
  grant.state = text(body, "state") == "enabled" ? Grant::State::enabled : Grant::State::disabled;
  grant.auto_registration =
      text(body, "auto_registration") == "on" ? Grant::AutoRegistration::on : Grant::AutoRegistration::off;
  grant.created_at = number(body, "created_at");
  grant.expires_at = number(body, "expires_at");
  grant.uses_left = number(body, "uses_left");
  if (const auto* recent = body.if_contains("recent"); recent != nullptr && recent->is_array()) {
    for (const auto& one : recent->get_array()) {
      if (!one.is_object()) continue;
      grant.recent.push_back({text(one.get_object(), "key"), text(one.get_object(), "fingerprint")});
    }
  }
  grant.version = stored.version;
  return grant;
}

store::Change put_change(TenantId tenant, const Grant& grant) {
  json::array recent;
  for (const Grant::Recent& one : grant.recent)
    recent.push_back(json::object{{"key", one.key}, {"fingerprint", one.fingerprint}});
  const bool automatic = grant.auto_registration == Grant::AutoRegistration::on;
  const json::object body{{"label", grant.label},
                          {"pem", grant.pem},
                          {"thing", grant.thing},
                          {"template", rules_json(grant.rules)},
                          {"state", grant.state == Grant::State::enabled ? "enabled" : "disabled"},
                          {"auto_registration", automatic ? "on" : "off"},
                          {"created_at", grant.created_at},
                          {"expires_at", grant.expires_at},
                          {"uses_left", grant.uses_left},
                          {"recent", std::move(recent)}};
  return change_of(tenant, grant_id(grant), grant_kind_name(grant.kind), body, grant.version);
}

store::Change remove_change(TenantId tenant, const Grant& grant) {
  return security::remove_change(DocumentKind::authority, tenant, grant_id(grant));
}

json::object to_json(const Grant& grant) {
  json::object shown{{"id", grant.id},
                     {"label", grant.label},
                     {"state", grant.state == Grant::State::enabled ? "enabled" : "disabled"},
                     {"enrolled", grant.enrolled},
                     {"created_at", time_or_null(grant.created_at)},
                     {"expires_at", time_or_null(grant.expires_at)},
                     {"uses_left", grant.uses_left < 0 ? json::value() : json::value(grant.uses_left)},
                     {"template", rules_json(grant.rules)}};
  if (grant.kind == GrantKind::authority) {
    shown["auto_registration"] = grant.auto_registration == Grant::AutoRegistration::on;
    if (const auto ders = security::certificates_from_pem(grant.pem); ders && !ders->empty()) {
      const auto info = security::parse_certificate(as_bytes(ders->front()));
      shown["name"] = info ? info->common_name : std::string();
      if (info) shown["not_after"] = format_rfc3339(info->not_after);
    }
  }
  if (!grant.thing.empty()) shown["thing"] = grant.thing;
  if (!grant.pem.empty()) shown["certificate"] = grant.pem;
  return shown;
}

Result<Template> template_from(const json::object& request, Template base) {
  Template rules = std::move(base);
  if (auto name = model::optional_text(request, "name_pattern")) {
    DUNLIN_CHECK(check_pattern(*name));
    rules.name = *std::move(name);
  }
  if (auto type = model::optional_text(request, "type")) {
    if (type->size() > kMaxTextBytes)
      return fail(Errc::limit_exceeded, "\"type\" has at most " + std::to_string(kMaxTextBytes) + " bytes");
    rules.type = *std::move(type);
  }
  if (request.contains("policies")) {
    DUNLIN_TRY(rules.policies, text_list(request, "policies", kMaxTemplatePolicies));
    for (const std::string& policy : rules.policies) DUNLIN_CHECK(security::check_policy_name(policy));
  }
  if (request.contains("groups")) {
    DUNLIN_TRY(rules.groups, text_list(request, "groups", security::kMaxGroupsPerThing));
    for (const std::string& group : rules.groups) DUNLIN_CHECK(security::check_group_name(group));
  }
  if (request.contains("allow")) {
    DUNLIN_TRY(rules.allow, text_list(request, "allow", kMaxAllowed));
  }
  DUNLIN_TRY(rules.quota, bounded(request, "quota", rules.quota, 0, kMaxQuota));
  DUNLIN_TRY(rules.days, bounded(request, "days", rules.days, 1, 3 * 365));
  if (const auto approval = model::optional_text(request, "approval")) {
    if (*approval != "automatic" && *approval != "queue")
      return fail(Errc::invalid_argument, "\"approval\" must be automatic or queue");
    rules.approval = *approval == "queue" ? Approval::queue : Approval::automatic;
  }
  return rules;
}

std::string waiting_id(std::string_view name) {
  return "waiting:" + std::string(name);
}

Result<Waiting> waiting_of(const store::Document& stored) {
  DUNLIN_TRY(const json::object body, object_of(stored));
  const auto state = std::ranges::find(kWaitingStates, text(body, "state"));
  if (state == kWaitingStates.end()) return fail(Errc::corrupt, "a stored enrolment record cannot be read");
  return Waiting{.name = text(body, "name"),
                 .key = text(body, "key"),
                 .grant = text(body, "grant"),
                 .address = text(body, "address"),
                 .state = static_cast<Waiting::State>(state - kWaitingStates.begin()),
                 .asked_at = number(body, "asked_at"),
                 .version = stored.version};
}

store::Change put_change(TenantId tenant, const Waiting& waiting) {
  const json::object body{{"name", waiting.name},
                          {"key", waiting.key},
                          {"grant", waiting.grant},
                          {"address", waiting.address},
                          {"state", kWaitingStates[static_cast<std::size_t>(waiting.state)]},
                          {"asked_at", waiting.asked_at}};
  return change_of(tenant, waiting_id(waiting.name), "waiting", body, waiting.version);
}

store::Change remove_change(TenantId tenant, const Waiting& waiting) {
  return security::remove_change(DocumentKind::authority, tenant, waiting_id(waiting.name));
}

json::object to_json(const Waiting& waiting) {
  return {{"name", waiting.name},       {"state", kWaitingStates[static_cast<std::size_t>(waiting.state)]},
          {"grant", waiting.grant},     {"key", waiting.key},
          {"address", waiting.address}, {"asked_at", time_or_null(waiting.asked_at)}};
}

Result<TenantCount> tenant_of(const std::optional<store::Document>& stored) {
  if (!stored) return TenantCount{};
  DUNLIN_TRY(const json::object body, object_of(*stored));
  return TenantCount{.quota = number(body, "quota"), .version = stored->version};
}

store::Change put_change(TenantId tenant, const TenantCount& count) {
  return change_of(tenant, std::string(kTenantId), "tenant", {{"quota", count.quota}}, count.version);
}

json::object to_json(const TenantCount& count) {
  return {{"quota", count.quota}, {"enrolled", count.enrolled}};
}

}  // namespace dunlin::provision
