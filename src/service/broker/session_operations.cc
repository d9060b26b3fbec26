#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "hub/topic.h"
#include "model/json_fields.h"
#include "service/broker/render.h"

namespace dunlin::broker {
namespace {

using model::Field;
using model::FieldType;
using model::Need;

constexpr Field kAfter = {"after", FieldType::text, Need::optional,
                          "page: what an earlier answer called next"};
constexpr Field kLimit = {"limit", FieldType::integer, Need::optional, "at most this many, 1 to 1000 (100)"};
constexpr Field kNext = {"next", FieldType::text, Need::optional,
                         "where the next page begins; absent: no more"};
constexpr Field kMatched = {"matched", FieldType::integer, Need::required,
                            "how many there are, from here on"};

constexpr Field kListRequest[] = {
    {"prefix", FieldType::text, Need::optional, "client ids that begin with this"},
    {"contains", FieldType::text, Need::optional, "client ids with this in them"},
    {"thing", FieldType::text, Need::optional, "of this thing or user"},
    {"address", FieldType::text, Need::optional, "with this in the peer's address"},
    {"topic", FieldType::text, Need::optional, "with a subscription that matches this topic"},
    {"state", FieldType::text, Need::optional, "slow, online (slow ones are, too) or offline"},
    {"order", FieldType::text, Need::optional,
     "client_id, state (slow first) or queued (most first) (client_id)"},
    kAfter,
    kLimit};
constexpr Field kListResponse[] = {
    {"sessions", FieldType::array, Need::required, "client_id, thing, state, since, queued ..."},
    kMatched,
    kNext};
constexpr Field kOnlyClient[] = {{"client_id", FieldType::text, Need::required, "the client id"}};
constexpr Field kSession[] = {
    {"client_id", FieldType::text, Need::required, "the client id"},
    {"thing", FieldType::text, Need::required, "whose session it is"},
    {"state", FieldType::text, Need::required, "slow, online or offline"},
    {"since", FieldType::text, Need::required, "connected, or away; RFC 3339"},
    {"slow_reason", FieldType::text, Need::required, "why it is slow, or empty"},
    {"slow_seconds", FieldType::number, Need::optional, "how long its oldest message has waited"},
    {"queued", FieldType::integer, Need::required, "QoS 1 and 2 messages that wait"},
    {"queued_bytes", FieldType::integer, Need::required, "their bytes"},
    {"queued_on_disk", FieldType::integer, Need::required, "of these: on the disk only"},
    {"queued_on_disk_bytes", FieldType::integer, Need::required, "their bytes"},
    {"queued_qos0", FieldType::integer, Need::required, "QoS 0 messages that wait"},
    {"queued_qos0_bytes", FieldType::integer, Need::required, "their bytes"},
    {"back_pressure", FieldType::object, Need::required,
     "state (none, holding or refusing) and since when; what happens past which messages and bytes: qos0, "
     "hold (its publishers), refuse (them)"},
    {"in_flight_out", FieldType::integer, Need::required, "sent to it, not acknowledged wholly"},
    {"holds", FieldType::integer, Need::required, "publishers that it holds back"},
    {"refuses", FieldType::boolean, Need::required, "whether its queue is full and publishers are refused"},
    {"held_by", FieldType::integer, Need::required, "receivers that hold it back as a publisher"},
    {"held_since", FieldType::text, Need::optional, "since when; absent: it is not held"},
    {"rests_until", FieldType::text, Need::optional, "it published too fast: not read until then; RFC 3339"},
    {"rests", FieldType::integer, Need::required, "times that it was not read for a while for that"},
    {"publishes_refused", FieldType::integer, Need::required, "for its rate, or for want of memory"},
    {"dropped_by_reason", FieldType::object, Need::required, "messages that never reached it"},
    {"recent_drops", FieldType::array, Need::required, "the newest last: at, reason, topic, count"},
    {"subscription_list", FieldType::array, Need::required, "the first 1000: filter, qos ..."}};
constexpr Field kEndRequest[] = {{"client_id", FieldType::text, Need::required, "the client id"},
                                 {"forget", FieldType::boolean, Need::optional,
                                  "also remove its subscriptions and waiting messages (false)"},
                                 {"reason", FieldType::text, Need::optional,
                                  "told to an MQTT 5 client (an operator ended the connection)"}};
constexpr Field kEnded[] = {{"client_id", FieldType::text, Need::required, "the client id"},
                            {"was", FieldType::text, Need::required, "slow, online or offline"},
                            {"forgotten", FieldType::boolean, Need::required, "whether its state is gone"}};
constexpr Field kSubscriptionRequest[] = {
    {"topic", FieldType::text, Need::optional, "who would get a message with this topic"},
    {"client_id", FieldType::text, Need::optional, "of this client"},
    {"filter", FieldType::text, Need::optional, "exactly this filter"},
    kAfter,
    kLimit};
constexpr Field kSubscriptionResponse[] = {
    {"subscriptions", FieldType::array, Need::required, "client_id, filter, qos, options; by client id"},
    kMatched,
    kNext};
constexpr Errc kListErrors[] = {Errc::invalid_argument};
constexpr Errc kShowErrors[] = {Errc::not_found};
constexpr Errc kEndErrors[] = {Errc::not_found, Errc::conflict, Errc::invalid_argument};

constexpr model::OperationSpec kList{
    "session.list",  model::Method::get,
    "/api/sessions", "List sessions: who is connected, who is slow, what waits for whom.",
    "sessions:read", kListRequest,
    kListResponse,   kListErrors};
constexpr model::OperationSpec kShow{"session.show",
                                     model::Method::get,
                                     "/api/sessions/{client_id}",
                                     "Show a session with its subscriptions and what it has lost.",
                                     "sessions:read",
                                     kOnlyClient,
                                     kSession,
                                     kShowErrors};
constexpr model::OperationSpec kEnd{"session.end",
                                    model::Method::del,
                                    "/api/sessions/{client_id}",
                                    "Disconnect a client, and forget its session where that is asked for.",
                                    "sessions:write",
                                    kEndRequest,
                                    kEnded,
                                    kEndErrors};
constexpr model::OperationSpec kSubscriptions{
    "subscription.list",   model::Method::get,
    "/api/subscriptions",  "List subscriptions, or who would get a topic.",
    "sessions:read",       kSubscriptionRequest,
    kSubscriptionResponse, kListErrors};

constexpr std::size_t kMaxReasonBytes = 256;

/// The index of a word in a list. Errors: invalid_argument.
template <std::size_t N>
Result<std::size_t> one_of(std::string_view field, const std::string& word,
                           const std::array<std::string_view, N>& words) {
  std::string all;
  for (std::size_t i = 0; i < N; ++i) {
    if (word == words[i]) return i;
    all += (i == 0 ? "" : i + 1 == N ? " or " : ", ") + std::string(words[i]);
  }
  return fail(Errc::invalid_argument, "\"" + std::string(field) + "\" must be " + all);
}

Result<std::string> topic_field(const boost::json::object& request) {
  const auto topic = model::optional_text(request, "topic");
  if (!topic) return std::string();
  DUNLIN_CHECK(hub::check_topic(*topic));
  return *topic;
}

Result<hub::SessionQuery> read_query(const model::Caller& caller, const boost::json::object& request) {
  hub::SessionQuery query;
  query.tenant = caller.principal->tenant;
  query.prefix = model::optional_text(request, "prefix").value_or("");
  query.contains = model::optional_text(request, "contains").value_or("");
  query.thing = model::optional_text(request, "thing").value_or("");
  query.address = model::optional_text(request, "address").value_or("");
  DUNLIN_TRY(query.topic, topic_field(request));
  if (const auto state = model::optional_text(request, "state")) {
    constexpr std::array<std::string_view, 3> kStates{"slow", "online", "offline"};
    constexpr std::array kStateFilters{hub::SessionQuery::State::slow, hub::SessionQuery::State::online,
                                       hub::SessionQuery::State::offline};
    DUNLIN_TRY(const std::size_t index, one_of("state", *state, kStates));
    query.state = kStateFilters[index];
  }
  if (const auto order = model::optional_text(request, "order")) {
    constexpr std::array<std::string_view, 3> kOrders{"client_id", "state", "queued"};
    DUNLIN_TRY(const std::size_t index, one_of("order", *order, kOrders));
    query.order = static_cast<hub::SessionQuery::Order>(index);
  }
  DUNLIN_TRY(query.after, from_cursor(request));
  DUNLIN_TRY(query.limit, model::limit_field(request));
  return query;
}

void list_sessions(const BrokerParts& parts, const model::Caller& caller, const boost::json::object& request,
                   model::Reply reply) {
  auto query = read_query(caller, request);
  if (!query) return reply(std::unexpected(query.error()));
  hub::HubView(parts.hub).sessions(
      parts.executor, *std::move(query),
      [&executor = parts.executor, reply = std::move(reply)](const hub::SessionPage& page) mutable {
        boost::json::array rows;
        for (const auto& one : page.sessions) rows.push_back(to_row(one, executor.wall_now()));
        boost::json::object answer{{"sessions", std::move(rows)}, {"matched", page.matched}};
        if (!page.next.empty()) answer["next"] = to_cursor(page.next);
        reply(boost::json::value(std::move(answer)));
      });
}

void show_session(const BrokerParts& parts, const model::Caller& caller, std::string client_id,
                  model::Reply reply) {
  const TenantId tenant = caller.principal->tenant;
  hub::HubView(parts.hub).session(
      parts.executor, tenant, client_id,
      [&parts, tenant, client_id,
       reply = std::move(reply)](const std::optional<hub::SessionView>& view) mutable {
        if (!view) return reply(fail(Errc::not_found, "there is no session \"" + client_id + "\""));
        boost::json::object answer = to_json(*view, parts.executor.wall_now());
        answer["back_pressure"] = back_pressure(*view, parts.limits);
        hub::SubscriptionQuery query;
        query.tenant = tenant;
        query.client_id = client_id;
        query.limit = kMaxSubscriptionsShown;
        hub::HubView(parts.hub).subscriptions(parts.executor, query,
                                              [answer = std::move(answer), reply = std::move(reply)](
                                                  const hub::SubscriptionPage& page) mutable {
                                                boost::json::array rows;
                                                for (const auto& one : page.subscriptions)
                                                  rows.push_back(to_json(one));
                                                answer["subscription_list"] = std::move(rows);
                                                reply(boost::json::value(std::move(answer)));
                                              });
      });
}

void end_session(const BrokerParts& parts, const model::Caller& caller, const boost::json::object& request,
                 model::Reply reply) {
  const std::string client_id = *model::optional_text(request, "client_id");
  const std::string reason =
      model::optional_text(request, "reason").value_or("an operator ended the connection");
  if (reason.size() > kMaxReasonBytes) {
    return reply(fail(Errc::invalid_argument,
                      "\"reason\" must have at most " + std::to_string(kMaxReasonBytes) + " bytes"));
  }
  const bool forget = model::optional_boolean(request, "forget").value_or(false);
  const auto state = forget ? hub::HubView::State::forget : hub::HubView::State::keep;
  hub::HubView(parts.hub).end(
      parts.executor, caller.principal->tenant, client_id, state, reason,
      [client_id, forget, reply = std::move(reply)](Result<hub::SessionCondition> was) mutable {
        if (!was) return reply(std::unexpected(std::move(was).error()));
        reply(boost::json::value{
            {"client_id", client_id}, {"was", hub::session_condition_name(*was)}, {"forgotten", forget}});
      });
}

void list_subscriptions(const BrokerParts& parts, const model::Caller& caller,
                        const boost::json::object& request, model::Reply reply) {
  hub::SubscriptionQuery query;
  query.tenant = caller.principal->tenant;
  query.client_id = model::optional_text(request, "client_id").value_or("");
  query.filter = model::optional_text(request, "filter").value_or("");
  auto topic = topic_field(request);
  auto after = from_cursor(request);
  const auto limit = model::limit_field(request);
  if (!topic) return reply(std::unexpected(topic.error()));
  if (!after) return reply(std::unexpected(after.error()));
  if (!limit) return reply(std::unexpected(limit.error()));
  query.topic = *std::move(topic);
  query.after = *std::move(after);
  query.limit = *limit;
  hub::HubView(parts.hub).subscriptions(
      parts.executor, std::move(query),
      [reply = std::move(reply)](const hub::SubscriptionPage& page) mutable {
        boost::json::array rows;
        for (const auto& one : page.subscriptions) rows.push_back(to_json(one));
        boost::json::object answer{{"subscriptions", std::move(rows)}, {"matched", page.matched}};
        if (!page.next.empty()) answer["next"] = to_cursor(page.next);
        reply(boost::json::value(std::move(answer)));
      });
}

}  // namespace

void declare_sessions(const BrokerParts& given, model::OperationTable& table) {
  const auto parts = std::make_shared<const BrokerParts>(given);  // shared: by the handlers
  table.add(kList, [parts](const model::Caller& caller, const boost::json::object& request,
                           model::Reply reply) { list_sessions(*parts, caller, request, std::move(reply)); });
  table.add(kShow,
            [parts](const model::Caller& caller, const boost::json::object& request, model::Reply reply) {
              show_session(*parts, caller, *model::optional_text(request, "client_id"), std::move(reply));
            });
  table.add(kEnd, [parts](const model::Caller& caller, const boost::json::object& request,
                          model::Reply reply) { end_session(*parts, caller, request, std::move(reply)); });
  table.add(kSubscriptions,
            [parts](const model::Caller& caller, const boost::json::object& request, model::Reply reply) {
              list_subscriptions(*parts, caller, request, std::move(reply));
            });
}

std::vector<model::OperationSpec> session_operations() {
  return {kList, kShow, kEnd, kSubscriptions};
}

}  // namespace dunlin::broker
