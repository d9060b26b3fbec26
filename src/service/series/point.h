#pragma once
// What the room is about: points of series, and how a range of them is read.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "hub/principal.h"
#include "model/sample.h"
#include "store/chunk/chunk.h"

namespace dunlin::series {

using SeriesId = Id<struct SeriesTag, std::uint32_t>;

struct Point {
  WallTime time{};
  model::Value value;
  model::Quality quality = model::Quality::good;
  std::uint8_t flags = 0;  // model::kHistorical ...
  friend bool operator==(const Point&, const Point&) = default;
};

/// Points of one read; longer ones are refused.
inline constexpr std::size_t kMaxPointsPerQuery = 5'000'000;

/// A point on its way into the store.
struct NewPoint {
  SeriesId series;
  Point point;
};

/// One series: what is known of it without reading its points.
struct SeriesInfo {
  SeriesId id;
  TenantId tenant;
  std::string device;
  std::string channel;
  std::string unit;
  Point last;
};

/// A part of a downsampled range, or a single point (count 1).
struct Bucket {
  WallTime time{};  // of its first point
  double mean = 0;
  double min = 0;
  double max = 0;
  std::uint64_t count = 0;
};

/// A time of one series.
struct ScanRange {
  TenantId tenant;
  SeriesId series;
  WallTime from{};  // inclusive
  WallTime to{};    // exclusive
};

/// The buckets that a visitor makes of parts of time.
struct PartGrid {
  std::int64_t width = 0;   // nanoseconds; 0: all time is one
  std::int64_t origin = 0;  // where one begins
  enum class Fit : std::uint8_t {
    whole,  // no part may lie in two
    near    // it may, where there are no points: it is told to the one that it begins in
  } fit = Fit::whole;
};

/// A time of several series, which are read in this order.
struct ScanSet {
  TenantId tenant;
  std::vector<SeriesId> series;
  WallTime from{};  // inclusive
  WallTime to{};    // exclusive
  std::size_t max_points =
      kMaxPointsPerQuery;  // told of; those of chunks taken by their summaries do not count
  PartGrid grid{};
  /// Where points are gone and rollups are left of them, which the visitor does not want.
  enum class Gone : std::uint8_t {
    leave_out,
    refuse  // unsupported: who asks would take what is left for all
  } gone = Gone::leave_out;
};

/// Points begin to end of the columns: a part of a range, all of one type. Valid during the call.
struct Block {
  const store::ChunkPoints& columns;
  std::size_t begin = 0;
  std::size_t end = 0;
};
/// Any of a block's points.
Point point_at(const store::ChunkPoints& columns, std::size_t i);
/// Its value as a number; truth values are 0 and 1, nullopt for texts.
std::optional<double> number_at(const store::ChunkPoints& columns, std::size_t i);
using model::number_of;

enum class ScanGo : std::uint8_t { on, stop };

/// Gets what is in a range, ascending by time; of several series one after another.
struct ScanVisitor {
  /// May be empty. What follows is of this series.
  std::move_only_function<void(SeriesId)> series = {};
  std::move_only_function<ScanGo(const Block&)> block;
  /// May be empty. Of a chunk that is in the range as a whole and alone in its time: true if its points are
  /// not needed.
  std::move_only_function<bool(const store::ChunkSummary&)> chunk = {};
  /// May be empty: rollups are not asked for. Of a part of time whose points are gone. With it, `chunk` gets
  /// parts that stand for several chunks, too. Statistics are of the numbers among its points.
  std::move_only_function<ScanGo(const store::ChunkSummary&)> part = {};
  /// May be empty. Of such a part that begins before the range, or ends behind it: it is left out.
  std::move_only_function<void(const store::ChunkSummary&)> cut = {};
};

}  // namespace dunlin::series
