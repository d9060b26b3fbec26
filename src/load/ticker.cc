#include "load/ticker.h"

#include <sys/prctl.h>

#include <utility>

namespace dunlin::load {
namespace {

constexpr unsigned long kTimerSlackNanoseconds =
    1000;  // the kernel's usual 50 us would be most of the lateness

}  // namespace

Ticker::Ticker(Executor& executor, const Clock& clock, Moment moment, std::function<void()> tick)
    : executor_(executor), clock_(clock), moment_(std::move(moment)), call_(std::make_shared<Call>()) {
  call_->tick = std::move(tick);
  thread_ = std::jthread([this](const std::stop_token& done) { run(done); });
}

Ticker::~Ticker() = default;

void Ticker::run(const std::stop_token& done) {
  ::prctl(PR_SET_TIMERSLACK, kTimerSlackNanoseconds, 0, 0, 0);
  std::unique_lock lock(mutex_);
  for (std::uint64_t number = 0; !done.stop_requested(); ++number) {
    wake_.wait_for(lock, done, moment_(number) - clock_.now(), [] { return false; });
    if (done.stop_requested()) return;
    if (call_->waiting.exchange(true)) continue;
    executor_.post([call = call_] {
      call->waiting = false;
      call->tick();
    });
  }
}

}  // namespace dunlin::load
