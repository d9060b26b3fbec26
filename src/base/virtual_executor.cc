#include "base/virtual_executor.h"

#include <algorithm>

#include "base/core/assert.h"

namespace dunlin {

bool VirtualScheduler::step() {
  if (ready_.empty()) return false;
  Ready next = std::move(ready_.front());
  ready_.pop_front();
  if (executors_.contains(next.executor)) next.task();
  return true;
}

std::size_t VirtualScheduler::run_ready(std::size_t max_tasks) {
  std::size_t count = 0;
  while (step()) {
    ++count;
    DUNLIN_ASSERT(count < max_tasks);
  }
  return count;
}

bool VirtualScheduler::fire_next_timer(Instant limit) {
  if (timers_.empty()) return false;
  auto first = timers_.begin();
  if (first->first.at > limit) return false;
  clock_.advance_to(first->first.at);
  Timer timer = std::move(first->second);
  timers_.erase(first);
  executors_.at(timer.executor)->timers_.erase(timer.id);
  timer.task();
  return true;
}

void VirtualScheduler::run_for(Duration duration) {
  const Instant end = clock_.now() + duration;
  run_ready();
  while (fire_next_timer(end)) run_ready();
  clock_.advance_to(end);
}

bool VirtualScheduler::run_until(const std::function<bool()>& done, Duration limit) {
  const Instant end = clock_.now() + limit;
  while (!done()) {
    if (step()) continue;
    if (fire_next_timer(end)) continue;
    clock_.advance_to(end);
    return done();
  }
  return true;
}

VirtualExecutor::VirtualExecutor(VirtualScheduler& scheduler)
    : scheduler_(scheduler), id_(scheduler.next_executor_++) {
  scheduler_.executors_.emplace(id_, this);
}

VirtualExecutor::~VirtualExecutor() {
  scheduler_.executors_.erase(id_);
  for (const auto& [id, due] : timers_) scheduler_.timers_.erase(due);
  // Tasks of a dead executor are skipped by step(); what they own goes now, as the memory of a dead process
  // would.
  std::erase_if(scheduler_.ready_, [this](const auto& ready) { return ready.executor == id_; });
}

void VirtualExecutor::post(Task task) {
  scheduler_.ready_.push_back({id_, std::move(task)});
}

TimerId VirtualExecutor::schedule(Duration delay, Task task) {
  const std::uint64_t order = scheduler_.next_order_++;
  const VirtualScheduler::Due due{now() + std::max(delay, Duration::zero()), order};
  const TimerId id{order};
  scheduler_.timers_.emplace(due, VirtualScheduler::Timer{id_, id, std::move(task)});
  timers_.emplace(id, due);
  return id;
}

void VirtualExecutor::cancel(TimerId timer) {
  const auto found = timers_.find(timer);
  if (found == timers_.end()) return;
  scheduler_.timers_.erase(found->second);
  timers_.erase(found);
}

}  // namespace dunlin
