#pragma once

#include <functional>
#include <future>

#include "base/executor.h"
#include "base/result.h"

namespace dunlin::apps {

/// Runs `begin` on the executor, which runs on another thread, and waits for its completion.
template <class Begin>
Result<void> wait_on(Executor& executor, Begin begin) {
  std::promise<Result<void>> finished;
  auto future = finished.get_future();
  executor.post([&] {
    begin(std::move_only_function<void(Result<void>)>(
        [&](Result<void> result) { finished.set_value(std::move(result)); }));
  });
  return future.get();
}

}  // namespace dunlin::apps
