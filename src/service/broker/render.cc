#include "service/broker/render.h"

#include <boost/json.hpp>

#include "base/base64.h"
#include "base/core/utf8.h"
#include "base/time_text.h"
#include "hub/topic.h"
#include "model/json_fields.h"

namespace dunlin::broker {
namespace {

double seconds(Duration duration) {
  return static_cast<double>(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count()) /
         1000.0;
}

std::uint64_t dropped_in_all(const hub::SessionActivity& activity) {
  std::uint64_t sum = 0;
  for (const std::uint32_t count : activity.dropped) sum += count;
  return sum;
}

}  // namespace

boost::json::value time_or_null(WallTime time) {
  if (time == WallTime{}) return nullptr;
  return boost::json::value(format_rfc3339(time));
}

std::string to_cursor(std::string_view key) {
  return to_base64url(as_bytes(key));
}

Result<std::string> from_cursor(const boost::json::object& request) {
  const auto text = model::optional_text(request, "after");
  if (!text || text->empty()) return std::string();
  const auto bytes = from_base64url(*text);
  if (!bytes) return fail(Errc::invalid_argument, "\"after\" must be what an earlier answer called \"next\"");
  return std::string(as_text(*bytes));
}

boost::json::object to_row(const hub::SessionView& session, WallTime now) {
  boost::json::object row{{"client_id", session.client_id},
                          {"thing", session.principal->name},
                          {"state", hub::session_condition_name(session.condition)},
                          {"since", time_or_null(session.since)},
                          {"queued", session.queued},
                          {"queued_bytes", session.queued_bytes},
                          {"queued_on_disk", session.on_disk},
                          {"queued_on_disk_bytes", session.on_disk_bytes},
                          {"queued_qos0", session.queued_qos0},
                          {"queued_qos0_bytes", session.queued_qos0_bytes},
                          {"in_flight_out", session.in_flight_out},
                          {"in_flight_in", session.in_flight_in},
                          {"subscriptions", session.subscriptions},
                          {"messages_in", session.activity.in},
                          {"messages_out", session.activity.out},
                          {"dropped", dropped_in_all(session.activity)},
                          {"holds", session.holds},
                          {"held_by", session.held_by},
                          {"address", session.address}};
  row["refuses"] = session.full == hub::SessionView::Full::yes;
  row["slow_reason"] = session.slow_reason;
  const bool waits = session.slow_since != WallTime{};
  row["slow_seconds"] = waits ? boost::json::value(seconds(now - session.slow_since)) : boost::json::value();
  row["protocol"] = session.protocol;
  row["version"] = session.link.version;
  row["transport"] = session.link.transport;
  return row;
}

boost::json::object to_json(const hub::SessionView& session, WallTime now) {
  boost::json::object all = to_row(session, now);
  all["keep_alive_seconds"] = session.link.keep_alive_seconds;
  const bool online = session.condition != hub::SessionCondition::offline;
  all["silent_seconds"] =
      online ? boost::json::value(seconds(session.link.silent_for)) : boost::json::value();
  all["expiry_seconds"] = session.expiry_seconds;
  all["receive_maximum"] = session.receive_maximum;
  all["max_packet_bytes"] = session.link.max_packet_bytes;
  all["output_bytes"] = session.link.output_bytes;
  all["held_since"] = time_or_null(session.activity.held_since);
  const hub::PublishMeter* meter = session.activity.meter.find();
  const bool rests = meter != nullptr && meter->rests_until > now;
  all["rests_until"] = time_or_null(rests ? meter->rests_until : WallTime{});
  all["rests"] = meter != nullptr ? meter->rests : 0;
  all["publishes_refused"] = meter != nullptr ? meter->refused : 0;
  all["dropped_by_reason"] = dropped_by_reason(session.activity);
  boost::json::array recent;
  for (const hub::RecentDrop& drop : session.activity.recent) {
    recent.push_back({{"at", format_rfc3339(drop.at)},
                      {"reason", hub::drop_reason_name(drop.reason)},
                      {"topic", drop.topic},
                      {"count", drop.count}});
  }
  all["recent_drops"] = std::move(recent);
  return all;
}

boost::json::object back_pressure(const hub::SessionView& session, const hub::Limits& limits) {
  const bool online = session.condition != hub::SessionCondition::offline;
  std::string_view state = "none";
  if (session.holds > 0) state = "holding";
  if (session.full == hub::SessionView::Full::yes) state = "refusing";
  boost::json::object policy{{"state", state}, {"since", time_or_null(session.holding_since)}};
  policy["qos0"] = {{"policy", online ? "drop_oldest" : "drop"},
                    {"messages", online ? limits.qos0_messages : 0},
                    {"bytes", online ? limits.qos0_bytes : 0}};
  policy["hold"] = online ? boost::json::value{{"policy", "hold_publishers"},
                                               {"messages", limits.online_messages},
                                               {"bytes", limits.online_bytes},
                                               {"patience_seconds", seconds(hub::kSlowConsumerPatience)}}
                          : boost::json::value();
  policy["refuse"] = {
      {"policy", "refuse_publishers"}, {"messages", session.room_messages}, {"bytes", session.room_bytes}};
  return policy;
}

boost::json::object dropped_by_reason(const hub::SessionActivity& activity) {
  boost::json::object dropped;
  for (std::size_t i = 0; i < hub::kDropReasons; ++i)
    dropped[hub::drop_reason_name(static_cast<hub::DropReason>(i))] = activity.dropped[i];
  return dropped;
}

boost::json::object to_json(const hub::SubscriptionView& subscription) {
  using Options = hub::SubscriptionOptions;
  const Options& options = subscription.options;
  const hub::SharedFilter shared = hub::split_shared(subscription.filter);
  return {{"client_id", subscription.client_id},
          {"filter", subscription.filter},
          {"qos", static_cast<int>(options.qos)},
          {"no_local", options.no_local == Options::NoLocal::yes},
          {"retain_as_published", options.retain_as_published == Options::RetainAsPublished::yes},
          {"identifier", options.identifier},
          {"group", shared.group},
          {"state", hub::session_condition_name(subscription.condition)}};
}

boost::json::object to_row(const hub::Message& message) {
  boost::json::object row{{"topic", message.topic.text()},
                          {"bytes", message.payload.size()},
                          {"qos", static_cast<int>(message.qos)},
                          {"at", format_rfc3339(message.received_at)},
                          {"publisher", message.principal ? message.principal->name : std::string()}};
  row["expires_at"] = nullptr;
  if (message.properties && message.properties->expiry_seconds) {
    const auto left = std::chrono::seconds{*message.properties->expiry_seconds};
    row["expires_at"] = format_rfc3339(message.received_at + left);
  }
  return row;
}

boost::json::object to_json(const hub::Message& message) {
  boost::json::object all = to_row(message);
  if (message.properties) {
    all["content_type"] = message.properties->content_type;
    boost::json::array user;
    for (const auto& [name, value] : message.properties->user)
      user.push_back({{"name", name}, {"value", value}});
    all["user_properties"] = std::move(user);
  }
  if (is_valid_utf8(message.payload.text())) {
    all["payload"] = message.payload.text();
  } else {
    all["payload_base64"] = to_base64(as_bytes(message.payload.text()));
  }
  return all;
}

}  // namespace dunlin::broker
