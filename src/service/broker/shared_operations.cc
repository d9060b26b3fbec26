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
    {"group", FieldType::text, Need::optional, "of this group's name, whatever the filter"},
    {"contains", FieldType::text, Need::optional, "with this in $share/GROUP/FILTER"},
    {"topic", FieldType::text, Need::optional, "whose filter matches this topic"},
    {"order", FieldType::text, Need::optional, "name or queued (most first) (name)"},
    {"after", FieldType::text, Need::optional, "page: what an earlier answer called next"},
    {"limit", FieldType::integer, Need::optional, "at most this many, 1 to 1000 (100)"}};
constexpr Field kListResponse[] = {
    {"shared", FieldType::array, Need::required, "name, strategy, members, queued, lent ..."},
    {"matched", FieldType::integer, Need::required, "how many there are, from here on"},
    {"next", FieldType::text, Need::optional, "where the next page begins; absent: no more"}};
constexpr Field kOnlyName[] = {{"name", FieldType::text, Need::required, "$share/GROUP/FILTER"}};
constexpr Field kGroup[] = {
    {"name", FieldType::text, Need::required, "$share/GROUP/FILTER"},
    {"group", FieldType::text, Need::required, "GROUP"},
    {"filter", FieldType::text, Need::required, "FILTER"},
    {"strategy", FieldType::text, Need::required, "round_robin, least_in_flight or sticky"},
    {"members", FieldType::integer, Need::required, "clients that subscribe to it"},
    {"connected", FieldType::integer, Need::required, "of these"},
    {"ready", FieldType::integer, Need::required, "of these: can take a message now"},
    {"keeps", FieldType::boolean, Need::required, "whether messages wait while all members are away"},
    {"queued", FieldType::integer, Need::required, "QoS 1 and 2 messages that wait for a member with room"},
    {"queued_bytes", FieldType::integer, Need::required, "their bytes"},
    {"queued_on_disk", FieldType::integer, Need::required, "of these: on the disk only"},
    {"queued_on_disk_bytes", FieldType::integer, Need::required, "their bytes"},
    {"queued_qos0", FieldType::integer, Need::required, "QoS 0 messages that wait"},
    {"lent", FieldType::integer, Need::required, "with members that have not acknowledged them"},
    {"handed_over", FieldType::integer, Need::required, "of these: QoS 2, about to become the member's own"},
    {"room_messages", FieldType::integer, Need::required, "so many queued: publishers are refused"},
    {"room_bytes", FieldType::integer, Need::required, "likewise"},
    {"holds", FieldType::integer, Need::required, "publishers that it holds back"},
    {"refuses", FieldType::boolean, Need::required, "whether the queue is full and publishers are refused"},
    {"given", FieldType::integer, Need::required, "messages that members got so far"},
    {"returned", FieldType::integer, Need::required, "of these: given to another when their member went"},
    {"dropped_by_reason", FieldType::object, Need::required, "messages that no member got"},
    {"next", FieldType::text, Need::required,
     "who gets the next message; empty: nobody can, or it depends on the publisher"},
    {"member_list", FieldType::array, Need::required,
     "the first 1000: client_id, thing, state (ready, full or away), qos, window, in_flight, given, filled"}};
constexpr Field kLost[] = {
    {"name", FieldType::text, Need::required, "$share/GROUP/FILTER"},
    {"messages", FieldType::integer, Need::required, "that waited or were with members, and are lost"},
    {"members", FieldType::integer, Need::required, "whose subscriptions have ended"}};
constexpr Errc kListErrors[] = {Errc::invalid_argument, Errc::malformed};
constexpr Errc kOneErrors[] = {Errc::not_found};
constexpr Errc kRemoveErrors[] = {Errc::not_found, Errc::unavailable};

constexpr model::OperationSpec kList{
    "shared.list",   model::Method::get,
    "/api/shared",   "List the groups of shared subscriptions: who takes part, what waits.",
    "sessions:read", kListRequest,
    kListResponse,   kListErrors};
constexpr model::OperationSpec kShow{"shared.show",
                                     model::Method::get,
                                     "/api/shared/{name}",
                                     "Show a group with its members.",
                                     "sessions:read",
                                     kOnlyName,
                                     kGroup,
                                     kOneErrors};
constexpr model::OperationSpec kClear{"shared.clear",
                                      model::Method::post,
                                      "/api/shared/{name}/clear",
                                      "Remove what waits for a group or is with its members; they stay.",
                                      "sessions:write",
                                      kOnlyName,
                                      kLost,
                                      kRemoveErrors};
constexpr model::OperationSpec kEnd{"shared.end",
                                    model::Method::del,
                                    "/api/shared/{name}",
                                    "Remove a group with its queue and the subscriptions of its members.",
                                    "sessions:write",
                                    kOnlyName,
                                    kLost,
                                    kRemoveErrors};

