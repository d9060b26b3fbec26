#pragma once

#include "base/clock.h"

namespace dunlin {

/// CPU time, user and system, that the calling thread has used since it began.
Duration thread_cpu_time();

}  // namespace dunlin
