#include "net/reactor.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "base/core/assert.h"
#include "net/limits.h"

namespace dunlin::net {

namespace {

thread_local Reactor* current_reactor = nullptr;

std::uint64_t ticks_down(Duration time) {
  return static_cast<std::uint64_t>(time / kTimerTick);
}
std::uint64_t ticks_up(Duration time) {
  return static_cast<std::uint64_t>((time + kTimerTick - Duration{1}) / kTimerTick);
}
Duration system_now() {
  return SystemClock{}.now().time_since_epoch();
}

/// Of events that tell of an end. When a network goes, thousands end at once, and each has a session to be
/// looked after: those who are still there come first.
constexpr std::uint32_t kEnds = EPOLLRDHUP | EPOLLHUP | EPOLLERR;

// Far enough that adding it to the present cannot overflow.
constexpr Duration kLongestDelay = std::chrono::hours{24 * 365 * 20};

}  // namespace

struct Reactor::FetchedEvents {
  std::array<epoll_event, kMaxEventsPerTurn> events;
  int next = 0;
  int count = 0;
};

Reactor::Reactor()
    : epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      fetched_(std::make_unique<FetchedEvents>()),
      timers_(ticks_down(system_now())) {
  if (!epoll_.valid() || !wake_.valid())
    throw std::system_error(errno, std::generic_category(), "event loop");
  // Edge-triggered: each write to the eventfd wakes once and nothing has to be read back.
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;
  event.data.ptr = nullptr;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &event) != 0)
    throw std::system_error(errno, std::generic_category(), "event loop");
  update_time();
}

Reactor::~Reactor() {
  DUNLIN_ASSERT(!running_.load());
}

bool Reactor::is_current() const {
  return current_reactor == this;
}

void Reactor::update_time() {
  const SystemClock clock;
  now_.store(clock.now().time_since_epoch().count(), std::memory_order_relaxed);
  wall_now_.store(clock.wall_now().time_since_epoch().count(), std::memory_order_relaxed);
}

void Reactor::run() {
  DUNLIN_ASSERT(!running_.exchange(true));
  DUNLIN_ASSERT(current_reactor == nullptr);
  current_reactor = this;
  update_time();
  while (!stopping_.load(std::memory_order_acquire)) turn();
  stopping_.store(false);
  current_reactor = nullptr;
  running_.store(false, std::memory_order_release);
}

void Reactor::stop() {
  stopping_.store(true, std::memory_order_release);
  wake();
}

void Reactor::wake() const {
  const std::uint64_t one = 1;
  // A full counter (EAGAIN) means that a wake-up is already due.
  [[maybe_unused]] const auto written = ::write(wake_.get(), &one, sizeof one);
}

void Reactor::post(Task task) {
  if (is_current()) {
    tasks_.push_back(std::move(task));
    return;
  }
  bool must_wake = false;
  {
    const std::scoped_lock lock(mail_mutex_);
    mail_.push_back(std::move(task));
    must_wake = std::exchange(sleeping_, false);
  }
  if (must_wake) wake();
}

TimerId Reactor::schedule(Duration delay, Task task) {
  DUNLIN_ASSERT(may_touch());
  delay = std::clamp(delay, Duration::zero(), kLongestDelay);
  return timers_.schedule(ticks_up(now().time_since_epoch() + delay), std::move(task));
}

void Reactor::cancel(TimerId timer) {
  DUNLIN_ASSERT(may_touch());
  timers_.cancel(timer);
}

bool Reactor::control(int operation, EventSource& source, std::uint32_t events) const {
  epoll_event event{};
  event.events = events;
  event.data.ptr = &source;
  return ::epoll_ctl(epoll_.get(), operation, source.descriptor_, &event) == 0;
}

bool Reactor::watch(int fd, std::uint32_t events, EventSource& source) {
  DUNLIN_ASSERT(may_touch());
  source.descriptor_ = fd;
  source.interest_ = events;
  return control(EPOLL_CTL_ADD, source, events);
}

void Reactor::change(std::uint32_t events, EventSource& source) {
  source.interest_ = events;
  if (source.waiting_ != EventSource::Waiting::muted) DUNLIN_ASSERT(control(EPOLL_CTL_MOD, source, events));
}

