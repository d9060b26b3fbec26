#include "service/registry/life.h"

#include <array>
#include <boost/json.hpp>

#include "base/time_text.h"
#include "model/json_fields.h"

namespace dunlin::registry {
namespace {

constexpr std::array<std::string_view, 3> kKinds{"moved", "quarantined", "released"};

void keep(Life& life, const LifeEvent& event) {
  if (life.events.size() >= kMaxLifeEvents) life.events.erase(life.events.begin());
  life.events.push_back(event);
}

Result<LifeEvent> event_of(const boost::json::value& value) {
  const auto damaged = [] { return fail(Errc::corrupt, "a stored step of a thing's life cannot be read"); };
  if (!value.is_object()) return damaged();
  const auto& object = value.get_object();
  const auto word = [&](std::string_view name) { return model::optional_text(object, name).value_or(""); };
  const auto kind = std::ranges::find(kKinds, word("event"));
  const auto from = parse_lifecycle(word("from"));
  const auto to = parse_lifecycle(word("to"));
  const auto at = parse_rfc3339(word("at"));
  if (kind == kKinds.end() || !from || !to || !at) return damaged();
  return LifeEvent{
      static_cast<LifeEvent::Kind>(kind - kKinds.begin()), *from, *to, *at, word("by"), word("reason")};
}

}  // namespace

bool may_move(Lifecycle from, Lifecycle to) {
  switch (to) {
    case Lifecycle::provisioning:
      return false;
    case Lifecycle::activation:
      return from == Lifecycle::provisioning;
    case Lifecycle::operation:
      return from == Lifecycle::activation || from == Lifecycle::maintenance;
    case Lifecycle::maintenance:
      return from == Lifecycle::operation;
    case Lifecycle::decommission:
      return from != Lifecycle::decommission;
  }
  return false;
}

Result<std::optional<LifeEvent>> take_step(Life& life, const LifeStep& step, WallTime at) {
  if (step.reason.size() > kMaxLifeReasonBytes)
    return fail(Errc::limit_exceeded,
                "a reason has at most " + std::to_string(kMaxLifeReasonBytes) + " bytes");
  LifeEvent event{step.kind, life.stage, life.stage, at, step.by, step.reason};
  if (step.kind == LifeEvent::Kind::moved) {
    if (step.to == life.stage) return std::nullopt;
    if (!may_move(life.stage, step.to)) {
      return fail(Errc::conflict, "a thing cannot go from " + std::string(lifecycle_name(life.stage)) +
                                      " to " + std::string(lifecycle_name(step.to)));
    }
    event.to = step.to;
    life.stage = step.to;
    if (step.to == Lifecycle::decommission) life.wipe = Life::Wipe::due;
  } else {
    const bool wanted = step.kind == LifeEvent::Kind::quarantined;
    if (wanted == life.quarantine.has_value()) return std::nullopt;
    if (life.stage == Lifecycle::decommission) return fail(Errc::conflict, "the thing is decommissioned");
    life.quarantine = wanted ? std::optional(event) : std::nullopt;
  }
  keep(life, event);
  return event;
}

boost::json::object to_json(const LifeEvent& event) {
  return {{"at", format_rfc3339(event.at)},
          {"by", event.by},
          {"event", kKinds[static_cast<std::size_t>(event.kind)]},
          {"from", lifecycle_name(event.from)},
          {"to", lifecycle_name(event.to)},
          {"reason", event.reason}};
}

void show_life(const Life& life, boost::json::object& document) {
  document["lifecycle"] = lifecycle_name(life.stage);
  if (life.quarantine) document["quarantine"] = to_json(*life.quarantine);
  if (life.wipe == Life::Wipe::due) document["wiping"] = true;
}

void store_life(const Life& life, boost::json::object& document) {
  show_life(life, document);
  boost::json::array events;
  for (const LifeEvent& event : life.events) events.push_back(to_json(event));
  document["life_events"] = std::move(events);
}

Result<Life> life_of(const boost::json::object& document) {
  Life life;
  if (const auto word = model::optional_text(document, "lifecycle")) {
    const auto stage = parse_lifecycle(*word);
    if (!stage) return fail(Errc::corrupt, "a stored thing is in no known stage of its life");
    life.stage = *stage;
  }
  if (const auto* quarantine = document.if_contains("quarantine")) {
    DUNLIN_TRY(life.quarantine, event_of(*quarantine));
  }
  if (model::optional_boolean(document, "wiping").value_or(false)) life.wipe = Life::Wipe::due;
  const auto* events = document.if_contains("life_events");
  if (events == nullptr || !events->is_array()) return life;
  for (const boost::json::value& stored : events->get_array()) {
    DUNLIN_TRY(LifeEvent event, event_of(stored));
    keep(life, event);
  }
  return life;
}

}  // namespace dunlin::registry
