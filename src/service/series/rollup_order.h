#pragma once
// What is to become of a series: which rollups are made of it, and what is kept no longer.

#include <array>
#include <chrono>

#include "service/series/dictionary.h"
#include "service/series/rollup.h"

namespace dunlin::series {

/// Rollups of a day are made so long after its end: later samples make them anew.
inline constexpr Duration kRollupDelay = std::chrono::hours{3};

struct RollupOrder {
  SeriesId series;
  RollupLengths lengths;                     // at least one
  WallTime points_before = WallTime::min();  // points of days before that day go, once they are in rollups
  /// Entries of days before these go, of each length.
  std::array<WallTime, kRollupLengths.size()> before{WallTime::min(), WallTime::min(), WallTime::min()};
};

/// Whether there is anything to do.
bool is_due(const SeriesEntry& series, const RollupOrder& order, WallTime now);

/// Days before this can be made. Of a window that is open not all is in chunks.
WallTime end_of_made(const SeriesEntry& series, WallTime points_from, WallTime now);
/// From where entries have to be made.
WallTime begin_of_made(const RollupState& state, WallTime sealed_from);

}  // namespace dunlin::series
