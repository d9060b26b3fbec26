#pragma once
// Which rollups a scan may tell of, and which of them are best.

#include <vector>

#include "base/result.h"
#include "service/series/dictionary.h"
#include "service/series/rollup.h"

namespace dunlin::series {

/// Whether a part of that length falls into one bucket.
bool fits(const PartGrid& grid, RollupLength length);

/// Whether the day is not all in the range.
bool is_cut(const ScanSet& set, WallTime day);

/// Lengths that the series has, the best for the day first: of one that the range cuts the shortest,
/// otherwise the longest; those that the buckets are too short for last.
std::vector<RollupLength> lengths_for(const SeriesEntry& series, const ScanSet& set, WallTime day);

/// Of a time whose points are gone. Errors: unsupported: the buckets are shorter than the parts.
Result<void> check_told(const SeriesEntry& series, const ScanSet& set, RollupLength length);

/// In which what was made stands for points that are there; none: the points are needed.
std::optional<RollupLength> length_of_made(const SeriesEntry& series, const ScanSet& set);

}  // namespace dunlin::series
