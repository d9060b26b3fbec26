#include "service/alarm/alarm_service.h"

#include <algorithm>
#include <boost/json.hpp>

#include "base/core/assert.h"
#include "model/hops.h"
#include "model/keys.h"
#include "model/text.h"

namespace dunlin::alarm {
namespace {

constexpr std::size_t kMaxScannedAlarms = 100'000;

store::Put stored(const Alarm& alarm) {
  return {store::Table::alarm, model::tenant_key(alarm.tenant, alarm.id),
          boost::json::serialize(to_json(alarm))};
}

}  // namespace

AlarmService::AlarmService(Executor& executor, hub::Bus& bus, store::Keyed& keyed, metrics::Registry& metrics,
                           RetentionOptions retention)
    : executor_(executor),
      bus_(bus),
      keyed_(keyed),
      self_(make_service_principal("alarm")),
      raised_(metrics.counter("dunlin_alarm_raised_total", "Alarms raised")),
      open_gauge_(metrics.gauge("dunlin_alarm_open", "Alarms that are not cleared")),
      refused_(
          metrics.counter("dunlin_alarm_refused_total", "Alarms not raised: over the limit of open ones")),
      retention_(executor, keyed, metrics, retention, [this](const Alarm& alarm) { return is_open(alarm); }) {
}

std::string AlarmService::open_key(TenantId tenant, const std::string& name, const std::string& thing) {
  return model::tenant_key(tenant, name) + '\0' + thing;
}

bool AlarmService::is_open(const Alarm& alarm) const {
  const auto found = open_.find(open_key(alarm.tenant, alarm.name, alarm.thing));
  return found != open_.end() && found->second.id == alarm.id;
}

void AlarmService::count_open() {
  open_gauge_.set(static_cast<std::int64_t>(open_.size()));
}

void AlarmService::start(std::move_only_function<void(Result<void>)> started) {
  load({}, [this, started = std::move(started)](Result<void> loaded) mutable {
    if (loaded) retention_.start();
    started(std::move(loaded));
  });
}

void AlarmService::load(std::string after, std::move_only_function<void(Result<void>)> started) {
  keyed_.range(executor_, store::Table::alarm, {.begin = after, .end = {}},
               [this, started = std::move(started)](Result<std::vector<store::Entry>> entries) mutable {
                 if (!entries) return started(std::unexpected(entries.error()));
                 for (const store::Entry& entry : *entries) {
                   if (entry.key.size() < 4)
                     return started(fail(Errc::corrupt, "a stored alarm has an unknown key"));
                   auto alarm = alarm_from_json(TenantId{model::read_big_endian_32(entry.key.substr(0, 4))},
                                                entry.value);
                   if (!alarm) return started(std::unexpected(alarm.error()));
                   if (alarm->is_open())
                     open_.insert_or_assign(open_key(alarm->tenant, alarm->name, alarm->thing), *alarm);
                 }
                 count_open();
                 if (entries->empty()) return started({});
                 load(entries->back().key + '\0', std::move(started));
               });
}

std::optional<Alarm> AlarmService::apply(const Finding& finding) {
  const std::string key = open_key(finding.tenant, finding.name, finding.thing);
  const auto found = open_.find(key);
  if (finding.kind == Finding::Kind::clear) {
    if (found == open_.end()) return std::nullopt;
    Alarm cleared = std::move(found->second);
    cleared.hops = finding.hops;
    open_.erase(found);
    cleared.state = State::cleared;
    cleared.cleared_at = finding.at;
    cleared.cleared_by = "rule";
    return cleared;
  }
  if (found != open_.end()) {
    Alarm& alarm = found->second;
    ++alarm.count;
    alarm.last_at = finding.at;
    alarm.hops = finding.hops;
    alarm.message = model::cut_text(finding.message, kMaxMessageBytes);
    alarm.severity = std::max(alarm.severity, finding.severity);
    return alarm;
  }
  if (open_.size() >= kMaxOpenAlarms) {
    refused_.add();
    return std::nullopt;
  }
  Alarm alarm;
  alarm.id = finding.name + '~' + finding.thing + '~' + std::to_string(unix_milliseconds(finding.at));
  alarm.tenant = finding.tenant;
  alarm.name = finding.name;
  alarm.thing = finding.thing;
  alarm.rule = finding.rule;
  alarm.severity = finding.severity;
  alarm.message = model::cut_text(finding.message, kMaxMessageBytes);
  alarm.hops = finding.hops;
  alarm.raised_at = finding.at;
  alarm.last_at = finding.at;
  raised_.add();
  return open_.emplace(key, std::move(alarm)).first->second;
}

AlarmService::Prepared AlarmService::prepare(const std::vector<Finding>& findings) {
  Prepared prepared;
  std::map<std::string, std::size_t> newest;  // by key: the place of its newest change
  for (const Finding& finding : findings) {
    auto alarm = apply(finding);
    if (!alarm) continue;
    const std::string key = model::tenant_key(alarm->tenant, alarm->id);
    const auto [at, fresh] = newest.try_emplace(key, prepared.changed.size());
    if (!fresh && prepared.changed[at->second].state == alarm->state) {
      prepared.changed[at->second] = *std::move(alarm);
      continue;
    }
    at->second = prepared.changed.size();
    prepared.changed.push_back(*std::move(alarm));
  }
  for (const auto& [key, at] : newest) prepared.puts.push_back(stored(prepared.changed[at]));
  count_open();
  ++unannounced_;
  return prepared;
}

void AlarmService::announce(const Prepared& prepared) {
  DUNLIN_ASSERT(unannounced_ > 0);
  --unannounced_;
  for (const Alarm& alarm : prepared.changed) tell(alarm);
  if (unannounced_ > 0) return;
  for (Task& task : std::exchange(waiting_, {})) task();
}

void AlarmService::report(Finding finding, std::move_only_function<void(Result<void>)> done) {
  Prepared prepared = prepare({std::move(finding)});
  store::Batch batch;
  batch.puts = std::move(prepared.puts);
  auto stored = [this, prepared = std::move(prepared), done = std::move(done)](Result<void> written) mutable {
    announce(prepared);
    done(std::move(written));
  };
  if (batch.empty()) return stored({});
  keyed_.write(executor_, std::move(batch), std::move(stored));
}

void AlarmService::when_free(Task task) {
  if (unannounced_ == 0) return task();
  waiting_.push_back(std::move(task));
}

void AlarmService::tell(const Alarm& alarm) {
  for (const auto& handler : handlers_) handler(alarm);
  hub::Message message;
  message.topic = Slice::copy_of("$dunlin/alarms/" + alarm.name + "/" + alarm.thing);
  message.payload = Slice::copy_of(model::json_text(to_json(alarm)));
  message.principal = in_tenant(self_, alarm.tenant);
  message.received_at = executor_.wall_now();
  model::set_hops(message, alarm.hops + 1);
  bus_.publish(executor_, std::move(message), {});
}

void AlarmService::get(TenantId tenant, std::string id, AlarmDone done) {
  keyed_.get(executor_, store::Table::alarm, model::tenant_key(tenant, id),
             [tenant, id, done = std::move(done)](Result<std::optional<std::string>> found) mutable {
               if (!found) return done(std::unexpected(found.error()));
               if (!*found) return done(fail(Errc::not_found, "there is no alarm \"" + id + "\""));
               done(alarm_from_json(tenant, **found));
             });
}

void AlarmService::change(TenantId tenant, std::string id, std::function<Result<void>(Alarm&)> edit,
                          AlarmDone done) {
  get(tenant, id, [this, edit = std::move(edit), done = std::move(done)](Result<Alarm> found) mutable {
    if (!found) return done(std::move(found));
    when_free([this, edit = std::move(edit), alarm = *std::move(found), done = std::move(done)]() mutable {
      store_change(std::move(alarm), edit, std::move(done));
    });
  });
}

void AlarmService::store_change(Alarm alarm, const std::function<Result<void>(Alarm&)>& edit,
                                AlarmDone done) {
  const std::string key = open_key(alarm.tenant, alarm.name, alarm.thing);
  const auto open = open_.find(key);
  // The open one in memory is the newest; one that is no longer open was cleared meanwhile.
  const bool open_now = is_open(alarm);
  if (!open_now && alarm.is_open()) return done(fail(Errc::conflict, "the alarm was cleared just now"));
  if (open_now) alarm = open->second;
  const Alarm before = alarm;
  if (auto edited = edit(alarm); !edited) return done(std::unexpected(edited.error()));
  alarm.hops = 0;
  if (alarm.is_open()) {
    open->second = alarm;
  } else {
    open_.erase(open);
  }
  count_open();
  store::Batch batch;
  batch.puts.push_back(stored(alarm));
  keyed_.write(
      executor_, std::move(batch),
      [this, key, before, alarm = std::move(alarm), done = std::move(done)](Result<void> written) mutable {
        if (!written) {
          // It did not happen. Where the same alarm was raised anew meanwhile, that one stays.
          const auto now = open_.try_emplace(key, before).first;
          if (now->second.id == before.id) now->second = before;
          count_open();
          return done(std::unexpected(written.error()));
        }
        tell(alarm);
        done(std::move(alarm));
      });
}

void AlarmService::acknowledge(TenantId tenant, std::string id, std::string by, AlarmDone done) {
  const WallTime now = executor_.wall_now();
  const auto edit = [by = std::move(by), now](Alarm& alarm) -> Result<void> {
    if (!alarm.is_open()) return fail(Errc::conflict, "the alarm is cleared already");
    alarm.state = State::acknowledged;
    alarm.acknowledged_at = now;
    alarm.acknowledged_by = by;
    return {};
  };
  change(tenant, std::move(id), edit, std::move(done));
}

void AlarmService::clear(TenantId tenant, std::string id, std::string by, AlarmDone done) {
  const WallTime now = executor_.wall_now();
  const auto edit = [by = std::move(by), now](Alarm& alarm) -> Result<void> {
    if (!alarm.is_open()) return fail(Errc::conflict, "the alarm is cleared already");
    alarm.state = State::cleared;
    alarm.cleared_at = now;
    alarm.cleared_by = by;
    return {};
  };
  change(tenant, std::move(id), edit, std::move(done));
}

namespace {

/// Pages through a tenant's stored alarms. Handed from completion to completion.
struct ListScan {
  AlarmService::ListQuery query;
  std::string begin;
  std::string end;
  std::size_t scanned = 0;
  std::vector<Alarm> found;
  std::move_only_function<void(Result<std::vector<Alarm>>)> done;
};

bool fits(const AlarmService::ListQuery& query, const Alarm& alarm) {
  if (query.state && alarm.state != *query.state) return false;
  return query.thing.empty() || alarm.thing == query.thing;
}

void finish(ListScan& scan) {
  const auto is_newer = [](const Alarm& a, const Alarm& b) {
    return a.raised_at != b.raised_at ? a.raised_at > b.raised_at : a.id > b.id;
  };
  std::ranges::sort(scan.found, is_newer);
  if (scan.found.size() > scan.query.limit) scan.found.resize(scan.query.limit);
  scan.done(std::move(scan.found));
}

void scan_alarms(Executor& executor, store::Keyed& keyed, std::shared_ptr<ListScan> scan) {
  keyed.range(executor, store::Table::alarm, {.begin = scan->begin, .end = scan->end},
              [&executor, &keyed, scan](Result<std::vector<store::Entry>> entries) {
                if (!entries) return scan->done(std::unexpected(entries.error()));
                for (const store::Entry& entry : *entries) {
                  auto alarm = alarm_from_json(scan->query.tenant, entry.value);
                  if (!alarm) return scan->done(std::unexpected(alarm.error()));
                  if (fits(scan->query, *alarm)) scan->found.push_back(*std::move(alarm));
                }
                scan->scanned += entries->size();
                if (entries->empty() || scan->scanned >= kMaxScannedAlarms) return finish(*scan);
                scan->begin = entries->back().key + '\0';
                scan_alarms(executor, keyed, scan);
              });
}

}  // namespace

void AlarmService::list(ListQuery query, std::move_only_function<void(Result<std::vector<Alarm>>)> done) {
  auto scan = std::make_shared<ListScan>();
  scan->begin = model::big_endian_32(query.tenant.value);
  scan->end = model::prefix_end(scan->begin);
  scan->query = std::move(query);
  scan->done = std::move(done);
  scan_alarms(executor_, keyed_, std::move(scan));
}

}  // namespace dunlin::alarm
