#include "service/alarm/alarm_service.h"

#include <algorithm>
#include <boost/json.hpp>

#include "base/core/assert.h"
#include "model/hops.h"
#include "model/keys.h"
#include "model/text.h"
#include "service/alarm/rows.h"
#include "store/keyed_scan.h"

namespace dunlin::alarm {

AlarmService::AlarmService(Executor& executor, hub::Bus& bus, store::Keyed& keyed, metrics::Registry& metrics,
                           AlarmOptions options)
    : executor_(executor),
      bus_(bus),
      keyed_(keyed),
      options_(options),
      self_(make_service_principal("alarm")),
      open_(metrics),
      flaps_(options.flapping),
      raised_(metrics.counter("dunlin_alarm_raised_total", "Alarms raised")),
      refused_(
          metrics.counter("dunlin_alarm_refused_total", "Alarms not raised: over the limit of open ones")),
      held_(metrics.counter("dunlin_alarm_held_total",
                            "Repetitions not told of: the alarm was shelved, suppressed or flapping")),
      retries_(metrics.counter("dunlin_alarm_step_retries_total",
                               "Changes by time that the store did not take and that were tried again")),
      retention_(executor, keyed, metrics, options.retention,
                 [this](const Alarm& alarm) { return open_.holds(alarm); }) {}

AlarmService::~AlarmService() {
  executor_.cancel(timer_);
}

void AlarmService::start(std::move_only_function<void(Result<void>)> started) {
  const std::string prefix(kShelfPrefix);
  auto each = [this](const store::Entry& entry) { return shelves_.load(entry); };
  store::for_each_entry(executor_, keyed_, store::Table::meta,
                        {.begin = prefix, .end = model::prefix_end(prefix)}, std::move(each),
                        [this, started = std::move(started)](Result<void> loaded) mutable {
                          if (!loaded) return started(std::move(loaded));
                          load(std::move(started));
                        });
}

void AlarmService::load(std::move_only_function<void(Result<void>)> started) {
  auto each = [this](const store::Entry& entry) { return take(entry); };
  store::for_each_entry(executor_, keyed_, store::Table::alarm, {}, std::move(each),
                        [this, started = std::move(started)](Result<void> loaded) mutable {
                          if (!loaded) return started(std::move(loaded));
                          retention_.start();
                          wake();
                          started({});
                        });
}

Result<void> AlarmService::take(const store::Entry& entry) {
  DUNLIN_TRY(Alarm alarm, alarm_of(entry));
  if (alarm.is_open()) keep(condition_key(alarm), alarm);
  return {};
}

Circumstances AlarmService::circumstances(const Alarm& alarm) const {
  Circumstances now;
  now.now = executor_.wall_now();
  // What is odd about a thing itself (tampering) is never hidden: a gateway is easily cut off.
  if (gateway_of_ && alarm.source != Source::service) now.gateway = gateway_of_(alarm.tenant, alarm.thing);
  now.calm = options_.flapping.calm;
  now.escalate_after = options_.escalate_after;
  return now;
}

void AlarmService::keep(const std::string& key, Alarm& alarm) {
  if (!alarm.is_open()) return open_.erase(key);
  alarm.revision = ++revisions_;
  const Circumstances now = circumstances(alarm);
  open_.put(key, alarm, now.gateway.name, due_of(alarm, now));
}

namespace {

/// A batch's changes of one alarm that follow each other in the same state are told of as one.
class Changes {
 public:
  explicit Changes(AlarmService::Prepared& prepared) : prepared_(prepared) {}

  void add(Alarm alarm) {
    for (const Event& event : alarm.fresh) prepared_.puts.push_back(stored(alarm.tenant, alarm.id, event));
    const std::string key = model::tenant_key(alarm.tenant, alarm.id);
    const bool is_told = alarm.change != Change::updated || !alarm.is_held();
    Newest& newest = newest_[key];
    newest.row = alarm;
    if (!is_told) return;
    std::vector<Alarm>& changed = prepared_.changed;
    if (newest.told && changed[*newest.told].state() == alarm.state()) {
      Alarm& before = changed[*newest.told];
      if (alarm.change == Change::updated) alarm.change = before.change;
      before = std::move(alarm);
      return;
    }
    newest.told = changed.size();
    changed.push_back(std::move(alarm));
  }
  void finish() {
    for (const auto& [key, newest] : newest_) prepared_.puts.push_back(stored(newest.row));
  }

 private:
  struct Newest {
    Alarm row;
    std::optional<std::size_t> told;
  };
  AlarmService::Prepared& prepared_;
  std::map<std::string, Newest> newest_;
};

}  // namespace

AlarmService::Prepared AlarmService::prepare(const std::vector<Finding>& findings) {
  Prepared prepared;
  Changes changes(prepared);
  for (const Finding& finding : findings) {
    auto alarm = apply(finding);
    if (!alarm) continue;
    if (alarm->change == Change::updated && alarm->is_held()) held_.add();
    changes.add(*std::move(alarm));
  }
  changes.finish();
  ++unannounced_;
  wake();
  return prepared;
}

void AlarmService::announce(const Prepared& prepared) {
  DUNLIN_ASSERT(unannounced_ > 0);
  --unannounced_;
  for (const Alarm& alarm : prepared.changed) tell(alarm);
  if (unannounced_ > 0 || !blocked_) return;
  std::exchange(blocked_, {})();
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

void AlarmService::tell(const Alarm& alarm) {
  for (const auto& handler : handlers_) handler(alarm);
  boost::json::object told = to_json(alarm);
  told["change"] = change_name(alarm.change);
  hub::Message message;
  message.topic = Slice::copy_of(std::string(kAlarmTopics) + alarm.name + "/" + alarm.thing);
  message.payload = Slice::copy_of(model::json_text(told));
  message.principal = in_tenant(self_, alarm.tenant);
  message.received_at = executor_.wall_now();
  model::set_hops(message, alarm.hops + 1);
  bus_.publish(executor_, std::move(message), {});
}

}  // namespace dunlin::alarm
