// AlarmService: what people and time change, one after the other.

#include <algorithm>

#include "base/core/assert.h"
#include "base/log.h"
#include "model/keys.h"
#include "model/retry.h"
#include "service/alarm/alarm_service.h"
#include "service/alarm/rows.h"

namespace dunlin::alarm {
namespace {

Result<void> must_be_open(const Alarm& alarm) {
  if (alarm.is_open()) return {};
  return fail(Errc::conflict, "the alarm is cleared already");
}

void add_rows(store::Batch& batch, const Alarm& alarm) {
  for (const Event& event : alarm.fresh) batch.puts.push_back(stored(alarm.tenant, alarm.id, event));
  batch.puts.push_back(stored(alarm));
}

}  // namespace

void AlarmService::in_turn(Task task) {
  waiting_.push_back(std::move(task));
  if (turn_ == Turn::free) next_change();
}

void AlarmService::next_change() {
  turn_ = Turn::free;
  if (waiting_.empty()) return;
  turn_ = Turn::taken;
  Task task = std::move(waiting_.front());
  waiting_.pop_front();
  task();
}

void AlarmService::when_free(Task task) {
  DUNLIN_ASSERT(!blocked_);
  if (unannounced_ == 0) return task();
  blocked_ = std::move(task);
}

void AlarmService::get(TenantId tenant, std::string id, AlarmDone done) {
  keyed_.get(executor_, store::Table::alarm, model::tenant_key(tenant, id),
             [tenant, id, done = std::move(done)](Result<std::optional<std::string>> found) mutable {
               if (!found) return done(std::unexpected(found.error()));
               if (!*found) return done(fail(Errc::not_found, "there is no alarm \"" + id + "\""));
               done(alarm_from_json(tenant, **found));
             });
}

void AlarmService::change(Deed deed, Edit edit, AlarmDone done) {
  if (waiting_.size() >= kMaxWaitingChanges)
    return done(fail(Errc::unavailable, "too many changes of alarms wait; try again in a moment"));
  in_turn([this, deed = std::move(deed), edit = std::move(edit), done = std::move(done)]() mutable {
    auto finished = [this, done = std::move(done)](Result<Alarm> changed) mutable {
      done(std::move(changed));
      next_change();
    };
    get(deed.tenant, deed.id,
        [this, edit = std::move(edit), finished = std::move(finished)](Result<Alarm> found) mutable {
          if (!found) return finished(std::move(found));
          when_free([this, edit = std::move(edit), alarm = *std::move(found),
                     finished = std::move(finished)]() mutable {
            store_change(std::move(alarm), edit, std::move(finished));
          });
        });
  });
}

void AlarmService::undo(const std::string& key, const Alarm& before, const Alarm& after) {
  // What a finder has added or ended meanwhile is stored by it, with the change that failed here.
  const Alarm* now = open_.find(key);
  const bool is_as_it_was_left =
      after.is_open() ? now != nullptr && now->revision == after.revision : now == nullptr;
  if (!is_as_it_was_left) return;
  Alarm again = before;
  keep(key, again);
}

void AlarmService::store_change(Alarm alarm, const Edit& edit, AlarmDone done) {
  const std::string key = condition_key(alarm);
  // The open one in memory is the newest; one that is no longer open was cleared meanwhile.
  const bool open_now = open_.holds(alarm);
  if (!open_now && alarm.is_open()) return done(fail(Errc::conflict, "the alarm was cleared just now"));
  if (open_now) alarm = *open_.find(key);
  const Alarm before = alarm;
  const std::optional<Shelf> shelf =
      shelves_.find(key) != nullptr ? std::optional(*shelves_.find(key)) : std::nullopt;
  alarm.hops = 0;
  store::Batch batch;
  if (auto edited = edit(alarm, batch); !edited) return done(std::unexpected(edited.error()));
  if (open_now) keep(key, alarm);
  add_rows(batch, alarm);
  wake();
  auto written = [this, key, before, shelf, alarm = std::move(alarm),
                  done = std::move(done)](Result<void> stored) mutable {
    if (stored) {
      tell(alarm);
      return done(std::move(alarm));
    }
    // It did not happen.
    if (before.is_open()) undo(key, before, alarm);
    shelves_.erase(key);
    if (shelf) shelves_.put(key, *shelf);
    done(std::unexpected(stored.error()));
  };
  keyed_.write(executor_, std::move(batch), std::move(written));
}

void AlarmService::acknowledge(Deed deed, AlarmDone done) {
  const Edit edit = [deed, now = executor_.wall_now()](Alarm& alarm, store::Batch&) -> Result<void> {
    DUNLIN_CHECK(must_be_open(alarm));
    alarm.acknowledged_at = now;
    alarm.acknowledged_by = deed.by;
    note(alarm, {Change::acknowledged, now, deed.by, deed.why});
    return {};
  };
  change(std::move(deed), edit, std::move(done));
}

void AlarmService::clear(Deed deed, AlarmDone done) {
  const Edit edit = [deed, now = executor_.wall_now()](Alarm& alarm, store::Batch&) -> Result<void> {
    DUNLIN_CHECK(must_be_open(alarm));
    alarm.cleared_at = now;
    alarm.cleared_by = deed.by;
    note(alarm, {Change::cleared, now, deed.by, deed.why});
    return {};
  };
  change(std::move(deed), edit, std::move(done));
}

void AlarmService::shelve(Deed deed, Duration time, AlarmDone done) {
  DUNLIN_ASSERT(time > Duration::zero() && time <= kMaxShelfTime);
  const Edit edit = [this, deed, time, now = executor_.wall_now()](Alarm& alarm,
                                                                   store::Batch& batch) -> Result<void> {
    DUNLIN_CHECK(must_be_open(alarm));
    const std::string key = condition_key(alarm);
    if (shelves_.find(key) == nullptr && shelves_.size() >= kMaxShelves)
      return fail(Errc::limit_exceeded, "there are 10000 shelved alarms already");
    alarm.shelf = Shelf{now + time, now, deed.by, deed.why};
    shelves_.put(key, *alarm.shelf);
    shelves_.save(batch, key);
    note(alarm, {Change::shelved, now, deed.by, deed.why});
    return {};
  };
  change(std::move(deed), edit, std::move(done));
}

void AlarmService::unshelve(Deed deed, AlarmDone done) {
  const Edit edit = [this, deed, now = executor_.wall_now()](Alarm& alarm,
                                                             store::Batch& batch) -> Result<void> {
    const std::string key = condition_key(alarm);
    if (shelves_.find(key) == nullptr) return fail(Errc::conflict, "the alarm is not shelved");
    shelves_.erase(key);
    shelves_.save(batch, key);
    alarm.shelf.reset();
    if (alarm.is_open()) alarm.waits_since = now;
    note(alarm, {Change::unshelved, now, deed.by, deed.why});
    return {};
  };
  change(std::move(deed), edit, std::move(done));
}

void AlarmService::comment(Deed deed, AlarmDone done) {
  const Edit edit = [deed, now = executor_.wall_now()](Alarm& alarm, store::Batch&) -> Result<void> {
    if (alarm.comments >= kMaxComments)
      return fail(Errc::limit_exceeded, "the alarm has 32 comments already");
    note(alarm, {Change::commented, now, deed.by, deed.why});
    return {};
  };
  change(std::move(deed), edit, std::move(done));
}

// ---- time and gateways ----

void AlarmService::wake() {
  std::optional<WallTime> next = open_.next_due();
  if (const auto end = shelves_.next_due()) next = next ? std::min(*next, *end) : *end;
  if (!next || (wakes_at_ && *wakes_at_ <= *next)) return;
  executor_.cancel(timer_);
  wakes_at_ = next;
  // Not for longer than a minute: the clock may be set.
  const Duration wait =
      std::clamp<Duration>(*next - executor_.wall_now(), Duration::zero(), std::chrono::minutes{1});
  timer_ = executor_.schedule(wait, [this] {
    wakes_at_.reset();
    const WallTime now = executor_.wall_now();
    std::vector<std::string> keys = open_.due(now, kMaxStepsAtOnce);
    std::ranges::move(shelves_.due(now, kMaxStepsAtOnce), std::back_inserter(keys));
    if (keys.empty()) return wake();
    proceed_with(std::move(keys));
  });
}

void AlarmService::look_again(TenantId tenant, const std::string& thing) {
  proceed_with(open_.about(tenant, thing));
}

void AlarmService::proceed_with(std::vector<std::string> keys) {
  const bool is_queued = !stale_.empty();
  std::ranges::move(keys, std::inserter(stale_, stale_.end()));
  if (is_queued || stale_.empty()) return;
  in_turn([this] { when_free([this] { take_steps(); }); });
}

/// The alarms' steps that are due, in one write.
struct AlarmService::Step {
  struct Changed {
    std::string key;
    Alarm before;
    Alarm after;
  };
  std::vector<Changed> changed;
  std::vector<std::pair<std::string, Shelf>> ended;
};

void AlarmService::take_steps() {
  auto step = std::make_shared<Step>();  // shared with the completion
  store::Batch batch;
  const WallTime now = executor_.wall_now();
  std::vector<std::string> keys;
  while (!stale_.empty() && keys.size() < kMaxStepsAtOnce)
    keys.push_back(std::move(stale_.extract(stale_.begin()).value()));
  if (!stale_.empty()) in_turn([this] { when_free([this] { take_steps(); }); });
  for (const std::string& key : keys) {
    if (const Shelf* shelf = shelves_.find(key); shelf != nullptr && shelf->until <= now) {
      step->ended.emplace_back(key, *shelf);
      shelves_.erase(key);
      shelves_.save(batch, key);
    }
    const Alarm* open = open_.find(key);
    if (open == nullptr) continue;
    Alarm alarm = *open;
    alarm.hops = 0;
    proceed(alarm, circumstances(alarm));
    if (!alarm.fresh.empty()) {
      add_rows(batch, alarm);
      step->changed.push_back({key, *open, alarm});
    }
    keep(key, alarm);
    if (!step->changed.empty() && step->changed.back().key == key)
      step->changed.back().after.revision = alarm.revision;
  }
  const auto finish = [this] {
    wake();
    next_change();
  };
  if (batch.empty()) return finish();
  keyed_.write(executor_, std::move(batch), [this, step, finish](Result<void> written) {
    if (written) {
      for (const Step::Changed& changed : step->changed) tell(changed.after);
      return finish();
    }
    retries_.add();
    log::refusal("service/alarm", "what time changes of alarms is not stored", "store",
                 {{"why", written.error().message}});
    const WallTime again = executor_.wall_now() + model::kRetryInterval;
    for (const Step::Changed& changed : step->changed) {
      undo(changed.key, changed.before, changed.after);
      open_.postpone(changed.key, again);
    }
    for (auto& [key, shelf] : step->ended) {
      shelf.until = again;
      shelves_.put(key, shelf);
    }
    finish();
  });
}

}  // namespace dunlin::alarm
