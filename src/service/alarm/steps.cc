#include "service/alarm/steps.h"

#include <algorithm>

namespace dunlin::alarm {
namespace {

bool can_escalate(const Alarm& alarm, const Circumstances& circumstances) {
  return circumstances.escalate_after > Duration::zero() && alarm.state() == State::active &&
         !alarm.flapping && alarm.severity != Severity::critical;
}

void leave_shelf(Alarm& alarm, WallTime now) {
  if (!alarm.shelf || alarm.shelf->until > now) return;
  note(alarm, {Change::unshelved, now, std::string(kByTime), alarm.shelf->reason});
  alarm.shelf.reset();
  alarm.waits_since = now;
}

void follow_gateway(Alarm& alarm, const Gateway& gateway, WallTime now) {
  if (gateway.line == Gateway::Line::unknown) return;
  if (gateway.line == Gateway::Line::down) {
    if (alarm.suppression) return;
    alarm.suppression = Suppression{gateway.lost, now};
    note(alarm, {Change::suppressed, now, gateway.lost, "the gateway is offline"});
    return;
  }
  if (!alarm.suppression) return;
  note(alarm, {Change::resumed, now, alarm.suppression->gateway, "the gateway is back"});
  alarm.suppression.reset();
  alarm.waits_since = now;
}

void calm_down(Alarm& alarm, const Circumstances& circumstances) {
  if (!alarm.flapping || alarm.flapping->changed_at + circumstances.calm > circumstances.now) return;
  const Flapping was = *std::exchange(alarm.flapping, std::nullopt);
  note(alarm, {Change::steady, circumstances.now, std::string(kByTime),
               std::to_string(was.changes) + " changes while it was flapping"});
  if (was.condition == Flapping::Condition::present) return;
  alarm.cleared_at = was.changed_at;
  alarm.cleared_by = source_name(alarm.source);
  note(alarm, {Change::cleared, was.changed_at, alarm.cleared_by, {}});
}

}  // namespace

void escalate(Alarm& alarm, Severity to, Event event) {
  event.what = Change::escalated;
  event.why = std::string(severity_name(alarm.severity)) + " to " + std::string(severity_name(to)) +
              (event.why.empty() ? "" : ": " + event.why);
  alarm.severity = to;
  alarm.acknowledged_at.reset();
  alarm.acknowledged_by.clear();
  alarm.waits_since = event.at;
  note(alarm, std::move(event));
}

void proceed(Alarm& alarm, const Circumstances& circumstances) {
  leave_shelf(alarm, circumstances.now);
  follow_gateway(alarm, circumstances.gateway, circumstances.now);
  calm_down(alarm, circumstances);
  if (!alarm.is_open() || !can_escalate(alarm, circumstances)) return;
  if (alarm.waits_since + circumstances.escalate_after > circumstances.now) return;
  const auto next = static_cast<Severity>(static_cast<int>(alarm.severity) + 1);
  escalate(alarm, next,
           {Change::escalated, circumstances.now, std::string(kByTime), "nobody has taken care of it"});
}

std::optional<WallTime> due_of(const Alarm& alarm, const Circumstances& circumstances) {
  std::optional<WallTime> due;
  const auto or_at = [&due](WallTime time) { due = due ? std::min(*due, time) : time; };
  if (alarm.shelf) or_at(alarm.shelf->until);
  if (alarm.flapping) or_at(alarm.flapping->changed_at + circumstances.calm);
  if (can_escalate(alarm, circumstances)) or_at(alarm.waits_since + circumstances.escalate_after);
  return due;
}

}  // namespace dunlin::alarm
