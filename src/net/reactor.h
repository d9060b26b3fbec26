#pragma once
// The event loop of one thread: sockets through epoll (level-triggered), tasks from other threads, timers.

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "base/core/bytes.h"
#include "base/executor.h"
#include "net/timer_wheel.h"
#include "net/unique_fd.h"

namespace dunlin::net {

class Reactor;

/// Something with a descriptor in a reactor. The reactor's thread only.
class EventSource {
 public:
  EventSource() = default;
  EventSource(const EventSource&) = delete;
  EventSource& operator=(const EventSource&) = delete;
  virtual ~EventSource() = default;

  /// `events` as epoll reports them. May destroy this source or any other.
  virtual void on_events(std::uint32_t events) = 0;
  /// Called once at the end of a turn in which at_turn_end() was called. May destroy this source or any
  /// other.
  virtual void on_turn_end() {}

 protected:
  /// From on_events(): more of the same is to come, and its next events wait until those of others are done.
  void yield_to_others() {
    if (service_ == Service::at_once) service_ = Service::after_quick;
  }
  /// Its next events wait for all that is done for others, also for those that yield: long work for peers
  /// that nobody knows yet, of whom there may be many.
  void come_last() { service_ = Service::last; }
  /// What it is watched for, as epoll's bits; what it was last, when it is watched no more.
  std::uint32_t interest() const { return interest_; }

 private:
  friend class Reactor;
  static constexpr std::uint32_t kNotListed = ~std::uint32_t{0};
  enum class Service : std::uint8_t { at_once, after_quick, last };
  enum class Waiting : std::uint8_t { no, put_off, muted };
  std::uint32_t turn_end_index_ = kNotListed;
  int descriptor_ = -1;
  std::uint32_t interest_ = 0;
  Service service_ = Service::at_once;  // of its next events
  Waiting waiting_ = Waiting::no;
};

/// One thread each. A turn is: events, posted tasks, timers, then the end of the turn (queued output leaves).
/// Sources that took long with their last events, or said that they will, have theirs after everything else:
/// what a loud peer sends does not hold up a quiet one.
///
/// post(), stop(), now() and wall_now() may be called from any thread; everything else on the thread inside
/// run(), or, while no thread is inside run(), from the one thread that sets the reactor up or takes it down.
/// What was registered must be gone before the reactor is destroyed; tasks that never ran are destroyed with
/// it.
class Reactor final : public Executor {
 public:
  /// Throws std::system_error when the kernel gives no epoll or eventfd descriptor.
  Reactor();
  ~Reactor() override;

  /// Runs turns on the calling thread until stop().
  void run();
  /// Ends run() after the present turn; remembered if run() has not begun. Any thread.
  void stop();

  void post(Task task) override;
  /// Granularity: kTimerTick.
  TimerId schedule(Duration delay, Task task) override;
  void cancel(TimerId timer) override;
  Instant now() const override { return Instant{Duration{now_.load(std::memory_order_relaxed)}}; }
  WallTime wall_now() const override { return WallTime{Duration{wall_now_.load(std::memory_order_relaxed)}}; }
  /// False on every thread while run() is not active.
  bool is_current() const override;
  /// True where the reactor's own-thread functions may be called: its thread, or any while nobody runs it.
  bool may_touch() const { return is_current() || !running_.load(std::memory_order_acquire); }

  /// Adds a descriptor; false if the kernel refuses (errno says why).
  bool watch(int fd, std::uint32_t events, EventSource& source);
  void change(std::uint32_t events, EventSource& source);
  /// Removes the descriptor (which must still be open) and forgets events already fetched for it.
  void unwatch(EventSource& source);

  /// Calls source.on_turn_end() once at the end of this turn (of the next one, if called from on_turn_end).
  void at_turn_end(EventSource& source);
  /// The same, behind all others: for work that must not hold up what they have to send.
  void after_turn_end(EventSource& source);
  void forget_turn_end(EventSource& source);

  /// Shared by all connections: its content lasts until the present callback returns to the loop.
  /// kReadBufferBytes, a quarter while more than kFewEvents sources have something.
  MutableByteView read_buffer();

  std::uint64_t turns() const { return turns_.load(std::memory_order_relaxed); }

 private:
  struct PutOff {
    EventSource* source;
    std::uint32_t events;
  };

  void turn();
  int wait_limit();
  void update_time();
  void fetch();
  void dispatch();
  void dispatch_put_off();
  void dispatch_put_off(std::deque<PutOff>& waiting);
  Duration handle(EventSource& source, std::uint32_t events, Duration begin);
  void put_off(EventSource& source, std::uint32_t events);
  void mute_waiting(std::deque<PutOff>& waiting);
  bool control(int operation, EventSource& source, std::uint32_t events) const;
  void take_mail();
  void run_tasks();
  void end_turn();
  void list(std::vector<EventSource*>& sources, EventSource& source);
  void run_turn_end(std::vector<EventSource*>& sources);
  void wake() const;

  struct FetchedEvents;

  UniqueFd epoll_;
  UniqueFd wake_;
  std::atomic<Duration::rep> now_{0};
  std::atomic<Duration::rep> wall_now_{0};
  std::atomic<bool> stopping_{false};
  std::atomic<bool> running_{false};
  std::atomic<std::uint64_t> turns_{0};

  std::unique_ptr<FetchedEvents> fetched_;
  std::deque<PutOff> after_quick_;
  std::deque<PutOff> last_;
  EventSource* handling_ = nullptr;  // its on_events() is under way, and it is still watched
  TimerWheel timers_;
  std::vector<Task> tasks_;
  std::vector<Task> running_tasks_;
  std::size_t next_task_ = 0;
  std::vector<EventSource*> turn_end_;
  std::vector<EventSource*> after_turn_end_;
  std::vector<EventSource*> ending_;  // what is being run of one of the two
  std::unique_ptr<std::uint8_t[]> read_buffer_;

  // Other threads put tasks here; one wake-up per batch, and none while the loop is awake.
  std::mutex mail_mutex_;
  std::vector<Task> mail_;
  bool sleeping_ = false;
  std::vector<Task> mail_batch_;
};

}  // namespace dunlin::net
