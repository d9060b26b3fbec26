#include <boost/json.hpp>

#include "model/json_fields.h"
#include "model/reply.h"
#include "service/provision/render.h"

namespace dunlin::provision {
namespace {

constexpr std::array<Field, 1> kOnlyName = {
    {{"device", FieldType::text, Need::required, "the name under which it waits"}}};
constexpr std::array<Field, 2> kList = {
    {{"waiting", FieldType::array, Need::required, "sorted by name"},
     {"next", FieldType::text, Need::optional, "there is more: page behind this"}}};
constexpr std::array<Field, 4> kWaiting = {
    {{"name", FieldType::text, Need::required, "of the thing to be"},
     {"state", FieldType::text, Need::required, "waiting, approved or rejected"},
     {"grant", FieldType::text, Need::required, "by what it enrols"},
     {"key", FieldType::text, Need::required, "SHA-256 of its certificate, or of its public key"}}};
constexpr std::array<Field, 2> kCount = {
    {{"quota", FieldType::integer, Need::required,
      "most things that are there and have enrolled; 0: no limit"},
     {"enrolled", FieldType::integer, Need::required, "things that are there and have enrolled"}}};
constexpr std::array<Field, 1> kLimitRequest = {{kCount[0]}};
constexpr std::array<Errc, 1> kLimitErrors = {Errc::invalid_argument};

constexpr model::OperationSpec kListSpec{"enrolment.list",
                                         model::Method::get,
                                         "/api/enrolment/waiting",
                                         "List devices that wait for approval.",
                                         "enrolment:read",
                                         kPage,
                                         kList,
                                         {}};
constexpr model::OperationSpec kApprove{"enrolment.approve",
                                        model::Method::post,
                                        "/api/enrolment/waiting/{device}/approve",
                                        "Let a device in that waits: it becomes a thing when it asks next.",
                                        "enrolment:write",
                                        kOnlyName,
                                        kWaiting,
                                        kOnlyNotFound,
                                        model::Audited::by_handler};
constexpr model::OperationSpec kReject{"enrolment.reject",
                                       model::Method::post,
                                       "/api/enrolment/waiting/{device}/reject",
                                       "Turn a device away that waits.",
                                       "enrolment:write",
                                       kOnlyName,
                                       kWaiting,
                                       kOnlyNotFound,
                                       model::Audited::by_handler};
constexpr model::OperationSpec kForget{"enrolment.forget",
                                       model::Method::del,
                                       "/api/enrolment/waiting/{device}",
                                       "Take a device out of the queue, so that it may ask again.",
                                       "enrolment:write",
                                       kOnlyName,
                                       {},
                                       kOnlyNotFound,
                                       model::Audited::by_handler};
constexpr model::OperationSpec kQuota{
    "enrolment.quota",
    model::Method::get,
    "/api/enrolment/quota",
    "Show how many things are there that have enrolled, and how many may be.",
    "enrolment:read",
    {},
    kCount,
    {}};
constexpr model::OperationSpec kLimit{"enrolment.limit",
                                      model::Method::put,
                                      "/api/enrolment/quota",
                                      "Set how many devices may enrol.",
                                      "enrolment:write",
                                      kLimitRequest,
                                      kCount,
                                      kLimitErrors,
                                      model::Audited::by_handler};

void list(Grants& grants, const boost::json::object& request, model::Reply reply) {
  const auto limit = model::limit_field(request);
  if (!limit) return reply(std::unexpected(limit.error()));
  grants.list_waiting(model::optional_text(request, "after").value_or(""), *limit,
                      model::reply_with(std::move(reply), [limit = *limit](const auto& waiting) {
                        boost::json::object answer = model::list_of("waiting", waiting);
                        if (waiting.size() == limit) answer["next"] = waiting.back().name;
                        return answer;
                      }));
}

void set_limit(Grants& grants, const model::Caller& caller, const boost::json::object& request,
               model::Reply reply) {
  const auto quota = model::optional_integer(request, "quota");
  if (!quota || *quota < 0 || *quota > kMaxQuota)
    return reply(
        fail(Errc::invalid_argument, "\"quota\" must be between 0 and " + std::to_string(kMaxQuota)));
  grants.set_tenant_quota(security::actor_of(*caller.principal, caller.address), *quota,
                          model::reply_record(std::move(reply)));
}

model::OperationHandler decides(Grants& grants, Waiting::State state) {
  return [&grants, state](const model::Caller& caller, boost::json::object request, model::Reply reply) {
    grants.decide(security::actor_of(*caller.principal, caller.address),
                  *model::optional_text(request, "device"), state, model::reply_record(std::move(reply)));
  };
}

}  // namespace

void declare_queue(Grants& grants, model::OperationTable& table) {
  table.add(kListSpec, [&grants](const model::Caller&, boost::json::object request, model::Reply reply) {
    list(grants, request, std::move(reply));
  });
  table.add(kApprove, decides(grants, Waiting::State::approved));
  table.add(kReject, decides(grants, Waiting::State::rejected));
  table.add(kForget, [&grants](const model::Caller& caller, boost::json::object request, model::Reply reply) {
    grants.forget(security::actor_of(*caller.principal, caller.address),
                  *model::optional_text(request, "device"), model::reply_nothing(std::move(reply)));
  });
  table.add(kQuota, [&grants](const model::Caller&, boost::json::object, model::Reply reply) {
    grants.tenant_count(model::reply_record(std::move(reply)));
  });
  table.add(kLimit, [&grants](const model::Caller& caller, boost::json::object request, model::Reply reply) {
    set_limit(grants, caller, request, std::move(reply));
  });
}

std::vector<model::OperationSpec> queue_operations() {
  return {kListSpec, kApprove, kReject, kForget, kQuota, kLimit};
}

}  // namespace dunlin::provision