void Reactor::unwatch(EventSource& source) {
  DUNLIN_ASSERT(may_touch());
  control(EPOLL_CTL_DEL, source, 0);
  source.descriptor_ = -1;
  for (int i = fetched_->next; i < fetched_->count; ++i) {
    epoll_event& fetched = fetched_->events[static_cast<std::size_t>(i)];
    if (fetched.data.ptr == &source) fetched.data.ptr = nullptr;
  }
  if (handling_ == &source) handling_ = nullptr;
  source.service_ = EventSource::Service::at_once;
  if (std::exchange(source.waiting_, EventSource::Waiting::no) == EventSource::Waiting::no) return;
  for (auto* queue : {&after_quick_, &last_})
    for (PutOff& waiting : *queue)
      if (waiting.source == &source) waiting.source = nullptr;
}

void Reactor::list(std::vector<EventSource*>& sources, EventSource& source) {
  source.turn_end_index_ = static_cast<std::uint32_t>(sources.size());
  sources.push_back(&source);
}

void Reactor::at_turn_end(EventSource& source) {
  if (source.turn_end_index_ == EventSource::kNotListed) list(turn_end_, source);
}

void Reactor::after_turn_end(EventSource& source) {
  forget_turn_end(source);
  list(after_turn_end_, source);
}

void Reactor::forget_turn_end(EventSource& source) {
  const std::size_t index = std::exchange(source.turn_end_index_, EventSource::kNotListed);
  if (index == EventSource::kNotListed) return;
  for (auto* sources : {&ending_, &turn_end_, &after_turn_end_}) {
    if (index < sources->size() && (*sources)[index] == &source) (*sources)[index] = nullptr;
  }
}

MutableByteView Reactor::read_buffer() {
  if (read_buffer_ == nullptr)
    read_buffer_ = std::make_unique_for_overwrite<std::uint8_t[]>(kReadBufferBytes);
  const bool many = fetched_->count > kFewEvents;
  return {read_buffer_.get(), many ? kReadBufferBytes / 4 : kReadBufferBytes};
}

int Reactor::wait_limit() {
  if (!tasks_.empty() || next_task_ < running_tasks_.size()) return 0;
  if (!turn_end_.empty() || !after_turn_end_.empty()) return 0;
  if (!after_quick_.empty() || !last_.empty()) return 0;
  {
    const std::scoped_lock lock(mail_mutex_);
    if (!mail_.empty()) return 0;
    sleeping_ = true;
  }
  const std::uint64_t tick = timers_.next_tick();
  if (tick == TimerWheel::kNever) return -1;
  const Duration due = kTimerTick * static_cast<Duration::rep>(tick);
  const Duration left = due - system_now();
  if (left <= Duration::zero()) return 0;
  constexpr Duration kLongestWait = std::chrono::hours{1};
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(std::min(left, kLongestWait));
  return static_cast<int>(wait.count());
}

