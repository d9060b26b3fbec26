#include "service/alarm/operations.h"

#include <boost/json.hpp>

#include "model/json_fields.h"
#include "model/reply.h"
#include "service/alarm/alarm_service.h"

namespace dunlin::alarm {
namespace {

using model::Field;
using model::FieldType;
using model::Need;

constexpr Field kListRequest[] = {
    {"state", FieldType::text, Need::optional, "active, acknowledged or cleared"},
    {"thing", FieldType::text, Need::optional, "only alarms of this thing"},
    {"limit", FieldType::integer, Need::optional, "at most this many, 1 to 1000 (100)"}};
constexpr Field kListResponse[] = {{"alarms", FieldType::array, Need::required, "alarms, the newest first"}};
constexpr Field kOnlyAlarm[] = {{"alarm", FieldType::text, Need::required, "the alarm's id"}};
constexpr Field kAlarm[] = {
    {"id", FieldType::text, Need::required, "id"},
    {"name", FieldType::text, Need::required, "what it is"},
    {"thing", FieldType::text, Need::required, "whose it is"},
    {"severity", FieldType::text, Need::required, "info, warning, minor, major or critical"},
    {"state", FieldType::text, Need::required, "active, acknowledged or cleared"},
    {"message", FieldType::text, Need::required, "what was found"},
    {"raised_at", FieldType::text, Need::required, "RFC 3339"}};
constexpr Errc kGetErrors[] = {Errc::not_found};
constexpr Errc kChangeErrors[] = {Errc::not_found, Errc::conflict};

constexpr model::OperationSpec kList{"alarm.list",  model::Method::get, "/api/alarms", "List alarms.",
                                     "alarms:read", kListRequest,       kListResponse, {}};
constexpr model::OperationSpec kGet{"alarm.get",      model::Method::get, "/api/alarms/{alarm}",
                                    "Show an alarm.", "alarms:read",      kOnlyAlarm,
                                    kAlarm,           kGetErrors};
constexpr model::OperationSpec kAcknowledge{"alarm.acknowledge",
                                            model::Method::post,
                                            "/api/alarms/{alarm}/acknowledge",
                                            "Say that somebody takes care.",
                                            "alarms:write",
                                            kOnlyAlarm,
                                            kAlarm,
                                            kChangeErrors};
constexpr model::OperationSpec kClear{"alarm.clear",
                                      model::Method::post,
                                      "/api/alarms/{alarm}/clear",
                                      "End an alarm by hand.",
                                      "alarms:write",
                                      kOnlyAlarm,
                                      kAlarm,
                                      kChangeErrors};

}  // namespace

void AlarmService::declare(model::OperationTable& table) {
  table.add(kList, [this](const model::Caller& caller, boost::json::object request, model::Reply reply) {
    ListQuery query;
    query.tenant = caller.principal->tenant;
    query.thing = model::optional_text(request, "thing").value_or("");
    if (const auto word = model::optional_text(request, "state")) {
      query.state = parse_state(*word);
      if (!query.state)
        return reply(fail(Errc::invalid_argument, "\"state\" must be active, acknowledged or cleared"));
    }
    const auto limit = model::limit_field(request);
    if (!limit) return reply(std::unexpected(limit.error()));
    query.limit = *limit;
    list(std::move(query), model::reply_list(std::move(reply), "alarms"));
  });
  table.add(kGet, [this](const model::Caller& caller, boost::json::object request, model::Reply reply) {
    get(caller.principal->tenant, *model::optional_text(request, "alarm"),
        model::reply_record(std::move(reply)));
  });
  table.add(kAcknowledge,
            [this](const model::Caller& caller, boost::json::object request, model::Reply reply) {
              acknowledge(caller.principal->tenant, *model::optional_text(request, "alarm"),
                          caller.principal->name, model::reply_record(std::move(reply)));
            });
  table.add(kClear, [this](const model::Caller& caller, boost::json::object request, model::Reply reply) {
    clear(caller.principal->tenant, *model::optional_text(request, "alarm"), caller.principal->name,
          model::reply_record(std::move(reply)));
  });
}

std::vector<model::OperationSpec> operations() {
  return {kList, kGet, kAcknowledge, kClear};
}

}  // namespace dunlin::alarm
