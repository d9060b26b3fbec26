#include "base/cpu_time.h"

#include <sched.h>
#include <time.h>

namespace dunlin {

Duration thread_cpu_time() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds{time.tv_sec} + Duration{time.tv_nsec};
}

Result<void> stay_on_one_core() {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  CPU_SET(::sched_getcpu(), &cores);
  if (::sched_setaffinity(0, sizeof cores, &cores) != 0)
    return fail(Errc::unavailable, "cannot stay on one core");
  return {};
}

}  // namespace dunlin
