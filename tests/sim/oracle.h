#pragma once
// The rules that every run must keep.

#include <string>
#include <vector>

#include "history.h"

namespace dunlin::sim {

/// `rule` is a stable word (README.md lists them); `details` names the message.
struct Violation {
  std::string rule;
  std::string details;
};

/// Every violation in a finished run's history; empty: all is well.
std::vector<Violation> check(const History& history);

}  // namespace dunlin::sim
