#include "service/alarm/open_alarms.h"

#include "model/keys.h"

namespace dunlin::alarm {
namespace {

void collect(const std::set<std::pair<std::string, std::string>>& index, const std::string& thing,
             std::vector<std::string>& keys) {
  for (auto at = index.lower_bound({thing, {}}); at != index.end() && at->first == thing; ++at)
    keys.push_back(at->second);
}

}  // namespace

OpenAlarms::OpenAlarms(metrics::Registry& metrics)
    : open_(metrics.gauge("dunlin_alarm_open", "Alarms that are not cleared")),
      flapping_(metrics.gauge("dunlin_alarm_flapping", "Open alarms whose condition comes and goes")) {
  for (std::size_t i = 0; i < states_.size(); ++i) {
    states_[i] = &metrics.gauge("dunlin_alarm_state", "Open alarms by state",
                                {{"state", std::string(state_name(static_cast<State>(i)))}});
  }
}

const Alarm* OpenAlarms::find(const std::string& key) const {
  const auto found = alarms_.find(key);
  return found == alarms_.end() ? nullptr : &found->second.alarm;
}

bool OpenAlarms::holds(const Alarm& alarm) const {
  const Alarm* open = find(condition_key(alarm));
  return open != nullptr && open->id == alarm.id;
}

std::size_t OpenAlarms::of_device(TenantId tenant, const std::string& thing) const {
  std::vector<std::string> keys;
  collect(by_thing_, model::tenant_key(tenant, thing), keys);
  return static_cast<std::size_t>(std::ranges::count_if(
      keys, [this](const std::string& key) { return alarms_.at(key).alarm.source == Source::device; }));
}

void OpenAlarms::count(const Alarm& alarm, std::int64_t step) {
  states_[static_cast<std::size_t>(alarm.state())]->add(step);
  if (alarm.flapping) flapping_.add(step);
  open_.add(step);
}

void OpenAlarms::set_due(const std::string& key, Held& held, std::optional<WallTime> due) {
  if (held.due) due_.erase({*held.due, key});
  held.due = due;
  if (due) due_.emplace(*due, key);
}

void OpenAlarms::put(const std::string& key, Alarm alarm, std::string gateway, std::optional<WallTime> due) {
  const auto [at, fresh] = alarms_.try_emplace(key);
  Held& held = at->second;
  if (fresh) {
    by_thing_.emplace(model::tenant_key(alarm.tenant, alarm.thing), key);
  } else {
    count(held.alarm, -1);
  }
  alarm.fresh.clear();
  gateway = gateway.empty() ? gateway : model::tenant_key(alarm.tenant, gateway);
  if (gateway != held.gateway) {
    if (!held.gateway.empty()) by_gateway_.erase({held.gateway, key});
    if (!gateway.empty()) by_gateway_.emplace(gateway, key);
    held.gateway = std::move(gateway);
  }
  held.alarm = std::move(alarm);
  count(held.alarm, 1);
  set_due(key, held, due);
}

void OpenAlarms::erase(const std::string& key) {
  const auto found = alarms_.find(key);
  if (found == alarms_.end()) return;
  Held& held = found->second;
  count(held.alarm, -1);
  set_due(key, held, std::nullopt);
  by_thing_.erase({model::tenant_key(held.alarm.tenant, held.alarm.thing), key});
  if (!held.gateway.empty()) by_gateway_.erase({held.gateway, key});
  alarms_.erase(found);
}

std::vector<std::string> OpenAlarms::about(TenantId tenant, const std::string& thing) const {
  std::vector<std::string> keys;
  const std::string name = model::tenant_key(tenant, thing);
  collect(by_thing_, name, keys);
  collect(by_gateway_, name, keys);
  return keys;
}

std::vector<std::string> OpenAlarms::due(WallTime now, std::size_t most) const {
  std::vector<std::string> keys;
  for (const auto& [time, key] : due_) {
    if (time > now || keys.size() >= most) break;
    keys.push_back(key);
  }
  return keys;
}

std::optional<WallTime> OpenAlarms::next_due() const {
  if (due_.empty()) return std::nullopt;
  return due_.begin()->first;
}

void OpenAlarms::postpone(const std::string& key, WallTime due) {
  const auto found = alarms_.find(key);
  if (found != alarms_.end()) set_due(key, found->second, due);
}

}  // namespace dunlin::alarm
