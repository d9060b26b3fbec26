#include <boost/json.hpp>

#include "model/json_fields.h"
#include "service/access/render.h"

namespace dunlin::access {
namespace {

using model::Field;
using model::FieldType;
using model::Need;

constexpr Field kOnlyPolicy[] = {{"policy", FieldType::text, Need::required, "the policy's name"}};
constexpr Field kPutRequest[] = {
    {"policy", FieldType::text, Need::required, "the policy's name"},
    {"document", FieldType::object, Need::required, "{\"statements\": [..]}"},
    {"version", FieldType::integer, Need::optional, "refuse unless this is the present version"}};
constexpr Field kPolicy[] = {{"name", FieldType::text, Need::required, "name"},
                             {"version", FieldType::integer, Need::required, "rises with each change"},
                             {"document", FieldType::object, Need::required, "the statements"}};
constexpr Field kListResponse[] = {{"policies", FieldType::array, Need::required, "sorted by name"}};
constexpr Errc kPutErrors[] = {Errc::invalid_argument, Errc::malformed, Errc::limit_exceeded, Errc::conflict};
constexpr Errc kGetErrors[] = {Errc::not_found};

constexpr model::OperationSpec kList{"policy.list",   model::Method::get,
                                     "/api/policies", "List policies.",
                                     "policies:read", {},
                                     kListResponse,   {}};
constexpr model::OperationSpec kPut{"policy.put",
                                    model::Method::put,
                                    "/api/policies/{policy}",
                                    "Make or replace a policy.",
                                    "policies:write",
                                    kPutRequest,
                                    kPolicy,
                                    kPutErrors,
                                    model::Audited::by_handler};
constexpr model::OperationSpec kGet{"policy.get",     model::Method::get, "/api/policies/{policy}",
                                    "Show a policy.", "policies:read",    kOnlyPolicy,
                                    kPolicy,          kGetErrors};
constexpr model::OperationSpec kDelete{"policy.delete",
                                       model::Method::del,
                                       "/api/policies/{policy}",
                                       "Remove a policy.",
                                       "policies:write",
                                       kOnlyPolicy,
                                       {},
                                       kGetErrors,
                                       model::Audited::by_handler};

}  // namespace

void declare_policies(const AccessParts& parts, model::OperationTable& table) {
  table.add(kList, [parts](const model::Caller&, boost::json::object, model::Reply reply) {
    parts.policies.list(parts.executor, model::reply_list(std::move(reply), "policies", Form()));
  });
  table.add(kPut, [parts](const model::Caller& caller, boost::json::object request, model::Reply reply) {
    security::StoredPolicy policy{*model::optional_text(request, "policy"),
                                  boost::json::serialize(request.at("document")), 0};
    std::optional<std::uint64_t> expected;
    if (const auto version = model::optional_integer(request, "version"))
      expected = static_cast<std::uint64_t>(*version);
    parts.policies.put(parts.executor, actor_of(caller), std::move(policy), expected,
                       model::reply_with(std::move(reply), Form()));
  });
  table.add(kGet, [parts](const model::Caller&, boost::json::object request, model::Reply reply) {
    parts.policies.get(parts.executor, *model::optional_text(request, "policy"),
                       model::reply_with(std::move(reply), Form()));
  });
  table.add(kDelete, [parts](const model::Caller& caller, boost::json::object request, model::Reply reply) {
    parts.policies.remove(parts.executor, actor_of(caller), *model::optional_text(request, "policy"),
                          model::reply_nothing(std::move(reply)));
  });
}

std::vector<model::OperationSpec> policy_operations() {
  return {kList, kPut, kGet, kDelete};
}

}  // namespace dunlin::access
