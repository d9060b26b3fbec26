#pragma once
// The threads that read and group for queries over series.

#include <cstdint>
#include <vector>

#include "net/reactor_threads.h"

namespace dunlin::platform {

/// They give way to the threads that serve connections, and to the workers.
class QueryThreads {
 public:
  /// `wanted` 0: one per core. At most query::kMaxQueryThreads.
  explicit QueryThreads(std::int64_t wanted);

  /// The thread that made this.
  void start();
  /// Ends and joins them; what they have not come to goes with this object.
  void stop() { threads_.stop(); }

  std::vector<Executor*> executors() const;

 private:
  net::ReactorThreads threads_;
};

}  // namespace dunlin::platform
