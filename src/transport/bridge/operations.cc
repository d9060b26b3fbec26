// The bridges' operations, for HTTP, the OpenAPI document and the command line.

#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "base/time_text.h"
#include "model/json_fields.h"
#include "model/reply.h"
#include "transport/bridge/bridges.h"

namespace dunlin::bridge {
namespace {

using model::Field;
using model::FieldType;
using model::Need;

constexpr Field kListResponse[] = {{"bridges", FieldType::array, Need::required, "bridges, sorted by name"}};
constexpr Field kOnlyBridge[] = {{"bridge", FieldType::text, Need::required, "the bridge's name"}};
constexpr Field kOptional[] = {
    {"version", FieldType::text, Need::optional, "auto (5, else 3.1.1), 5 or 3.1.1"},
    {"client_id", FieldType::text, Need::optional, "MQTT client id at the peer"},
    {"username", FieldType::text, Need::optional, "user name at the peer"},
    {"password_file", FieldType::text, Need::optional, "name of a file in the folder bridge-secrets"},
    {"ca_file", FieldType::text, Need::optional, "likewise: PEM of trusted authorities; else the system's"},
    {"certificate_file", FieldType::text, Need::optional, "likewise: PEM of this side's certificate"},
    {"key_file", FieldType::text, Need::optional, "likewise: PEM of its private key"},
    {"server_name", FieldType::text, Need::optional, "the name in the peer's certificate"},
    {"keep_alive", FieldType::number, Need::optional, "seconds"},
    {"clean_start", FieldType::boolean, Need::optional, "the peer forgets the session with every connection"},
    {"session_expiry", FieldType::number, Need::optional, "seconds"},
    {"connect_timeout", FieldType::number, Need::optional, "seconds"},
    {"least_backoff", FieldType::number, Need::optional, "seconds before the second attempt"},
    {"most_backoff", FieldType::number, Need::optional, "seconds between later attempts"},
    {"max_queue_bytes", FieldType::integer, Need::optional, "of the journal, kept back for this bridge"},
    {"full", FieldType::text, Need::optional, "past max_queue_bytes: drop_oldest or hold"},
    {"state_topic", FieldType::boolean, Need::optional, "1 or 0 at $SYS/broker/connection/NAME/state"},
    {"alarm_after", FieldType::number, Need::optional, "seconds down until an alarm; 0: none"}};
constexpr Field kAddOwn[] = {
    {"name", FieldType::text, Need::required, "letters, digits, dots, dashes, underscores"},
    {"address", FieldType::text, Need::required, "mqtt://host:1883, mqtts://, ws:// or wss://"},
    {"topics", FieldType::array, Need::required,
     "lines \"FILTER in|out|both [QOS [LOCAL_PREFIX [REMOTE_PREFIX]]] [retain=no] [replace=LOCAL:REMOTE]\""}};
constexpr Field kUpdateOwn[] = {
    {"bridge", FieldType::text, Need::required, "the bridge's name"},
    {"address", FieldType::text, Need::optional, "as in add"},
    {"topics", FieldType::array, Need::optional, "as in add; all lines, not only new ones"}};

template <std::size_t Own, std::size_t More>
constexpr std::array<Field, Own + More> joined(const Field (&own)[Own], const Field (&more)[More]) {
  std::array<Field, Own + More> all{};
  std::ranges::copy(own, all.begin());
  std::ranges::copy(more, all.begin() + Own);
  return all;
}
constexpr auto kAddRequest = joined(kAddOwn, kOptional);
constexpr auto kUpdateRequest = joined(kUpdateOwn, kOptional);
constexpr Field kBridge[] = {
    {"name", FieldType::text, Need::required, "name"},
    {"state", FieldType::text, Need::required, "connected, connecting, disconnected, starting or paused"},
    {"address", FieldType::text, Need::required, "the peer"},
    {"source", FieldType::text, Need::required, "configuration or api"},
    {"since", FieldType::text, Need::required, "when it was connected or lost; empty while paused"},
    {"version", FieldType::text, Need::required, "of MQTT, spoken or tried last"},
    {"last_error", FieldType::text, Need::required, "why it is not connected, or what the peer refuses"},
    {"connections", FieldType::integer, Need::required, "made so far"},
    {"out", FieldType::object, Need::required,
     "waiting_records, waiting_bytes, in_flight, acknowledged, refused, dropped, expired, stopped_loops"},
    {"in", FieldType::object, Need::required, "received, published, refused, stopped_loops"},
    {"settings", FieldType::object, Need::required, "as in add"}};
constexpr Field kTestResponse[] = {
    {"bridge", FieldType::text, Need::required, "name"},
    {"ok", FieldType::boolean, Need::required, "whether all went well"},
    {"steps", FieldType::array, Need::required, "step, ok and detail of each"}};
constexpr Errc kAddErrors[] = {Errc::invalid_argument, Errc::conflict, Errc::limit_exceeded};
constexpr Errc kUpdateErrors[] = {Errc::not_found, Errc::conflict, Errc::invalid_argument,
                                  Errc::limit_exceeded};
constexpr Errc kNotFound[] = {Errc::not_found};
constexpr Errc kRemoveErrors[] = {Errc::not_found, Errc::conflict};

constexpr model::OperationSpec kList{"bridge.list",  model::Method::get,
                                     "/api/bridges", "List bridges.",
                                     "bridges:read", {},
                                     kListResponse,  {}};
constexpr model::OperationSpec kShow{"bridge.show",    model::Method::get, "/api/bridges/{bridge}",
                                     "Show a bridge.", "bridges:read",     kOnlyBridge,
                                     kBridge,          kNotFound};
constexpr model::OperationSpec kAdd{"bridge.add",
                                    model::Method::post,
                                    "/api/bridges",
                                    "Make a bridge and start it.",
                                    "bridges:write",
                                    kAddRequest,
                                    kBridge,
                                    kAddErrors,
                                    model::Audited::by_handler};
constexpr model::OperationSpec kUpdate{
    "bridge.update",
    model::Method::patch,
    "/api/bridges/{bridge}",
    "Change settings of a bridge; it connects anew, what waits keeps its place.",
    "bridges:write",
    kUpdateRequest,
    kBridge,
    kUpdateErrors,
    model::Audited::by_handler};
constexpr model::OperationSpec kRemove{"bridge.remove",
                                       model::Method::del,
                                       "/api/bridges/{bridge}",
                                       "Remove a bridge and what waits for it.",
                                       "bridges:write",
                                       kOnlyBridge,
                                       {},
                                       kRemoveErrors,
                                       model::Audited::by_handler};
constexpr model::OperationSpec kPause{"bridge.pause",
                                      model::Method::post,
                                      "/api/bridges/{bridge}/pause",
                                      "Disconnect a bridge; what goes out waits.",
                                      "bridges:write",
                                      kOnlyBridge,
                                      kBridge,
                                      kNotFound,
                                      model::Audited::by_handler};
constexpr model::OperationSpec kResume{"bridge.resume",
                                       model::Method::post,
                                       "/api/bridges/{bridge}/resume",
                                       "Let a paused bridge go on.",
                                       "bridges:write",
                                       kOnlyBridge,
                                       kBridge,
                                       kNotFound,
                                       model::Audited::by_handler};
constexpr model::OperationSpec kTest{"bridge.test",
                                     model::Method::post,
                                     "/api/bridges/{bridge}/test",
                                     "Connect beside the running bridge and say how each step went.",
                                     "bridges:write",
                                     kOnlyBridge,
                                     kTestResponse,
                                     kNotFound,
                                     model::Audited::not_at_all};

security::Actor actor_of(const model::Caller& caller) {
  return security::actor_of(*caller.principal, caller.address);
}

boost::json::object out_json(const OutStatus& out) {
  return {{"waiting_records", out.waiting_records},
          {"waiting_bytes", out.waiting_bytes},
          {"in_flight", out.in_flight},
          {"acknowledged", out.acknowledged},
          {"refused", out.refused},
          {"dropped", out.dropped},
          {"expired", out.expired},
          {"stopped_loops", out.stopped_loops}};
}

boost::json::object in_json(const InStatus& in) {
  return {{"received", in.received},
          {"published", in.stored},
          {"refused", in.refused},
          {"stopped_loops", in.stopped_loops}};
}

}  // namespace

boost::json::object Bridges::describe(const Managed& managed) const {
  const Bridge* bridge = managed.bridge.get();
  boost::json::object row{{"name", managed.settings.name},
                          {"state", bridge == nullptr ? "paused" : state_name(bridge->state())},
                          {"address", managed.settings.address},
                          {"source", managed.source == Source::api ? "api" : "configuration"}};
  row["since"] = bridge == nullptr ? std::string{} : format_rfc3339(bridge->since());
  row["version"] = bridge == nullptr ? managed.settings.version : bridge->version();
  row["last_error"] = bridge == nullptr ? std::string{} : bridge->last_error();
  row["connections"] = bridge == nullptr ? std::uint64_t{0} : bridge->connections();
  row["out"] = out_json(bridge == nullptr ? OutStatus{} : bridge->out());
  row["in"] = in_json(bridge == nullptr ? InStatus{} : bridge->in());
  row["settings"] = to_json(managed.settings);
  return row;
}

void Bridges::declare(model::OperationTable& table) {
  const auto name_of = [](const boost::json::object& request) {
    return *model::optional_text(request, "bridge");
  };
  const auto answer = [](model::Reply reply) { return model::reply_with(std::move(reply), std::identity()); };
  table.add(kList, [this](const model::Caller&, boost::json::object, model::Reply reply) {
    boost::json::array rows;
    for (const auto& [name, managed] : bridges_) rows.push_back(describe(managed));
    reply(boost::json::value{{"bridges", std::move(rows)}});
  });
  table.add(kShow, [this, name_of](const model::Caller&, boost::json::object request, model::Reply reply) {
    const auto found = bridges_.find(name_of(request));
    if (found == bridges_.end())
      return reply(fail(Errc::not_found, "there is no bridge named \"" + name_of(request) + "\""));
    reply(boost::json::value(describe(found->second)));
  });
  table.add(kAdd,
            [this, answer](const model::Caller& caller, boost::json::object request, model::Reply reply) {
              add(request, actor_of(caller), answer(std::move(reply)));
            });
  table.add(kUpdate, [this, name_of, answer](const model::Caller& caller, boost::json::object request,
                                             model::Reply reply) {
    const std::string name = name_of(request);
    request.erase("bridge");
    update(name, request, actor_of(caller), answer(std::move(reply)));
  });
  table.add(kRemove, [this, name_of, answer](const model::Caller& caller, boost::json::object request,
                                             model::Reply reply) {
    remove(name_of(request), actor_of(caller), answer(std::move(reply)));
  });
  table.add(kPause, [this, name_of, answer](const model::Caller& caller, boost::json::object request,
                                            model::Reply reply) {
    change(name_of(request), Wish::pause, actor_of(caller), answer(std::move(reply)));
  });
  table.add(kResume, [this, name_of, answer](const model::Caller& caller, boost::json::object request,
                                             model::Reply reply) {
    change(name_of(request), Wish::resume, actor_of(caller), answer(std::move(reply)));
  });
  table.add(kTest,
            [this, name_of, answer](const model::Caller&, boost::json::object request, model::Reply reply) {
              test(name_of(request), answer(std::move(reply)));
            });
}

std::vector<model::OperationSpec> operations() {
  return {kList, kShow, kAdd, kUpdate, kRemove, kPause, kResume, kTest};
}

}  // namespace dunlin::bridge
