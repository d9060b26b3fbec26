#include <algorithm>
#include <array>
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
constexpr Errc kDeleteErrors[] = {Errc::not_found, Errc::conflict, Errc::unavailable};

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
                                       "Remove a policy that is attached to nothing.",
                                       "policies:write",
                                       kOnlyPolicy,
                                       {},
                                       kDeleteErrors,
                                       model::Audited::by_handler};
constexpr Field kTestRequest[] = {
    {"thing", FieldType::text, Need::optional, "whose question it is; this or user"},
    {"user", FieldType::text, Need::optional, "whose question it is; this or thing"},
    {"action", FieldType::text, Need::required, "connect, publish, subscribe or receive"},
    {"on", FieldType::text, Need::required, "the topic, filter or client id"},
    {"policy", FieldType::text, Need::optional, "name of a draft, judged as if it were attached"},
    {"document", FieldType::object, Need::optional, "the draft"}};
constexpr Field kVerdict[] = {
    {"allowed", FieldType::boolean, Need::required, "what the server would say"},
    {"explanation", FieldType::text, Need::required, "why, in words"},
    {"policy", FieldType::text, Need::optional, "that decides; absent: none speaks of it"},
    {"from", FieldType::text, Need::optional,
     "what that policy is attached to; absent: thing or user names it"},
    {"statement", FieldType::integer, Need::optional, "of that policy, from 0"},
    {"text", FieldType::object, Need::optional, "that statement"}};
constexpr Errc kTestErrors[] = {Errc::not_found, Errc::invalid_argument, Errc::malformed,
                                Errc::limit_exceeded};
constexpr model::OperationSpec kTest{
    "policy.test",
    model::Method::post,
    "/api/policy-test",
    "Say what the policies allow, and by which statement; nothing is changed.",
    "policies:read",
    kTestRequest,
    kVerdict,
    kTestErrors,
    model::Audited::not_at_all};

/// Errors: invalid_argument.
Result<security::PolicyQuestion> question_of(const boost::json::object& request) {
  using security::Action;
  security::PolicyQuestion question;
  const auto thing = model::optional_text(request, "thing");
  const auto user = model::optional_text(request, "user");
  if (thing.has_value() == user.has_value())
    return fail(Errc::invalid_argument, "name either a \"thing\" or a \"user\"");
  question.whose = thing ? security::PolicyQuestion::Whose::thing : security::PolicyQuestion::Whose::user;
  question.name = thing ? *thing : *user;
  const std::string wanted = *model::optional_text(request, "action");
  constexpr std::array kActions{Action::connect, Action::publish, Action::subscribe, Action::receive};
  const auto* action = std::ranges::find(kActions, wanted, security::action_name);
  if (action == kActions.end())
    return fail(Errc::invalid_argument, "\"action\" must be connect, publish, subscribe or receive");
  question.action = *action;
  question.on = *model::optional_text(request, "on");
  const auto* document = request.if_contains("document");
  const auto policy = model::optional_text(request, "policy");
  if (policy.has_value() != (document != nullptr))
    return fail(Errc::invalid_argument, "a draft has both a \"policy\" and a \"document\"");
  if (policy) question.draft = {*policy, boost::json::serialize(*document), 0};
  return question;
}

boost::json::object verdict_of(const security::PolicyAnswer& answer) {
  boost::json::object verdict{{"allowed", answer.allowed}, {"explanation", answer.explanation}};
  if (answer.policy.empty()) return verdict;
  verdict["policy"] = answer.policy;
  if (!answer.from.empty()) verdict["from"] = answer.from;
  verdict["statement"] = answer.statement;
  boost::system::error_code error;
  const auto document = boost::json::parse(answer.json, error);
  const auto* place =
      error ? nullptr : document.find_pointer("/statements/" + std::to_string(answer.statement), error);
  if (place != nullptr) verdict["text"] = *place;
  return verdict;
}

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
    parts.attachments.remove_policy(actor_of(caller), *model::optional_text(request, "policy"),
                                    model::reply_nothing(std::move(reply)));
  });
  table.add(kTest, [parts](const model::Caller&, boost::json::object request, model::Reply reply) {
    auto question = question_of(request);
    if (!question) return reply(std::unexpected(question.error()));
    parts.policy_trial.ask(parts.executor, *std::move(question),
                           model::reply_with(std::move(reply), verdict_of));
  });
}

std::vector<model::OperationSpec> policy_operations() {
  return {kList, kPut, kGet, kDelete, kTest};
}

}  // namespace dunlin::access
