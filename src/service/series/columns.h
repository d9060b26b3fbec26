#pragma once
// Points as the columns of chunks, and back.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "service/series/point.h"
#include "store/chunk/chunk.h"
#include "store/keyed.h"

namespace dunlin::series {

/// A chunk is made of at most so many points.
inline constexpr std::size_t kSealedPoints = 4096;

/// The mark of a point in a chunk: quality (2 bits), flags (5 bits), and kWhole for a number that was an
/// integer.
std::uint8_t mark_of(const Point& point);
inline constexpr std::uint8_t kWhole = 0x80;

/// Whether the value stands among numbers: a double, or an integer that a double holds exactly.
bool is_number(const model::Value& value);

/// How many of the first points can stand in one chunk.
std::size_t run_length(std::span<const Point> points);
/// As columns; all can stand in one chunk.
store::ChunkPoints columns_of(std::span<const Point> points);
/// Columns of numbers, of which all are integers: as integers. Others as they are.
store::ChunkPoints with_integers(store::ChunkPoints columns);
std::vector<Point> points_of(const store::ChunkPoints& columns);

/// The columns of a stored chunk. Errors: corrupt.
Result<store::ChunkPoints> decode_columns(std::string_view key, std::string_view chunk);
/// Errors: corrupt.
Result<store::ChunkSummary> summary_of(std::string_view key, std::string_view chunk);
/// The entry that stores them.
store::Entry encode_columns(TenantId tenant, SeriesId series, const store::ChunkPoints& columns);

/// Columns of at most kSealedPoints each; `points` ascend, no two at one time, all of one window, no bytes
/// among them.
std::vector<store::ChunkPoints> in_columns(std::span<const Point> points);

/// Both ascending; of two at one time the one in `newer` stays.
std::vector<Point> merge_points(std::vector<Point> older, std::vector<Point> newer);

}  // namespace dunlin::series
