#include <boost/json.hpp>

#include "model/json_fields.h"
#include "model/reply.h"
#include "service/registry/operations.h"
#include "service/registry/registry.h"

namespace dunlin::registry {
namespace {

using model::Field;
using model::FieldType;
using model::Need;

constexpr Field kName{"thing", FieldType::text, Need::required, "the thing's name"};
constexpr Field kReason{"reason", FieldType::text, Need::optional, "why, for the history and the audit log"};
constexpr Field kMoveRequest[] = {kName,
                                  {"stage", FieldType::text, Need::required,
                                   "provisioning, activation, operation, maintenance or decommission"},
                                  kReason};
constexpr Field kWithReason[] = {kName, kReason};
constexpr Field kOnlyName[] = {kName};
constexpr Field kLife[] = {
    {"thing", FieldType::text, Need::required, "the thing's name"},
    {"lifecycle", FieldType::text, Need::required, "the stage that it is in"},
    {"quarantine", FieldType::object, Need::optional, "the step that began it; absent: it is in none"},
    {"wiping", FieldType::boolean, Need::optional, "what it has left is being removed"},
    {"next", FieldType::array, Need::required, "the stages that it may be moved to"},
    {"events", FieldType::array, Need::required,
     "the last 32 steps, the newest last: at, by, event (moved, quarantined, released), from, to, reason"}};
constexpr Errc kStepErrors[] = {Errc::not_found, Errc::conflict, Errc::invalid_argument,
                                Errc::limit_exceeded};
constexpr Errc kReadErrors[] = {Errc::not_found};

constexpr model::OperationSpec kMove{"thing.move",
                                     model::Method::put,
                                     "/api/things/{thing}/lifecycle/{stage}",
                                     "Move a thing to another stage of its life; decommission is the last.",
                                     "things:write",
                                     kMoveRequest,
                                     kLife,
                                     kStepErrors,
                                     model::Audited::by_handler};
constexpr model::OperationSpec kHistory{"thing.history",
                                        model::Method::get,
                                        "/api/things/{thing}/lifecycle",
                                        "Show the stage of a thing's life and the steps that led there.",
                                        "things:read",
                                        kOnlyName,
                                        kLife,
                                        kReadErrors};
constexpr model::OperationSpec kQuarantine{"thing.quarantine",
                                           model::Method::put,
                                           "/api/things/{thing}/quarantine",
                                           "Put a thing in quarantine.",
                                           "things:write",
                                           kWithReason,
                                           kLife,
                                           kStepErrors,
                                           model::Audited::by_handler};
constexpr model::OperationSpec kRelease{"thing.release",
                                        model::Method::del,
                                        "/api/things/{thing}/quarantine",
                                        "Release a thing from quarantine.",
                                        "things:write",
                                        kWithReason,
                                        kLife,
                                        kStepErrors,
                                        model::Audited::by_handler};

boost::json::object life_json(const Thing& thing) {
  boost::json::object answer{{"thing", thing.name}};
  show_life(thing.life, answer);
  boost::json::array next;
  for (const std::string_view name : kLifecycleNames)
    if (may_move(thing.life.stage, *parse_lifecycle(name))) next.emplace_back(name);
  answer["next"] = std::move(next);
  boost::json::array events;
  for (const LifeEvent& event : thing.life.events) events.push_back(to_json(event));
  answer["events"] = std::move(events);
  return answer;
}

LifeRequest request_of(const model::Caller& caller, const boost::json::object& request,
                       LifeEvent::Kind kind) {
  return {.tenant = caller.principal->tenant,
          .thing = *model::optional_text(request, "thing"),
          .kind = kind,
          .to = Lifecycle::operation,
          .reason = model::optional_text(request, "reason").value_or(""),
          .actor = security::actor_of(*caller.principal, caller.address)};
}

}  // namespace

void Registry::declare_life(model::OperationTable& table) {
  table.add(kMove, [this](const model::Caller& caller, boost::json::object request, model::Reply reply) {
    const auto stage = parse_lifecycle(*model::optional_text(request, "stage"));
    if (!stage) {
      return reply(
          fail(Errc::invalid_argument,
               "\"stage\" must be provisioning, activation, operation, maintenance or decommission"));
    }
    LifeRequest wanted = request_of(caller, request, LifeEvent::Kind::moved);
    wanted.to = *stage;
    step(std::move(wanted), model::reply_with(std::move(reply), life_json));
  });
  table.add(kHistory, [this](const model::Caller& caller, boost::json::object request, model::Reply reply) {
    get(caller.principal->tenant, *model::optional_text(request, "thing"),
        model::reply_with(std::move(reply), life_json));
  });
  table.add(kQuarantine,
            [this](const model::Caller& caller, boost::json::object request, model::Reply reply) {
              step(request_of(caller, request, LifeEvent::Kind::quarantined),
                   model::reply_with(std::move(reply), life_json));
            });
  table.add(kRelease, [this](const model::Caller& caller, boost::json::object request, model::Reply reply) {
    step(request_of(caller, request, LifeEvent::Kind::released),
         model::reply_with(std::move(reply), life_json));
  });
}

std::vector<model::OperationSpec> life_operations() {
  return {kMove, kHistory, kQuarantine, kRelease};
}

}  // namespace dunlin::registry
