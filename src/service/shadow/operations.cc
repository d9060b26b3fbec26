#include "service/shadow/operations.h"

#include <boost/json.hpp>
#include <functional>

#include "model/json_fields.h"
#include "model/reply.h"
#include "service/shadow/shadow_service.h"

namespace dunlin::shadow {
namespace {

using model::Field;
using model::FieldType;
using model::Need;

constexpr Field kThing{"thing", FieldType::text, Need::required, "the thing's name"};
constexpr Field kOnlyThing[] = {kThing};
constexpr Field kUpdateRequest[] = {
    kThing,
    {"state", FieldType::object, Need::required,
     "{\"desired\": {..}, \"reported\": {..}}; null deletes a key"},
    {"version", FieldType::integer, Need::optional, "refuse unless this is the present version"}};
constexpr Field kDocument[] = {
    {"state", FieldType::object, Need::required, "desired, reported and delta"},
    {"metadata", FieldType::object, Need::required, "the time of each leaf's last change, Unix seconds"},
    {"version", FieldType::integer, Need::required, "rises with each change"},
    {"timestamp", FieldType::integer, Need::required, "Unix seconds of the last change"}};
constexpr Errc kGetErrors[] = {Errc::not_found};
constexpr Errc kUpdateErrors[] = {Errc::conflict, Errc::malformed, Errc::limit_exceeded};

constexpr model::OperationSpec kGet{"shadow.get",
                                    model::Method::get,
                                    "/api/things/{thing}/shadow",
                                    "Show a thing's shadow.",
                                    "shadows:read",
                                    kOnlyThing,
                                    kDocument,
                                    kGetErrors};
constexpr model::OperationSpec kUpdate{"shadow.update",
                                       model::Method::patch,
                                       "/api/things/{thing}/shadow",
                                       "Change what is wanted of a thing (or what it reports).",
                                       "shadows:write",
                                       kUpdateRequest,
                                       kDocument,
                                       kUpdateErrors};
constexpr model::OperationSpec kDelete{"shadow.delete",
                                       model::Method::del,
                                       "/api/things/{thing}/shadow",
                                       "Delete a thing's shadow.",
                                       "shadows:write",
                                       kOnlyThing,
                                       kDocument,
                                       kGetErrors};

ShadowService::DocumentDone reply_document(model::Reply reply) {
  return model::reply_with(std::move(reply), std::mem_fn(&Document::to_json));
}

}  // namespace

void ShadowService::declare(model::OperationTable& table) {
  table.add(kGet, [this](const model::Caller& caller, boost::json::object request, model::Reply reply) {
    get(caller.principal->tenant, *model::optional_text(request, "thing"), reply_document(std::move(reply)));
  });
  table.add(kUpdate, [this](const model::Caller& caller, boost::json::object request, model::Reply reply) {
    const std::string thing = *model::optional_text(request, "thing");
    request.erase("thing");
    update(caller.principal->tenant, thing, boost::json::serialize(request),
           reply_document(std::move(reply)));
  });
  table.add(kDelete, [this](const model::Caller& caller, boost::json::object request, model::Reply reply) {
    remove(caller.principal->tenant, *model::optional_text(request, "thing"),
           reply_document(std::move(reply)));
  });
}

std::vector<model::OperationSpec> operations() {
  return {kGet, kUpdate, kDelete};
}

}  // namespace dunlin::shadow
