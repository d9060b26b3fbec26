#include "apps/signals.h"

#include <pthread.h>
#include <signal.h>
#include <sysexits.h>
#include <unistd.h>

#include <atomic>

#include "base/log.h"

namespace dunlin::apps {
namespace {

std::atomic<int> exit_status{0};

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

int wait_for_end() {
  const sigset_t set = end_signals();
  int received = 0;
  sigwait(&set, &received);
  return exit_status.load();
}

void end_because_of(const Error& broken_disk) {
  if (exit_status.exchange(EX_IOERR) == EX_IOERR) return;
  log::error("apps", "the disk has broken, the program ends; start it again to read the disk anew",
             {{"error", broken_disk.message}});
  kill(getpid(), SIGTERM);
}

bool end_comes_within(Duration time) {
  const sigset_t set = end_signals();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  const timespec limit{.tv_sec = seconds.count(), .tv_nsec = (time - seconds).count()};
  return sigtimedwait(&set, nullptr, &limit) > 0;
}

}  // namespace dunlin::apps
