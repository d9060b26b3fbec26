// Session and Shard: what operators see as it happens.

#include <algorithm>
#include <utility>

#include "hub/session.h"
#include "hub/shard.h"

namespace dunlin::hub {
namespace {

std::string_view publisher_of(const Message& message) {
  if (!message.principal) return {};
  return message.principal->client_id.empty() ? message.principal->name : message.principal->client_id;
}

}  // namespace

SessionActivity& Session::activity() {
  if (!activity_) activity_ = std::make_unique<SessionActivity>();
  return *activity_;
}

bool Session::traced() const {
  return shard_.tracer().on();
}

void Session::trace(TraceKind kind, const Message& message, QoS qos, std::string_view detail) const {
  TracePoint point{
      kind, principal()->tenant, client_id(), publisher_of(message), message.topic.text(), detail, &message,
      qos};
  shard_.tracer().report(point, shard_.executor().wall_now());
}

void Session::dropped(DropReason reason, const Message& message) {
  activity().drop(reason, message.topic.text(), shard_.executor().wall_now());
  if (traced()) [[unlikely]]
    trace(TraceKind::dropped, message, message.qos, drop_reason_name(reason));
}

void Shard::trace_session(TraceKind kind, const Session& session, std::string_view detail) const {
  TracePoint point{kind, session.principal()->tenant, session.client_id()};
  point.detail = detail;
  setup_.tracer.report(point, setup_.executor.wall_now());
}

void Shard::trace_published(const Session& session, const Message& message) const {
  const TracePoint point{TraceKind::published,
                         session.principal()->tenant,
                         session.client_id(),
                         session.client_id(),
                         message.topic.text(),
                         {},
                         &message,
                         message.qos};
  setup_.tracer.report(point, setup_.executor.wall_now());
}

void Shard::trace_routed(const Message& message, const Route& route, Origin origin) const {
  TracePoint point{.kind = TraceKind::routed};
  point.sessions = static_cast<std::uint32_t>(std::ranges::count_if(
      route.targets, [this](const Target& target) { return slots_[target.subscriber].session != nullptr; }));
  if (origin == Origin::elsewhere && point.sessions == 0) return;
  point.tenant = message.principal->tenant;
  point.publisher = publisher_of(message);
  point.topic = message.topic.text();
  point.message = &message;
  point.qos = message.qos;
  if (origin == Origin::here && route.shards != 0) point.detail = "and on to other shards";
  setup_.tracer.report(point, setup_.executor.wall_now());
}

}  // namespace dunlin::hub
