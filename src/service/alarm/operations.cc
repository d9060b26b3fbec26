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
    {"state", FieldType::text, Need::optional,
     "active, acknowledged, shelved, suppressed, cleared, or open: all but cleared"},
    {"severity", FieldType::text, Need::optional, "at least this: info, warning, minor, major or critical"},
    {"source", FieldType::text, Need::optional, "who found it: rule, monitor, service or device"},
    {"thing", FieldType::text, Need::optional, "only alarms of this thing"},
    {"name", FieldType::text, Need::optional, "only alarms of this name"},
    {"text", FieldType::text, Need::optional, "only alarms with this in the name, the thing or the message"},
    {"limit", FieldType::integer, Need::optional, "at most this many, 1 to 1000 (100)"}};
constexpr Field kListResponse[] = {{"alarms", FieldType::array, Need::required, "alarms, the newest first"}};
constexpr Field kOnlyAlarm[] = {{"alarm", FieldType::text, Need::required, "the alarm's id"}};
constexpr Field kWithReason[] = {{"alarm", FieldType::text, Need::required, "the alarm's id"},
                                 {"reason", FieldType::text, Need::optional, "for the history"}};
constexpr Field kShelveRequest[] = {
    {"alarm", FieldType::text, Need::required, "the alarm's id"},
    {"minutes", FieldType::integer, Need::required, "for how long, 1 to 43200 (30 days)"},
    {"reason", FieldType::text, Need::required, "why it calls for nobody"}};
constexpr Field kCommentRequest[] = {{"alarm", FieldType::text, Need::required, "the alarm's id"},
                                     {"text", FieldType::text, Need::required, "1 to 1024 bytes"}};
constexpr Field kLogResponse[] = {
    {"history", FieldType::array, Need::required,
     "what has happened to it, the oldest first: at, what, by, why; the first and the newest 63"},
    {"comments", FieldType::array, Need::required, "likewise; at most 32"}};
constexpr Field kAlarm[] = {
    {"id", FieldType::text, Need::required, "id"},
    {"name", FieldType::text, Need::required, "what it is"},
    {"thing", FieldType::text, Need::required, "whose it is"},
    {"source", FieldType::text, Need::required, "who found it: rule, monitor, service or device"},
    {"severity", FieldType::text, Need::required, "info, warning, minor, major or critical"},
    {"state", FieldType::text, Need::required, "active, acknowledged, shelved, suppressed or cleared"},
    {"message", FieldType::text, Need::required, "what was found"},
    {"raised_at", FieldType::text, Need::required, "RFC 3339"},
    {"shelved", FieldType::object, Need::optional, "until, at, by, reason; null: it is not"},
    {"suppressed", FieldType::object, Need::optional, "gateway, since; null: it is not"},
    {"flapping", FieldType::object, Need::optional, "since, changed_at, changes, present; null: it is not"},
    {"causes", FieldType::array, Need::required,
     "why it was raised, the first cause first: kind, name, by, at"}};
constexpr Errc kGetErrors[] = {Errc::not_found};
constexpr Errc kChangeErrors[] = {Errc::not_found, Errc::conflict, Errc::unavailable};
constexpr Errc kLimitedErrors[] = {Errc::not_found, Errc::conflict, Errc::limit_exceeded, Errc::unavailable};

constexpr model::OperationSpec kList{"alarm.list",  model::Method::get, "/api/alarms", "List alarms.",
                                     "alarms:read", kListRequest,       kListResponse, {}};
constexpr model::OperationSpec kGet{"alarm.get",      model::Method::get, "/api/alarms/{alarm}",
                                    "Show an alarm.", "alarms:read",      kOnlyAlarm,
                                    kAlarm,           kGetErrors};
constexpr model::OperationSpec kHistory{"alarm.history",
                                        model::Method::get,
                                        "/api/alarms/{alarm}/history",
                                        "Show what has happened to an alarm, and its comments.",
                                        "alarms:read",
                                        kOnlyAlarm,
                                        kLogResponse,
                                        kGetErrors};
constexpr model::OperationSpec kAcknowledge{"alarm.acknowledge",
                                            model::Method::post,
                                            "/api/alarms/{alarm}/acknowledge",
                                            "Say that somebody takes care.",
                                            "alarms:write",
                                            kWithReason,
                                            kAlarm,
                                            kChangeErrors};
constexpr model::OperationSpec kShelve{
    "alarm.shelve",
    model::Method::post,
    "/api/alarms/{alarm}/shelve",
    "Put an alarm aside for a time, also when it is raised again meanwhile.",
    "alarms:write",
    kShelveRequest,
    kAlarm,
    kLimitedErrors};
constexpr model::OperationSpec kUnshelve{"alarm.unshelve",
                                         model::Method::post,
                                         "/api/alarms/{alarm}/unshelve",
                                         "Bring a shelved alarm back before its time.",
                                         "alarms:write",
                                         kWithReason,
                                         kAlarm,
                                         kChangeErrors};
constexpr model::OperationSpec kComment{"alarm.comment",
                                        model::Method::post,
                                        "/api/alarms/{alarm}/comments",
                                        "Add a comment to an alarm.",
                                        "alarms:write",
                                        kCommentRequest,
                                        kAlarm,
                                        kLimitedErrors};
