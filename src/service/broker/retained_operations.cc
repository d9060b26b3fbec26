#include <boost/json.hpp>

#include "hub/retained_removal.h"
#include "hub/topic.h"
#include "model/json_fields.h"
#include "model/reply.h"
#include "service/broker/render.h"

namespace dunlin::broker {
namespace {

using model::Field;
using model::FieldType;
using model::Need;

constexpr Field kListRequest[] = {
    {"filter", FieldType::text, Need::optional, "topics that this filter matches (all)"},
    {"after", FieldType::text, Need::optional, "page: begin behind this topic"},
    {"limit", FieldType::integer, Need::optional, "at most this many, 1 to 1000 (100)"}};
constexpr Field kListResponse[] = {
    {"retained", FieldType::array, Need::required, "topic, bytes, qos, at, publisher, expires_at; by topic"},
    {"next", FieldType::text, Need::optional, "where the next page begins; absent: no more"}};
constexpr Field kGetRequest[] = {{"topic", FieldType::text, Need::required, "the topic"}};
constexpr Field kMessage[] = {
    {"topic", FieldType::text, Need::required, "the topic"},
    {"bytes", FieldType::integer, Need::required, "size of the payload"},
    {"qos", FieldType::integer, Need::required, "0, 1 or 2"},
    {"at", FieldType::text, Need::required, "when it was published, RFC 3339"},
    {"publisher", FieldType::text, Need::required, "who published it"},
    {"expires_at", FieldType::text, Need::optional, "RFC 3339"},
    {"payload", FieldType::text, Need::optional, "the payload, where it is text"},
    {"payload_base64", FieldType::text, Need::optional, "the payload, where it is not"}};
constexpr Field kRemoveRequest[] = {{"filter", FieldType::text, Need::required,
                                     "topics that this filter matches; one topic is a filter, too"}};
constexpr Field kRemoved[] = {
    {"removed", FieldType::integer, Need::required, "how many"},
    {"left", FieldType::boolean, Need::required, "whether there are more: call again"}};
constexpr Errc kListErrors[] = {Errc::invalid_argument, Errc::malformed};
constexpr Errc kGetErrors[] = {Errc::not_found, Errc::malformed};
constexpr Errc kRemoveErrors[] = {Errc::malformed, Errc::no_space, Errc::unavailable};

constexpr model::OperationSpec kList{
    "retained.list", model::Method::get, "/api/retained", "List retained messages, without their payloads.",
    "retained:read", kListRequest,       kListResponse,   kListErrors};
constexpr model::OperationSpec kGet{"retained.get",
                                    model::Method::get,
                                    "/api/retained/message",
                                    "Show the retained message of a topic.",
                                    "retained:read",
                                    kGetRequest,
                                    kMessage,
                                    kGetErrors};
constexpr model::OperationSpec kRemove{"retained.remove",
                                       model::Method::del,
                                       "/api/retained",
                                       "Remove retained messages; subscribers get an empty message for each.",
                                       "retained:write",
                                       kRemoveRequest,
                                       kRemoved,
                                       kRemoveErrors,
                                       model::Audited::by_table,
                                       "filter"};

void list_retained(const BrokerParts& parts, const model::Caller& caller, const boost::json::object& request,
                   model::Reply reply) {
  hub::RetainedQuery query;
  query.tenant = caller.principal->tenant;
  query.filter = model::optional_text(request, "filter").value_or("");
  query.after = model::optional_text(request, "after").value_or("");
  const auto limit = model::limit_field(request);
  if (!limit) return reply(std::unexpected(limit.error()));
  query.limit = *limit;
  if (!query.filter.empty()) {
    if (const auto valid = hub::check_filter(query.filter); !valid)
      return reply(std::unexpected(valid.error()));
  }
  hub::HubView(parts.hub).retained(parts.executor, std::move(query),
                                   [reply = std::move(reply)](const hub::RetainedPage& page) mutable {
                                     boost::json::array rows;
                                     for (const hub::Message& message : page.messages)
                                       rows.push_back(to_row(message));
                                     boost::json::object answer{{"retained", std::move(rows)}};
                                     if (!page.next.empty()) answer["next"] = page.next;
                                     reply(boost::json::value(std::move(answer)));
                                   });
}

void get_retained(const BrokerParts& parts, const model::Caller& caller, const boost::json::object& request,
                  model::Reply reply) {
  const std::string topic = *model::optional_text(request, "topic");
  if (const auto valid = hub::check_topic(topic); !valid) return reply(std::unexpected(valid.error()));
  parts.hub.retained(parts.executor, caller.principal->tenant, topic,
                     [topic, reply = std::move(reply)](const std::optional<hub::Message>& message) mutable {
                       if (!message)
                         return reply(fail(Errc::not_found, "nothing is retained for \"" + topic + "\""));
                       reply(boost::json::value(to_json(*message)));
                     });
}

}  // namespace

void declare_retained(const BrokerParts& given, model::OperationTable& table) {
  const auto parts = std::make_shared<const BrokerParts>(given);  // shared: by the handlers
  table.add(kList, [parts](const model::Caller& caller, const boost::json::object& request,
                           model::Reply reply) { list_retained(*parts, caller, request, std::move(reply)); });
  table.add(kGet, [parts](const model::Caller& caller, const boost::json::object& request,
                          model::Reply reply) { get_retained(*parts, caller, request, std::move(reply)); });
  table.add(kRemove,
            [parts](const model::Caller& caller, const boost::json::object& request, model::Reply reply) {
              std::string filter = *model::optional_text(request, "filter");
              if (const auto valid = hub::check_filter(filter); !valid)
                return reply(std::unexpected(valid.error()));
              hub::remove_retained(parts->hub, parts->executor, caller.principal, std::move(filter),
                                   model::reply_with(std::move(reply), [](hub::RetainedRemoval done) {
                                     return boost::json::object{
                                         {"removed", done.removed},
                                         {"left", done.left == hub::RetainedRemoval::Left::some}};
                                   }));
            });
}

std::vector<model::OperationSpec> retained_operations() {
  return {kList, kGet, kRemove};
}

}  // namespace dunlin::broker
