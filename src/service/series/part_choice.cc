#include "service/series/part_choice.h"

#include <algorithm>

#include "base/time_text.h"

namespace dunlin::series {
namespace {

std::string_view name_of(RollupLength length) {
  constexpr std::array<std::string_view, kRollupLengths.size()> kNames{"minutes", "hours", "days"};
  return kNames[index_of(length)];
}

}  // namespace

bool fits(const PartGrid& grid, RollupLength length) {
  const std::int64_t of_part = duration_of(length).count();
  return grid.width == 0 || (grid.width % of_part == 0 && grid.origin % of_part == 0);
}

bool is_cut(const ScanSet& set, WallTime day) {
  return day < set.from || next_day(day) > set.to;
}

std::vector<RollupLength> lengths_for(const SeriesEntry& series, const ScanSet& set, WallTime day) {
  std::vector<RollupLength> lengths;
  for (const RollupLength length : kRollupLengths)
    if (series.rollups.has(length)) lengths.push_back(length);
  if (!is_cut(set, day)) std::ranges::reverse(lengths);
  const auto is_good = [&grid = set.grid](RollupLength length) {
    if (grid.fit == PartGrid::Fit::whole) return fits(grid, length);
    return duration_of(length).count() <= grid.width;
  };
  const auto others = std::stable_partition(lengths.begin(), lengths.end(), is_good);
  std::sort(others, lengths.end());
  return lengths;
}

Result<void> check_told(const SeriesEntry& series, const ScanSet& set, RollupLength length) {
  if (set.grid.fit == PartGrid::Fit::near || fits(set.grid, length)) return {};
  return fail(Errc::unsupported, "of times before " + format_rfc3339(series.rollups.points_from) + " only " +
                                     std::string(name_of(length)) +
                                     " are kept: ask for buckets of whole ones, or for later times");
}

std::optional<RollupLength> length_of_made(const SeriesEntry& series, const ScanSet& set) {
  if (set.grid.fit != PartGrid::Fit::whole) return std::nullopt;
  for (const RollupLength length : {RollupLength::day, RollupLength::hour}) {
    const bool is_there = series.rollups.lengths.has(length) && series.rollups.has(length);
    if (is_there && fits(set.grid, length)) return length;
  }
  return std::nullopt;
}

}  // namespace dunlin::series