void Reactor::turn() {
  if (fetched_->next == fetched_->count) fetch();
  turns_.store(turns_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  update_time();
  dispatch();
  take_mail();
  run_tasks();
  dispatch_put_off();
  timers_.advance(ticks_down(now().time_since_epoch()));
  end_turn();
}

void Reactor::fetch() {
  const int limit = wait_limit();
  const int count = ::epoll_wait(epoll_.get(), fetched_->events.data(), kMaxEventsPerTurn, limit);
  DUNLIN_ASSERT(count >= 0 || errno == EINTR);
  fetched_->next = 0;
  fetched_->count = std::max(count, 0);
}

/// What is left after kLongestDispatch has the next turn: what the first have to send waits for the last.
void Reactor::dispatch() {
  Duration now = system_now();
  const Duration until = now + kLongestDispatch;
  while (fetched_->next < fetched_->count && now <= until) {
    const epoll_event event = fetched_->events[static_cast<std::size_t>(fetched_->next++)];
    if (event.data.ptr == nullptr) continue;
    EventSource& source = *static_cast<EventSource*>(event.data.ptr);
    if ((event.events & kEnds) != 0) source.service_ = EventSource::Service::last;
    if (source.service_ != EventSource::Service::at_once) {
      put_off(source, event.events);
    } else {
      now = handle(source, event.events, now);
    }
  }
}

/// Behind the others' tasks and output.
void Reactor::dispatch_put_off() {
  if (after_quick_.empty() && last_.empty()) return;
  run_turn_end(turn_end_);
  dispatch_put_off(after_quick_);
  dispatch_put_off(last_);
}

/// One at least, and more while there is time: a long queue is not the next one's delay.
void Reactor::dispatch_put_off(std::deque<PutOff>& waiting) {
  using Waiting = EventSource::Waiting;
  Duration now = system_now();
  const Duration until = now + kLongestDispatch;
  while (!waiting.empty() && now <= until) {
    const PutOff next = waiting.front();
    waiting.pop_front();
    if (next.source == nullptr) continue;
    if (std::exchange(next.source->waiting_, Waiting::no) == Waiting::muted)
      DUNLIN_ASSERT(control(EPOLL_CTL_MOD, *next.source, next.source->interest_));
    now = handle(*next.source, next.events, now);
  }
  mute_waiting(waiting);
}

/// What waits over the end of a turn is not told again meanwhile. epoll goes round those that have something:
/// thousands that wait would be told of, turn after turn, before anybody who has come since.
void Reactor::mute_waiting(std::deque<PutOff>& waiting) {
  for (auto next = waiting.rbegin(); next != waiting.rend(); ++next) {
    if (next->source == nullptr) continue;
    if (std::exchange(next->source->waiting_, EventSource::Waiting::muted) == EventSource::Waiting::muted)
      return;
    // Ends and errors are always told, but edge-triggered only once.
    DUNLIN_ASSERT(control(EPOLL_CTL_MOD, *next->source, EPOLLET));
  }
}

/// Level-triggered: what comes after the first event is told again.
void Reactor::put_off(EventSource& source, std::uint32_t events) {
  if (source.waiting_ != EventSource::Waiting::no) return;
  source.waiting_ = EventSource::Waiting::put_off;
  auto& queue = source.service_ == EventSource::Service::last ? last_ : after_quick_;
  queue.push_back({&source, events});
}

/// Answers the time when it ended.
Duration Reactor::handle(EventSource& source, std::uint32_t events, Duration begin) {
  using Service = EventSource::Service;
  source.service_ = Service::at_once;
  handling_ = &source;
  source.on_events(events);
  const Duration end = system_now();
  const bool took_long = handling_ != nullptr && end - begin > kHeavyEvent;
  if (took_long && handling_->service_ == Service::at_once) handling_->service_ = Service::after_quick;
  handling_ = nullptr;
  return end;
}

void Reactor::take_mail() {
  {
    const std::scoped_lock lock(mail_mutex_);
    sleeping_ = false;
    if (mail_.empty()) return;
    mail_batch_.swap(mail_);
  }
  for (Task& task : mail_batch_) tasks_.push_back(std::move(task));
  mail_batch_.clear();
}

/// What a task posts runs in the next turn: the sockets have theirs in between.
void Reactor::run_tasks() {
  for (std::size_t done = 0; done < kMaxTasksPerTurn; ++done) {
    if (next_task_ == running_tasks_.size()) {
      running_tasks_.clear();
      next_task_ = 0;
      if (done > 0 || tasks_.empty()) return;
      running_tasks_.swap(tasks_);
    }
    Task task = std::move(running_tasks_[next_task_++]);
    task();
  }
}

void Reactor::end_turn() {
  run_turn_end(turn_end_);
  run_turn_end(after_turn_end_);
}

void Reactor::run_turn_end(std::vector<EventSource*>& sources) {
  ending_.swap(sources);
  for (std::size_t i = 0; i < ending_.size(); ++i) {
    EventSource* source = ending_[i];
    if (source == nullptr) continue;
    // From here on the source may be listed again, for the next turn.
    source->turn_end_index_ = EventSource::kNotListed;
    ending_[i] = nullptr;
    source->on_turn_end();
  }
  ending_.clear();
}

}  // namespace dunlin::net