constexpr model::OperationSpec kClear{"alarm.clear",
                                      model::Method::post,
                                      "/api/alarms/{alarm}/clear",
                                      "End an alarm by hand.",
                                      "alarms:write",
                                      kWithReason,
                                      kAlarm,
                                      kChangeErrors};

Result<AlarmService::ListQuery> query_of(const model::Caller& caller, const boost::json::object& request) {
  AlarmService::ListQuery query;
  query.tenant = caller.principal->tenant;
  query.thing = model::optional_text(request, "thing").value_or("");
  query.name = model::optional_text(request, "name").value_or("");
  query.text = model::optional_text(request, "text").value_or("");
  const auto state = model::optional_text(request, "state");
  if (state == "open") {
    query.which = AlarmService::ListQuery::Which::open;
  } else if (state) {
    DUNLIN_TRY(query.state, parse_state(*state));
  }
  if (const auto word = model::optional_text(request, "severity")) {
    DUNLIN_TRY(query.least, parse_severity(*word));
  }
  if (const auto word = model::optional_text(request, "source")) {
    DUNLIN_TRY(query.source, parse_source(*word));
  }
  DUNLIN_TRY(query.limit, model::limit_field(request));
  return query;
}

/// Errors: invalid_argument. `words` is the field with what goes into the history.
Result<AlarmService::Deed> deed_of(const model::Caller& caller, const boost::json::object& request,
                                   std::string_view words) {
  AlarmService::Deed deed{caller.principal->tenant, *model::optional_text(request, "alarm"),
                          caller.principal->name, model::optional_text(request, words).value_or("")};
  if (deed.why.size() <= kMaxWhyBytes) return deed;
  return fail(Errc::invalid_argument, "\"" + std::string(words) + "\" may have 1024 bytes");
}

boost::json::object json_of(const AlarmService::Log& log) {
  boost::json::object answer = model::list_of("history", log.history);
  answer["comments"] = model::list_of("comments", log.comments)["comments"];
  return answer;
}

using Change = void (AlarmService::*)(AlarmService::Deed, AlarmService::AlarmDone);

/// A change that takes a reason.
model::OperationHandler with_reason(AlarmService& alarms, Change change) {
  return [&alarms, change](const model::Caller& caller, boost::json::object request, model::Reply reply) {
    auto deed = deed_of(caller, request, "reason");
    if (!deed) return reply(std::unexpected(deed.error()));
    (alarms.*change)(*std::move(deed), model::reply_record(std::move(reply)));
  };
}

void shelve(AlarmService& alarms, const model::Caller& caller, const boost::json::object& request,
            model::Reply reply) {
  auto deed = deed_of(caller, request, "reason");
  if (!deed) return reply(std::unexpected(deed.error()));
  if (deed->why.empty()) return reply(fail(Errc::invalid_argument, "\"reason\" must say why"));
  constexpr auto kMost = std::chrono::duration_cast<std::chrono::minutes>(kMaxShelfTime).count();
  const std::int64_t minutes = *model::optional_integer(request, "minutes");
  if (minutes < 1 || minutes > kMost)
    return reply(fail(Errc::invalid_argument, "\"minutes\" must be between 1 and " + std::to_string(kMost)));
  alarms.shelve(*std::move(deed), std::chrono::minutes{minutes}, model::reply_record(std::move(reply)));
}

void comment(AlarmService& alarms, const model::Caller& caller, const boost::json::object& request,
             model::Reply reply) {
  auto deed = deed_of(caller, request, "text");
  if (!deed) return reply(std::unexpected(deed.error()));
  if (deed->why.empty()) return reply(fail(Errc::invalid_argument, "\"text\" must say something"));
  alarms.comment(*std::move(deed), model::reply_record(std::move(reply)));
}

}  // namespace

void AlarmService::declare(model::OperationTable& table) {
  table.add(kList,
            [this](const model::Caller& caller, const boost::json::object& request, model::Reply reply) {
              auto query = query_of(caller, request);
              if (!query) return reply(std::unexpected(query.error()));
              list(*std::move(query), model::reply_list(std::move(reply), "alarms"));
            });
  table.add(kGet,
            [this](const model::Caller& caller, const boost::json::object& request, model::Reply reply) {
              get(caller.principal->tenant, *model::optional_text(request, "alarm"),
                  model::reply_record(std::move(reply)));
            });
  table.add(kHistory,
            [this](const model::Caller& caller, const boost::json::object& request, model::Reply reply) {
              log_of(caller.principal->tenant, *model::optional_text(request, "alarm"),
                     model::reply_with(std::move(reply), json_of));
            });
  table.add(kAcknowledge, with_reason(*this, &AlarmService::acknowledge));
  table.add(kUnshelve, with_reason(*this, &AlarmService::unshelve));
  table.add(kClear, with_reason(*this, &AlarmService::clear));
  table.add(kShelve, [this](const model::Caller& caller, const boost::json::object& request,
                            model::Reply reply) { alarm::shelve(*this, caller, request, std::move(reply)); });
  table.add(kComment,
            [this](const model::Caller& caller, const boost::json::object& request, model::Reply reply) {
              alarm::comment(*this, caller, request, std::move(reply));
            });
}

std::vector<model::OperationSpec> operations() {
  return {kList, kGet, kHistory, kAcknowledge, kShelve, kUnshelve, kComment, kClear};
}

}  // namespace dunlin::alarm
