#pragma once
// Retained messages that go by a filter.

#include <cstddef>
#include <functional>
#include <string>

#include "base/executor.h"
#include "base/result.h"
#include "hub/principal.h"

namespace dunlin::hub {

class Hub;

struct RetainedRemoval {
  std::size_t removed = 0;
  enum class Left : std::uint8_t { none, some } left = Left::none;  // the limit of a call was reached
};
inline constexpr std::size_t kMaxRetainedRemovedPerCall = 100'000;

/// Removes the retained messages whose topics the filter (valid) matches, in the name and tenant of
/// `principal`, page by page; `done` runs on `executor` when they are gone everywhere and that is on the
/// disk. The hub must outlive the call. Errors: those of a publish.
void remove_retained(Hub& hub, Executor& executor, PrincipalRef principal, std::string filter,
                     std::move_only_function<void(Result<RetainedRemoval>)> done);

}  // namespace dunlin::hub
