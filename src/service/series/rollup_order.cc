#include "service/series/rollup_order.h"

#include <algorithm>

#include "service/series/open_windows.h"

namespace dunlin::series {

WallTime end_of_made(const SeriesEntry& series, WallTime points_from, WallTime now) {
  WallTime end = day_start(now - kRollupDelay);
  for (const auto& window : series.windows)
    if (window->start >= points_from) end = std::min(end, day_start(window->start));
  return end;
}

WallTime begin_of_made(const RollupState& state, WallTime sealed_from) {
  return std::max({state.made_to, state.points_from, day_start(sealed_from)});
}

bool is_due(const SeriesEntry& series, const RollupOrder& order, WallTime now) {
  const RollupState& state = series.rollups;
  if (state.lengths != order.lengths || series.sealed_from < state.points_from) return true;
  const WallTime begin = begin_of_made(state, series.sealed_from);
  const WallTime made = end_of_made(series, state.points_from, now);
  if (begin < made && series.sealed_to >= begin) return true;
  const WallTime expired = std::min(day_start(order.points_before), made);
  if (expired > state.points_from && series.sealed_from < expired) return true;
  for (std::size_t i = 0; i < kRollupLengths.size(); ++i)
    if (state.from[i] < day_start(order.before[i])) return true;
  return false;
}

}  // namespace dunlin::series
