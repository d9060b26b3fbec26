#include <boost/json.hpp>

#include "hub/topic.h"
#include "model/json_fields.h"
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

/// Goes through the messages page by page. One executor; owned by its own completions.
class Removal : public std::enable_shared_from_this<Removal> {
 public:
  Removal(const BrokerParts& parts, PrincipalRef principal, std::string filter, model::Reply reply)
      : parts_(parts), principal_(std::move(principal)), reply_(std::move(reply)) {
    query_.tenant = principal_->tenant;
    query_.filter = std::move(filter);
    query_.limit = hub::kMaxPageRows;
  }
  void next_page() {
    hub::HubView(parts_.hub)
        .retained(parts_.executor, query_,
                  [self = shared_from_this()](const hub::RetainedPage& page) { self->remove(page); });
  }

 private:
  void remove(const hub::RetainedPage& page) {
    query_.after = page.next;
    if (page.messages.empty()) return finish();
    waiting_ = page.messages.size();
    for (const hub::Message& retained : page.messages) {
      hub::Message empty;
      empty.topic = retained.topic;
      // QoS 1, so that it is on the disk when this call is answered.
      empty.qos = hub::QoS::at_least_once;
      empty.retain = hub::Message::Retain::yes;
      empty.principal = principal_;
      parts_.hub.publish(parts_.executor, std::move(empty), [self = shared_from_this()](Result<void> result) {
        self->one_less(std::move(result));
      });
    }
  }
  void one_less(Result<void> result) {
    if (result) {
      ++removed_;
    } else if (!error_) {
      error_ = std::move(result).error();
    }
    if (--waiting_ > 0) return;
    const bool more = !query_.after.empty();
    if (error_ || !more || removed_ >= kMaxRemovedPerCall) return finish();
    next_page();
  }
  void finish() {
    if (error_) return reply_(std::unexpected(*std::move(error_)));
    // The messages have left their shards; they have arrived everywhere after every shard had its turn twice.
    hub::HubView(parts_.hub).settle(parts_.executor, [self = shared_from_this()] {
      self->reply_(boost::json::value{{"removed", self->removed_}, {"left", !self->query_.after.empty()}});
    });
  }

  const BrokerParts& parts_;
  PrincipalRef principal_;
  model::Reply reply_;
  hub::RetainedQuery query_;
  std::size_t waiting_ = 0;
  std::size_t removed_ = 0;
  std::optional<Error> error_;
};

}  // namespace

void declare_retained(const BrokerParts& given, model::OperationTable& table) {
  const auto parts = std::make_shared<const BrokerParts>(given);  // shared: by the handlers
  table.add(kList, [parts](const model::Caller& caller, const boost::json::object& request,
                           model::Reply reply) { list_retained(*parts, caller, request, std::move(reply)); });
  table.add(kGet, [parts](const model::Caller& caller, const boost::json::object& request,
                          model::Reply reply) { get_retained(*parts, caller, request, std::move(reply)); });
  table.add(
      kRemove, [parts](const model::Caller& caller, const boost::json::object& request, model::Reply reply) {
        std::string filter = *model::optional_text(request, "filter");
        if (const auto valid = hub::check_filter(filter); !valid)
          return reply(std::unexpected(valid.error()));
        std::make_shared<Removal>(*parts, caller.principal, std::move(filter), std::move(reply))->next_page();
      });
}

std::vector<model::OperationSpec> retained_operations() {
  return {kList, kGet, kRemove};
}

}  // namespace dunlin::broker