boost::json::object to_row(const hub::GroupView& group) {
  const hub::SharedFilter parts = hub::split_shared(group.name);
  boost::json::object row{{"name", group.name},
                          {"group", parts.group},
                          {"filter", parts.filter},
                          {"strategy", hub::shared_strategy_name(group.strategy)},
                          {"members", group.members},
                          {"connected", group.connected},
                          {"ready", group.ready},
                          {"queued", group.queued},
                          {"queued_bytes", group.queued_bytes},
                          {"queued_on_disk", group.on_disk},
                          {"queued_on_disk_bytes", group.on_disk_bytes},
                          {"queued_qos0", group.queued_qos0},
                          {"lent", group.lent},
                          {"handed_over", group.handed_over},
                          {"holds", group.holds},
                          {"given", group.given},
                          {"returned", group.returned}};
  row["refuses"] = group.full == hub::GroupView::Full::yes;
  row["keeps"] = group.keeps == hub::GroupView::Keeps::yes;
  return row;
}

boost::json::object to_json(const hub::GroupMemberView& member) {
  return {{"client_id", member.client_id},
          {"thing", member.thing},
          {"state", hub::readiness_name(member.readiness())},
          {"qos", static_cast<int>(member.qos)},
          {"window", member.window},
          {"in_flight", member.in_flight},
          {"given", member.given},
          {"filled", member.filled}};
}

boost::json::object to_json(const hub::GroupView& group) {
  boost::json::object all = to_row(group);
  all["room_messages"] = group.room_messages;
  all["room_bytes"] = group.room_bytes;
  all["dropped_by_reason"] = dropped_by_reason(group.activity);
  all["next"] = group.next_client;
  boost::json::array members;
  for (const hub::GroupMemberView& member : group.member_list) members.push_back(to_json(member));
  all["member_list"] = std::move(members);
  return all;
}

Result<hub::GroupQuery> read_query(const model::Caller& caller, const boost::json::object& request) {
  hub::GroupQuery query;
  query.tenant = caller.principal->tenant;
  query.group = model::optional_text(request, "group").value_or("");
  query.contains = model::optional_text(request, "contains").value_or("");
  query.topic = model::optional_text(request, "topic").value_or("");
  if (!query.topic.empty()) DUNLIN_CHECK(hub::check_topic(query.topic));
  const std::string order = model::optional_text(request, "order").value_or("name");
  if (order != "name" && order != "queued")
    return fail(Errc::invalid_argument, "\"order\" must be name or queued");
  if (order == "queued") query.order = hub::GroupQuery::Order::queued;
  DUNLIN_TRY(query.after, from_cursor(request));
  DUNLIN_TRY(query.limit, model::limit_field(request));
  return query;
}

void list_groups(const BrokerParts& parts, const model::Caller& caller, const boost::json::object& request,
                 model::Reply reply) {
  auto query = read_query(caller, request);
  if (!query) return reply(std::unexpected(query.error()));
  hub::HubView(parts.hub).groups(
      parts.executor, *std::move(query), [reply = std::move(reply)](const hub::GroupPage& page) mutable {
        boost::json::array rows;
        for (const hub::GroupView& one : page.groups) rows.push_back(to_row(one));
        boost::json::object answer{{"shared", std::move(rows)}, {"matched", page.matched}};
        if (!page.next.empty()) answer["next"] = to_cursor(page.next);
        reply(boost::json::value(std::move(answer)));
      });
}

void show_group(const BrokerParts& parts, const model::Caller& caller, const std::string& name,
                model::Reply reply) {
  hub::HubView(parts.hub).group(
      parts.executor, caller.principal->tenant, name, nullptr,
      [name, reply = std::move(reply)](const std::optional<hub::GroupView>& group) mutable {
        if (!group) return reply(fail(Errc::not_found, "there is no group \"" + name + "\""));
        reply(boost::json::value(to_json(*group)));
      });
}

/// `remove` is HubView's.
void remove_of_group(const BrokerParts& parts, const model::Caller& caller, const std::string& name,
                     auto remove, model::Reply reply) {
  const hub::HubView view(parts.hub);
  (view.*remove)(
      parts.executor, caller.principal->tenant, name,
      [name, reply = std::move(reply)](Result<hub::GroupLoss> lost) mutable {
        if (!lost) return reply(std::unexpected(std::move(lost).error()));
        reply(boost::json::value{{"name", name}, {"messages", lost->messages}, {"members", lost->members}});
      });
}

}  // namespace

void declare_shared(const BrokerParts& given, model::OperationTable& table) {
  const auto parts = std::make_shared<const BrokerParts>(given);  // shared: by the handlers
  const auto name_of = [](const boost::json::object& request) {
    return *model::optional_text(request, "name");
  };
  table.add(kList, [parts](const model::Caller& caller, const boost::json::object& request,
                           model::Reply reply) { list_groups(*parts, caller, request, std::move(reply)); });
  table.add(kShow, [parts, name_of](const model::Caller& caller, const boost::json::object& request,
                                    model::Reply reply) {
    show_group(*parts, caller, name_of(request), std::move(reply));
  });
  table.add(kClear, [parts, name_of](const model::Caller& caller, const boost::json::object& request,
                                     model::Reply reply) {
    remove_of_group(*parts, caller, name_of(request), &hub::HubView::clear_group, std::move(reply));
  });
  table.add(kEnd, [parts, name_of](const model::Caller& caller, const boost::json::object& request,
                                   model::Reply reply) {
    remove_of_group(*parts, caller, name_of(request), &hub::HubView::end_group, std::move(reply));
  });
}

std::vector<model::OperationSpec> shared_operations() {
  return {kList, kShow, kClear, kEnd};
}

}  // namespace dunlin::broker
