#pragma once

#include "base/clock.h"
#include "base/result.h"

namespace dunlin::apps {

/// Keeps SIGTERM and SIGINT for wait_for_end(); call before any thread is made. SIGPIPE is ignored.
void keep_end_signals();

/// Blocks until SIGTERM or SIGINT comes, or end_because_of() is called. The status to exit with.
int wait_for_end();

/// The disk of a store has broken: the program ends in order, with the status EX_IOERR, so that whoever
/// supervises it starts it again and the stores are read anew. From any thread, any number of times.
void end_because_of(const Error& broken_disk);

/// True when SIGTERM or SIGINT comes within `time`.
bool end_comes_within(Duration time);

}  // namespace dunlin::apps
