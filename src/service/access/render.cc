#include "service/access/render.h"

#include <boost/json.hpp>

#include "base/time_text.h"
#include "model/json_fields.h"

namespace dunlin::access {
namespace {

boost::json::array array_of(const std::vector<std::string>& texts) {
  return boost::json::array(texts.begin(), texts.end());
}

std::string_view type_name(security::TokenType type) {
  switch (type) {
    case security::TokenType::device:
      return "device";
    case security::TokenType::api:
      return "api";
    case security::TokenType::session:
      return "session";
  }
  return "device";
}

}  // namespace

boost::json::value time_or_null(std::int64_t milliseconds) {
  if (milliseconds == 0) return nullptr;
  return boost::json::value(format_rfc3339(from_unix_milliseconds(milliseconds)));
}

boost::json::object to_json(const security::CertificateRecord& record) {
  return {{"fingerprint", record.fingerprint},
          {"use", security::use_name(record.use)},
          {"thing", record.thing},
          {"serial", record.serial},
          {"state", record.state == security::CertificateRecord::State::active ? "active" : "revoked"},
          {"not_before", time_or_null(record.not_before)},
          {"not_after", time_or_null(record.not_after)},
          {"revoked_at", time_or_null(record.revoked_at)},
          {"reason", record.reason.empty() ? boost::json::value() : boost::json::value(record.reason)},
          {"issuer", record.issuer.empty() ? boost::json::value() : boost::json::value(record.issuer)},
          {"pinned", record.authority == security::kPinned},
          {"certificate", record.pem}};
}

boost::json::object to_json(const security::UserRecord& record) {
  return {{"name", record.name},
          {"state", record.state == security::UserRecord::State::enabled ? "enabled" : "disabled"},
          {"roles", array_of(record.roles)},
          {"permissions", array_of(record.permissions)},
          {"policies", array_of(record.policies)},
          {"created_at", time_or_null(record.created_at)}};
}

boost::json::object to_json(const security::TokenRecord& record) {
  return {{"id", record.id},
          {"type", type_name(record.type)},
          {"owner", record.owner},
          {"label", record.label},
          {"permissions", array_of(record.permissions)},
          {"roles", array_of(record.roles)},
          {"created_at", time_or_null(record.created_at)},
          {"expires_at", time_or_null(record.expires_at)}};
}

boost::json::object to_json(const security::StoredPolicy& policy) {
  boost::system::error_code error;
  boost::json::value document = boost::json::parse(policy.json, error);
  if (error) document = policy.json;
  return {{"name", policy.name}, {"version", policy.version}, {"document", std::move(document)}};
}

Result<std::vector<std::string>> text_list(const boost::json::object& request, std::string_view name) {
  std::vector<std::string> texts;
  const auto* list = request.if_contains(name);
  if (list == nullptr || !list->is_array()) return texts;
  for (const auto& entry : list->get_array()) {
    if (!entry.is_string())
      return fail(Errc::invalid_argument, "\"" + std::string(name) + "\" must be a list of texts");
    texts.emplace_back(entry.get_string());
  }
  return texts;
}

Result<Duration> days_field(const boost::json::object& request, std::string_view name, Duration absent) {
  const auto days = model::optional_integer(request, name);
  if (!days) return absent;
  if (*days < 1 || *days > 3650)
    return fail(Errc::invalid_argument, "\"" + std::string(name) + "\" must be between 1 and 3650 days");
  return std::chrono::days{*days};
}

std::vector<model::OperationSpec> operations() {
  std::vector<model::OperationSpec> all = authority_operations();
  for (const auto& more :
       {certificate_operations(), policy_operations(), account_operations(), scram_operations(),
        key_operations(), people_operations(), totp_operations(), role_operations(), attachment_operations()})
    all.insert(all.end(), more.begin(), more.end());
  return all;
}

model::Reply credential_reply(const AccessParts& parts, const model::Caller& caller, std::string thing,
                              model::Reply reply) {
  if (!parts.credential_given) return reply;
  return [given = parts.credential_given, tenant = caller.principal->tenant, thing = std::move(thing),
          reply = std::move(reply)](Result<boost::json::value> answer) mutable {
    if (!answer) return reply(std::move(answer));
    given(tenant, std::move(thing),
          [answer = std::move(answer), reply = std::move(reply)]() mutable { reply(std::move(answer)); });
  };
}

void declare(const AccessParts& parts, model::OperationTable& table) {
  declare_authorities(parts, table);
  declare_certificates(parts, table);
  declare_policies(parts, table);
  declare_accounts(parts, table);
  declare_scram(parts, table);
  declare_keys(parts, table);
  declare_people(parts, table);
  declare_totp(parts, table);
  declare_roles(parts, table);
  declare_attachments(parts, table);
}

}  // namespace dunlin::access
