#include "apps/signals.h"

#include <pthread.h>
#include <signal.h>

namespace dunlin::apps {
namespace {

sigset_t end_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  return set;
}

}  // namespace

void keep_end_signals() {
  const sigset_t set = end_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

void wait_for_end() {
  const sigset_t set = end_signals();
  int received = 0;
  sigwait(&set, &received);
}

bool end_comes_within(Duration time) {
  const sigset_t set = end_signals();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  const timespec limit{.tv_sec = seconds.count(), .tv_nsec = (time - seconds).count()};
  return sigtimedwait(&set, nullptr, &limit) > 0;
}

}  // namespace dunlin::apps
