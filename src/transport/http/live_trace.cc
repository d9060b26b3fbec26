#include "transport/http/live_trace.h"

#include <algorithm>
#include <boost/json.hpp>

#include "base/base64.h"
#include "base/core/utf8.h"
#include "base/time_text.h"
#include "model/json_fields.h"
#include "model/text.h"

namespace dunlin::transport {
namespace {

constexpr std::int64_t kDefaultTraceSeconds = 60;

void add_payload(boost::json::object& json, const hub::TraceEvent& event) {
  if (event.payload.empty()) return;
  // The end may be inside a character; that is no reason to show bytes.
  const bool cut = event.payload.size() < event.payload_bytes;
  const std::string_view text = cut ? model::cut_text(event.payload, event.payload.size()) : event.payload;
  if (is_valid_utf8(text)) {
    json["payload"] = text;
  } else {
    json["payload_base64"] = to_base64(as_bytes(event.payload));
  }
}

}  // namespace

boost::json::object to_json(const hub::TraceEvent& event) {
  boost::json::object json{{"at", format_rfc3339(event.at)}, {"event", hub::trace_kind_name(event.kind)}};
  const auto add_text = [&json](std::string_view name, const std::string& text) {
    if (!text.empty()) json[name] = text;
  };
  add_text("client", event.client_id);
  add_text("publisher", event.publisher);
  add_text("topic", event.topic);
  add_text("detail", event.detail);
  if (event.kind == hub::TraceKind::routed) json["sessions"] = event.sessions;
  if (event.kind == hub::TraceKind::subscribed) json["qos"] = static_cast<int>(event.qos);
  if (event.about != hub::TraceEvent::About::message) return json;
  json["qos"] = static_cast<int>(event.qos);
  json["retain"] = event.retain;
  json["bytes"] = event.payload_bytes;
  add_payload(json, event);
  return json;
}

void LiveTrace::on_request(const boost::json::value& wanted) {
  if (wanted.is_object()) return start(wanted.get_object());
  if (trace_ == nullptr) return;
  trace_.reset();
  say_ended("stopped");
}

void LiveTrace::start(const boost::json::object& wanted) {
  const auto refuse = [this](std::string_view why) {
    parts_.send({{"type", "trace"}, {"state", "refused"}, {"message", why}});
  };
  if (parts_.rights == Rights::none) return refuse("this needs the permission \"trace:read\"");
  const bool payload = model::optional_boolean(wanted, "payload").value_or(false);
  if (payload && parts_.rights != Rights::payloads)
    return refuse("to see payloads needs the permission \"trace:payload\"");
  const auto most = std::chrono::duration_cast<std::chrono::seconds>(hub::kMaxTraceDuration).count();
  const auto seconds = std::clamp<std::int64_t>(
      model::optional_integer(wanted, "seconds").value_or(kDefaultTraceSeconds), 1, most);
  trace_.reset();  // a page has one
  dropped_ = 0;
  hub::TraceRequest request{
      .tenant = parts_.tenant,
      .topic_filter = model::optional_text(wanted, "topic").value_or(""),
      .client_id = model::optional_text(wanted, "client").value_or(""),
      .duration = std::chrono::seconds{seconds},
      .payload = payload ? hub::TraceRequest::Payload::show : hub::TraceRequest::Payload::hide};
  auto started = parts_.tracer.start(parts_.executor, std::move(request),
                                     [this](hub::TraceBatch batch) { show(std::move(batch)); });
  if (!started) return refuse(started.error().message);
  trace_ = *std::move(started);
  parts_.send({{"type", "trace"}, {"state", "running"}, {"seconds", seconds}});
}

void LiveTrace::show(hub::TraceBatch batch) {
  dropped_ += batch.dropped;
  if (!parts_.keeps_up()) {
    dropped_ += batch.events.size();
  } else if (!batch.events.empty() || dropped_ > 0) {
    boost::json::array events;
    for (const hub::TraceEvent& event : batch.events) events.push_back(to_json(event));
    parts_.send(
        {{"type", "trace_events"}, {"events", std::move(events)}, {"dropped", std::exchange(dropped_, 0)}});
  }
  if (batch.state != hub::TraceBatch::State::over) return;
  trace_.reset();
  say_ended("time");
}

void LiveTrace::say_ended(std::string_view reason) {
  parts_.send(
      {{"type", "trace"}, {"state", "ended"}, {"reason", reason}, {"dropped", std::exchange(dropped_, 0)}});
}

}  // namespace dunlin::transport
