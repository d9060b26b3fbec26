#pragma once

#include "base/clock.h"

namespace dunlin::apps {

/// Keeps SIGTERM and SIGINT for wait_for_end(); call before any thread is made. SIGPIPE is ignored.
void keep_end_signals();

/// Blocks until SIGTERM or SIGINT comes.
void wait_for_end();

/// True when SIGTERM or SIGINT comes within `time`.
bool end_comes_within(Duration time);

}  // namespace dunlin::apps
