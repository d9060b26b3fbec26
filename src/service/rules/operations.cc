#include "service/rules/operations.h"

#include <boost/json.hpp>
#include <functional>

#include "model/json_fields.h"
#include "model/keys.h"
#include "model/reply.h"
#include "security/audit.h"
#include "service/rules/rules_service.h"

namespace dunlin::rules {
namespace {

using model::Field;
using model::FieldType;
using model::Need;

constexpr Field kListResponse[] = {{"rules", FieldType::array, Need::required, "rules, sorted by name"}};
constexpr Field kOnlyRule[] = {{"rule", FieldType::text, Need::required, "the rule's name"}};
constexpr Field kPutRequest[] = {
    {"rule", FieldType::text, Need::required, "the rule's name"},
    {"sql", FieldType::text, Need::required, "SELECT .. FROM 'topic filter' WHERE .."},
    {"description", FieldType::text, Need::optional, "what it is for"},
    {"enabled", FieldType::boolean, Need::optional, "true unless said otherwise"},
    {"actions", FieldType::array, Need::required, "republish and alarm actions"}};
constexpr Field kRule[] = {{"name", FieldType::text, Need::required, "name"},
                           {"sql", FieldType::text, Need::required, "the statement"},
                           {"description", FieldType::text, Need::required, "what it is for"},
                           {"enabled", FieldType::boolean, Need::required, "whether it runs"},
                           {"actions", FieldType::array, Need::required, "what it does"},
                           {"version", FieldType::integer, Need::required, "rises with each change"}};
constexpr Errc kPutErrors[] = {Errc::invalid_argument, Errc::malformed, Errc::limit_exceeded};
constexpr Errc kGetErrors[] = {Errc::not_found};

constexpr model::OperationSpec kList{
    "rule.list", model::Method::get, "/api/rules", "List rules.", "rules:read", {}, kListResponse, {}};
constexpr model::OperationSpec kPut{"rule.put",
                                    model::Method::put,
                                    "/api/rules/{rule}",
                                    "Make or replace a rule.",
                                    "rules:write",
                                    kPutRequest,
                                    kRule,
                                    kPutErrors,
                                    model::Audited::by_handler};
constexpr model::OperationSpec kGet{"rule.get",     model::Method::get, "/api/rules/{rule}",
                                    "Show a rule.", "rules:read",       kOnlyRule,
                                    kRule,          kGetErrors};
constexpr model::OperationSpec kDelete{"rule.delete",
                                       model::Method::del,
                                       "/api/rules/{rule}",
                                       "Remove a rule.",
                                       "rules:write",
                                       kOnlyRule,
                                       {},
                                       kGetErrors,
                                       model::Audited::by_handler};

RulesService::RuleDone reply_rule(model::Reply reply) {
  return model::reply_with(std::move(reply), std::identity());
}

std::vector<store::Change> audit(WallTime now, const model::Caller& caller, std::string_view action,
                                 std::string_view rule) {
  std::vector<store::Change> changes;
  changes.push_back(security::audit_of(*caller.principal, caller.address, now, action, rule));
  return changes;
}

}  // namespace

void RulesService::declare(model::OperationTable& table) {
  table.add(kList, [this](const model::Caller& caller, boost::json::object, model::Reply reply) {
    boost::json::array rows;
    const std::string prefix = model::big_endian_32(caller.principal->tenant.value);
    for (const auto& [key, rule] : rules_) {
      if (key.starts_with(prefix)) rows.push_back(to_json(rule));
    }
    reply(boost::json::value{{"rules", std::move(rows)}});
  });
  table.add(kPut, [this](const model::Caller& caller, boost::json::object request, model::Reply reply) {
    const std::string name = *model::optional_text(request, "rule");
    request["name"] = name;
    request.erase("rule");
    put(caller.principal->tenant, request, reply_rule(std::move(reply)),
        audit(environment_.executor.wall_now(), caller, kPut.name, name));
  });
  table.add(kGet, [this](const model::Caller& caller, boost::json::object request, model::Reply reply) {
    const std::string name = *model::optional_text(request, "rule");
    const auto found = rules_.find(model::tenant_key(caller.principal->tenant, name));
    if (found == rules_.end()) return reply(fail(Errc::not_found, "there is no rule named \"" + name + "\""));
    reply(boost::json::value(to_json(found->second)));
  });
  table.add(kDelete, [this](const model::Caller& caller, boost::json::object request, model::Reply reply) {
    const std::string name = *model::optional_text(request, "rule");
    remove(caller.principal->tenant, name, reply_rule(std::move(reply)),
           audit(environment_.executor.wall_now(), caller, kDelete.name, name));
  });
}

std::vector<model::OperationSpec> operations() {
  return {kList, kPut, kGet, kDelete};
}

}  // namespace dunlin::rules
