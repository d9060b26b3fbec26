#include <boost/json.hpp>

#include "base/time_text.h"
#include "model/json_fields.h"
#include "security/limits.h"
#include "service/access/render.h"

namespace dunlin::access {
namespace {

using model::Field;
using model::FieldType;
using model::Need;
using Owner = security::ScramRecord::Owner;

constexpr Field kUserRequest[] = {
    {"user", FieldType::text, Need::required, "the user's name"},
    {"password", FieldType::text, Need::optional,
     "12 characters of ASCII or more; without it one is made and shown this once"}};
constexpr Field kThingRequest[] = {
    {"thing", FieldType::text, Need::required, "the thing's name"},
    {"password", FieldType::text, Need::optional,
     "12 characters of ASCII or more; without it one is made and shown this once"}};
constexpr Field kSet[] = {{"id", FieldType::text, Need::required, "user:NAME or thing:NAME"},
                          {"method", FieldType::text, Need::required, "SCRAM-SHA-256"},
                          {"iterations", FieldType::integer, Need::required, "of the password's hash"},
                          {"password", FieldType::text, Need::optional, "where it was made here"}};
constexpr Field kPageRequest[] = {
    {"after", FieldType::text, Need::optional, "page: begin behind this id"},
    {"limit", FieldType::integer, Need::optional, "at most this many, 1 to 1000 (100)"}};
constexpr Field kList[] = {{"credentials", FieldType::array, Need::required, "sorted by id, without keys"}};
constexpr Field kOnlyId[] = {{"credential", FieldType::text, Need::required, "user:NAME or thing:NAME"}};
constexpr Errc kSetErrors[] = {Errc::not_found, Errc::invalid_argument,  Errc::already_exists,
                               Errc::conflict,  Errc::permission_denied, Errc::unavailable};
constexpr Errc kGetErrors[] = {Errc::not_found};

constexpr model::OperationSpec kSetUser{"user.scram",
                                        model::Method::post,
                                        "/api/users/{user}/scram",
                                        "Set the password with which a user connects by SCRAM-SHA-256.",
                                        "users:write",
                                        kUserRequest,
                                        kSet,
                                        kSetErrors,
                                        model::Audited::by_handler};
constexpr model::OperationSpec kSetThing{"thing.scram",
                                         model::Method::post,
                                         "/api/things/{thing}/scram",
                                         "Set the password with which a thing connects by SCRAM-SHA-256.",
                                         "things:write",
                                         kThingRequest,
                                         kSet,
                                         kSetErrors,
                                         model::Audited::by_handler};
constexpr model::OperationSpec kListAll{
    "scram.list", model::Method::get, "/api/scram", "List SCRAM credentials.",
    "users:read", kPageRequest,       kList,        {}};
constexpr model::OperationSpec kDelete{"scram.delete",
                                       model::Method::del,
                                       "/api/scram/{credential}",
                                       "Remove a SCRAM credential and end its owner's sessions.",
                                       "users:write",
                                       kOnlyId,
                                       {},
                                       kGetErrors,
                                       model::Audited::by_handler};

void set(const AccessParts& parts, const model::Caller& caller, const boost::json::object& request,
         Owner owner, model::Reply reply) {
  const std::string_view field = owner == Owner::user ? "user" : "thing";
  const std::string name = *model::optional_text(request, field);
  if (owner == Owner::thing) reply = credential_reply(parts, caller, name, std::move(reply));
  parts.scram.set(parts.executor, actor_of(caller), owner, name,
                  security::Secret(model::optional_text(request, "password").value_or("")),
                  model::reply_with(std::move(reply), [](const security::ScramCredentials::Set& made) {
                    boost::json::object answer = to_json(made.record);
                    if (!made.password.empty()) answer["password"] = made.password.view();
                    return answer;
                  }));
}

void remove(const AccessParts& parts, const model::Caller& caller, const boost::json::object& request,
            model::Reply reply) {
  parts.scram.remove(
      parts.executor, actor_of(caller), *model::optional_text(request, "credential"),
      [&bus = parts.bus, tenant = caller.principal->tenant, reply = std::move(reply)](auto removed) mutable {
        if (!removed) return reply(std::unexpected(removed.error()));
        bus.end_sessions(tenant, removed->name, "revoked");
        reply(boost::json::value(boost::json::object{}));
      });
}

}  // namespace

boost::json::object to_json(const security::ScramRecord& record) {
  return {{"id", security::scram_id(record.owner, record.name)},
          {"method", security::kScramMethod},
          {"iterations", record.iterations},
          {"created_at", format_rfc3339(from_unix_milliseconds(record.created_at))}};
}

void declare_scram(const AccessParts& parts, model::OperationTable& table) {
  table.add(kSetUser, [parts](const model::Caller& caller, boost::json::object request, model::Reply reply) {
    const std::string user = *model::optional_text(request, "user");
    may_manage(
        parts, caller, user,
        [parts, caller, request = std::move(request), reply = std::move(reply)](Result<void> may) mutable {
          if (!may) return reply(std::unexpected(may.error()));
          set(parts, caller, request, Owner::user, std::move(reply));
        });
  });
  table.add(kSetThing, [parts](const model::Caller& caller, boost::json::object request, model::Reply reply) {
    set(parts, caller, request, Owner::thing, std::move(reply));
  });
  table.add(kListAll, [parts](const model::Caller&, boost::json::object request, model::Reply reply) {
    const auto limit = model::limit_field(request);
    if (!limit) return reply(std::unexpected(limit.error()));
    parts.scram.list(parts.executor, model::optional_text(request, "after").value_or(""), *limit,
                     model::reply_list(std::move(reply), "credentials", Form()));
  });
  table.add(kDelete, [parts](const model::Caller& caller, boost::json::object request, model::Reply reply) {
    remove(parts, caller, request, std::move(reply));
  });
}

std::vector<model::OperationSpec> scram_operations() {
  return {kSetUser, kSetThing, kListAll, kDelete};
}

}  // namespace dunlin::access
