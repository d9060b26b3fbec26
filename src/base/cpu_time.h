#pragma once

#include "base/clock.h"
#include "base/result.h"

namespace dunlin {

/// CPU time, user and system, that the calling thread has used since it began.
Duration thread_cpu_time();

/// From now on the calling thread, and those that it starts later, run on the core where it is. Cores of a
/// virtual machine are often halves of one, which makes CPU time dear while the other half works. Errors:
/// unavailable (the kernel refuses).
Result<void> stay_on_one_core();

}  // namespace dunlin
