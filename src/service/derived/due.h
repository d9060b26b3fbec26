#pragma once
// A row that is ready to be computed, and what came in to make it so.

#include <algorithm>
#include <cstdint>
#include <string>

#include "model/sample.h"
#include "service/derived/formula.h"

namespace dunlin::derived {

/// What of a sample goes on to what is made of it.
struct Trace {
  int hops = 0;
  model::Watch watch = model::Watch::watched;

  void add(const Trace& other) {
    hops = std::max(hops, other.hops);
    if (other.watch == model::Watch::muted) watch = other.watch;
  }
};

struct Due {
  Row row;
  Trace trace{};
};

/// What became of samples that were not computed with. Not saved.
struct Counts {
  std::uint64_t late = 0;     // behind what has been computed
  std::uint64_t ahead = 0;    // of our clock
  std::uint64_t crowded = 0;  // waited less long, or left their window early
  std::uint64_t refused = 0;  // too many devices
};

}  // namespace dunlin::derived
