#include "base/core/assert.h"

#include <atomic>
#include <cstdio>
#include <cstdlib>

namespace dunlin {
namespace {
std::atomic<unsigned long> bug_count{0};
}

void assertion_failed(const char* expression, const char* file, int line) {
  std::fprintf(stderr, "level=fatal msg=\"assertion failed\" expression=\"%s\" at=%s:%d\n", expression, file,
               line);
  std::abort();
}

void bug_found(const char* expression, const char* file, int line) {
  const unsigned long count = bug_count.fetch_add(1, std::memory_order_relaxed);
  // Bounded: a bug on a hot path must not fill the disk with its reports.
  constexpr unsigned long kReportedBugs = 100;
  if (count < kReportedBugs) {
    std::fprintf(stderr, "level=error msg=\"bug\" expression=\"%s\" at=%s:%d\n", expression, file, line);
  }
}

unsigned long bugs_found() {
  return bug_count.load(std::memory_order_relaxed);
}

}  // namespace dunlin
