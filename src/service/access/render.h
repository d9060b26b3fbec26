#pragma once
// JSON forms of the security room's records, without anything secret. Internal to the room.

#include <boost/json/fwd.hpp>
#include <string>
#include <vector>

#include "model/reply.h"
#include "security/policies.h"
#include "security/records.h"
#include "service/access/access.h"

namespace dunlin::access {

boost::json::object to_json(const security::CertificateRecord& record);
boost::json::object to_json(const security::UserRecord& record);
boost::json::object to_json(const security::TokenRecord& record);
boost::json::object to_json(const security::ScramRecord& record);
boost::json::object to_json(const security::PublicKeyRecord& record);
/// RFC 3339, or null for 0.
boost::json::value time_or_null(std::int64_t milliseconds);
boost::json::object to_json(const security::StoredPolicy& policy);

/// These forms, for model/reply.h: the records' own room has none.
struct Form {
  auto operator()(const auto& record) const { return to_json(record); }
};

/// Who calls, for the audit.
inline security::Actor actor_of(const model::Caller& caller) {
  return security::actor_of(*caller.principal, caller.address);
}

/// A list of texts of a request; absent: empty. Errors: invalid_argument.
Result<std::vector<std::string>> text_list(const boost::json::object& request, std::string_view name);
/// Days of a request as a time; absent: `absent`. Errors: invalid_argument (not in 1..3650).
Result<Duration> days_field(const boost::json::object& request, std::string_view name, Duration absent);

/// Nobody can give what they do not have. Errors: permission_denied.
Result<void> check_may_give(const model::Caller& caller, const std::vector<std::string>& permissions);
/// Whether the caller is this user, signed in on the web: a token that was narrowed is not.
bool is_self(const model::Caller& caller, std::string_view user);
/// Whether the caller may change this user: with users:write, and not one who may more than the caller.
/// Errors: permission_denied, not_found.
void may_manage(const AccessParts& parts, const model::Caller& caller, const std::string& user,
                std::move_only_function<void(Result<void>)> done);
/// MQTT sessions and live pages of the user.
void end_everything(const AccessParts& parts, const model::Caller& caller, const std::string& user);
/// `reply`, behind what goes with a credential that was given to the thing.
model::Reply credential_reply(const AccessParts& parts, const model::Caller& caller, std::string thing,
                              model::Reply reply);

std::vector<model::OperationSpec> authority_operations();
std::vector<model::OperationSpec> certificate_operations();
std::vector<model::OperationSpec> people_operations();
std::vector<model::OperationSpec> totp_operations();
std::vector<model::OperationSpec> role_operations();
std::vector<model::OperationSpec> policy_operations();
std::vector<model::OperationSpec> attachment_operations();
std::vector<model::OperationSpec> account_operations();
std::vector<model::OperationSpec> scram_operations();
std::vector<model::OperationSpec> key_operations();

void declare_people(const AccessParts& parts, model::OperationTable& table);
void declare_totp(const AccessParts& parts, model::OperationTable& table);
void declare_roles(const AccessParts& parts, model::OperationTable& table);
void declare_authorities(const AccessParts& parts, model::OperationTable& table);
void declare_certificates(const AccessParts& parts, model::OperationTable& table);
void declare_attachments(const AccessParts& parts, model::OperationTable& table);
void declare_policies(const AccessParts& parts, model::OperationTable& table);
void declare_accounts(const AccessParts& parts, model::OperationTable& table);
void declare_scram(const AccessParts& parts, model::OperationTable& table);
void declare_keys(const AccessParts& parts, model::OperationTable& table);

}  // namespace dunlin::access
