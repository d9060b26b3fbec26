#pragma once
// What processes have used of the machine, read from /proc.

#include <cstdint>
#include <vector>

#include "base/fs.h"
#include "base/result.h"

namespace dunlin::load {

struct ProcessUsage {
  double cpu_seconds = 0;  // user and system time of all threads, in steps of the kernel's tick (10 ms)
  std::uint64_t resident_bytes = 0;  // without the kernel's socket buffers
};

/// The sum over the processes. Errors: not_found (a process is not there).
Result<ProcessUsage> process_usage(Fs& fs, const std::vector<int>& process_ids);

}  // namespace dunlin::load
