// AlarmService: what findings make of alarms.

#include <algorithm>

#include "model/text.h"
#include "service/alarm/alarm_service.h"

namespace dunlin::alarm {
namespace {

const std::string& finder_of(const Finding& finding) {
  return finding.source == Source::device ? finding.device : finding.rule;
}

Cause::Kind kind_of(Source source) {
  switch (source) {
    case Source::rule:
      return Cause::Kind::rule;
    case Source::monitor:
      return Cause::Kind::monitor;
    case Source::service:
      return Cause::Kind::service;
    case Source::device:
      return Cause::Kind::device;
  }
  return Cause::Kind::service;
}

std::string new_id(const Finding& finding) {
  return finding.name + '~' + finding.thing + '~' + std::to_string(unix_milliseconds(finding.at)) +
         (finding.source == Source::device ? "~device" : "");
}

void count_change(Flapping& flapping, Flapping::Condition condition, WallTime at) {
  if (flapping.condition == condition) return;
  flapping.condition = condition;
  flapping.changed_at = std::max(flapping.changed_at, at);
  ++flapping.changes;
}

void begin_flapping(Alarm& alarm, const FlappingRule& rule, Flapping::Condition condition, WallTime at) {
  alarm.flapping = Flapping{at, at, static_cast<std::uint64_t>(rule.changes), condition};
  note(alarm, {Change::flapping,
               at,
               {},
               std::to_string(rule.changes) + " changes within " +
                   std::to_string(std::chrono::duration_cast<std::chrono::seconds>(rule.within).count()) +
                   " seconds"});
}

}  // namespace

std::optional<Alarm> AlarmService::apply(const Finding& finding) {
  const std::string key = condition_key(finding.tenant, finding.name, finding.thing, finding.source);
  const Alarm* open = open_.find(key);
  Alarm alarm;
  if (finding.kind == Finding::Kind::clear) {
    if (open == nullptr) return std::nullopt;
    alarm = end(*open, finding);
  } else if (open != nullptr) {
    alarm = repeat(*open, finding);
  } else {
    if (open_.size() >= kMaxOpenAlarms || (finding.source == Source::device && !may_raise(finding))) {
      refused_.add();
      return std::nullopt;
    }
    raised_.add();
    alarm = begin(finding, key);
  }
  alarm.hops = finding.hops;
  keep(key, alarm);
  return alarm;
}

Result<void> AlarmService::may_raise(const Finding& finding) const {
  const std::string key = condition_key(finding.tenant, finding.name, finding.thing, finding.source);
  if (open_.find(key) != nullptr) return {};
  if (open_.size() >= kMaxOpenAlarms) return fail(Errc::limit_exceeded, "there are 100000 open alarms");
  if (open_.of_device(finding.tenant, finding.thing) >= kMaxOpenOfDevice)
    return fail(Errc::limit_exceeded, "the thing has raised 64 alarms that are still open; clear some first");
  return {};
}

std::vector<Cause> AlarmService::causes_of(const Finding& finding) const {
  std::vector<Cause> causes;
  for (const Cause& cause : finding.causes) {
    const AlarmTopic told = cause.kind == Cause::Kind::message ? alarm_of_topic(cause.name) : AlarmTopic{};
    const Alarm* before = nullptr;
    for (const Source source : {Source::rule, Source::device}) {
      if (told.name.empty() || before != nullptr) continue;
      before = open_.find(condition_key(finding.tenant, told.name, told.thing, source));
    }
    if (before != nullptr) {
      causes.insert(causes.end(), before->causes.begin(), before->causes.end());
      causes.push_back({Cause::Kind::alarm, before->id, {}, before->raised_at, {}});
    }
    causes.push_back(cause);
  }
  causes.push_back({kind_of(finding.source), finder_of(finding), {}, finding.at, {}});
  shorten(causes);
  return causes;
}

Alarm AlarmService::begin(const Finding& finding, const std::string& key) {
  Alarm alarm;
  alarm.id = new_id(finding);
  alarm.tenant = finding.tenant;
  alarm.name = finding.name;
  alarm.thing = finding.thing;
  alarm.source = finding.source;
  alarm.rule = finding.rule;
  alarm.severity = finding.severity;
  alarm.message = model::cut_text(finding.message, kMaxMessageBytes);
  alarm.raised_at = finding.at;
  alarm.last_at = finding.at;
  alarm.waits_since = finding.at;
  alarm.causes = causes_of(finding);
  note(alarm, {Change::raised, finding.at, finder_of(finding), alarm.message});
  const Circumstances now = circumstances(alarm);
  const Shelf* shelf = shelves_.find(key);
  if (shelf != nullptr && shelf->until > now.now) alarm.shelf = *shelf;
  if (flaps_.note(key, finding.at) == FlapWatch::Seen::flapping)
    begin_flapping(alarm, options_.flapping, Flapping::Condition::present, finding.at);
  if (now.gateway.line == Gateway::Line::down) proceed(alarm, now);
  alarm.change = Change::raised;
  return alarm;
}

Alarm AlarmService::repeat(Alarm alarm, const Finding& finding) {
  alarm.change = Change::updated;
  ++alarm.count;
  alarm.last_at = finding.at;
  alarm.message = model::cut_text(finding.message, kMaxMessageBytes);
  if (alarm.flapping) count_change(*alarm.flapping, Flapping::Condition::present, finding.at);
  if (finding.severity > alarm.severity)
    escalate(alarm, finding.severity, {Change::escalated, finding.at, finder_of(finding), alarm.message});
  return alarm;
}

Alarm AlarmService::end(Alarm alarm, const Finding& finding) {
  alarm.change = Change::updated;
  if (alarm.flapping) {
    count_change(*alarm.flapping, Flapping::Condition::absent, finding.at);
    return alarm;
  }
  if (flaps_.note(condition_key(alarm), finding.at) == FlapWatch::Seen::flapping) {
    begin_flapping(alarm, options_.flapping, Flapping::Condition::absent, finding.at);
    return alarm;
  }
  alarm.cleared_at = finding.at;
  alarm.cleared_by = finding.source == Source::device ? finding.device : "rule";
  note(alarm, {Change::cleared, finding.at, finder_of(finding), finding.message});
  return alarm;
}

}  // namespace dunlin::alarm
