#include "service/alarm/retention.h"

#include <queue>
#include <tuple>
#include <utility>

#include "base/log.h"
#include "model/keys.h"
#include "service/alarm/rows.h"

namespace dunlin::alarm {
namespace {

WallTime cleared_at(const Alarm& alarm) {
  return alarm.cleared_at.value_or(alarm.last_at);
}

struct LaterCleared {
  bool operator()(const Alarm& a, const Alarm& b) const {
    return std::tuple(cleared_at(a), a.raised_at) > std::tuple(cleared_at(b), b.raised_at);
  }
};

}  // namespace

/// One walk through the table.
struct Retention::Sweep {
  std::string next;  // the key to go on at
  WallTime oldest{};
  std::priority_queue<Alarm, std::vector<Alarm>, LaterCleared> kept;  // on top the one cleared first
  std::vector<Alarm> doomed;                                          // of this page
};

Retention::Retention(Executor& executor, store::Keyed& keyed, metrics::Registry& metrics,
                     RetentionOptions options, IsOpen is_open)
    : executor_(executor),
      keyed_(keyed),
      options_(options),
      is_open_(std::move(is_open)),
      removed_(metrics.counter("dunlin_alarm_removed_total", "Cleared alarms removed: too old or too many")) {
}

Retention::~Retention() {
  executor_.cancel(timer_);
}

void Retention::start() {
  schedule(kFirstSweep);
}

void Retention::schedule(Duration delay) {
  timer_ = executor_.schedule(delay, [this] {
    sweep_ = std::make_shared<Sweep>();
    sweep_->oldest = executor_.wall_now() - options_.keep_cleared;
    next_page();
  });
}

void Retention::next_page() {
  keyed_.range(executor_, store::Table::alarm, {.begin = sweep_->next, .end = {}},
               [this, alive = std::weak_ptr<Sweep>(sweep_)](Result<std::vector<store::Entry>> entries) {
                 if (alive.expired()) return;
                 if (!entries) {
                   log::refusal("service/alarm", "cleared alarms are not removed: the store cannot be read",
                                "store", {{"why", entries.error().message}});
                   return finish();
                 }
                 if (entries->empty()) return finish();
                 take(*entries);
                 remove(entries->back().key + '\0');
               });
}

void Retention::take(const std::vector<store::Entry>& entries) {
  for (const store::Entry& entry : entries) {
    auto alarm = alarm_of(entry);
    // What cannot be read stays for a person to look at.
    if (!alarm || alarm->is_open()) continue;
    alarm->message.clear();
    alarm->causes.clear();
    if (cleared_at(*alarm) < sweep_->oldest) {
      sweep_->doomed.push_back(*std::move(alarm));
      continue;
    }
    sweep_->kept.push(*std::move(alarm));
    if (sweep_->kept.size() <= options_.max_cleared) continue;
    sweep_->doomed.push_back(sweep_->kept.top());
    sweep_->kept.pop();
  }
}

void Retention::remove(std::string next) {
  sweep_->next = std::move(next);
  store::Batch batch;
  std::int64_t count = 0;
  for (const Alarm& alarm : std::exchange(sweep_->doomed, {})) {
    // A repeated delivery may have raised it anew under the same id.
    if (is_open_(alarm)) continue;
    batch.deletes.push_back({store::Table::alarm, model::tenant_key(alarm.tenant, alarm.id)});
    forget_log(batch, alarm.tenant, alarm.id, alarm.history, alarm.comments);
    ++count;
  }
  if (batch.empty()) return next_page();
  keyed_.write(executor_, std::move(batch),
               [this, count, alive = std::weak_ptr<Sweep>(sweep_)](Result<void> written) {
                 if (alive.expired()) return;
                 if (!written) {
                   log::refusal("service/alarm", "cleared alarms are not removed", "store",
                                {{"why", written.error().message}});
                   return finish();
                 }
                 removed_.add(count);
                 next_page();
               });
}

void Retention::finish() {
  sweep_.reset();
  schedule(kSweepInterval);
}

}  // namespace dunlin::alarm
