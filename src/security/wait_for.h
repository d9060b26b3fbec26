#pragma once
// For tests: answers that come later.

#include <gtest/gtest.h>

#include <optional>
#include <utility>

#include "base/result.h"
#include "base/virtual_executor.h"

namespace dunlin::security {

/// Calls `ask` with a completion and runs until it has been called.
template <class T, class Ask>
Result<T> wait_for(VirtualScheduler& scheduler, Ask ask) {
  std::optional<Result<T>> answer;
  ask([&answer](Result<T> result) {
    EXPECT_FALSE(answer) << "completed twice";
    answer = std::move(result);
  });
  EXPECT_FALSE(answer) << "completed inside the call";
  scheduler.run_ready();
  EXPECT_TRUE(answer) << "never completed";
  return answer ? std::move(*answer) : Result<T>(fail(Errc::internal, "never completed"));
}

}  // namespace dunlin::security
