#pragma once
// What the table `series` holds: rows of one point, and chunks of many that a window was sealed into. Format:
// docs/formats/series.md.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "service/series/series_store.h"
#include "store/chunk/chunk.h"
#include "store/keyed.h"

namespace dunlin::series {

/// A chunk is made of at most so many points.
inline constexpr std::size_t kSealedPoints = 4096;

/// Row key | 1: behind the row of the same time.
std::string chunk_key(TenantId tenant, SeriesId series, WallTime first);
bool is_chunk_key(std::string_view key);

/// The points of a chunk, ascending. Errors: corrupt.
Result<store::ChunkPoints> decode_columns(std::string_view key, std::string_view chunk);
Result<std::vector<Point>> decode_piece(std::string_view key, std::string_view chunk);
/// Errors: corrupt.
Result<store::ChunkSummary> piece_summary(std::string_view key, std::string_view chunk);

/// How many of the first points can stand in one chunk.
std::size_t run_length(std::span<const Point> points);
/// As columns; all can stand in one chunk.
store::ChunkPoints columns_of(std::span<const Point> points);

/// Chunks that hold `points` (ascending, no two at one time, all of one window, no bytes among them). As many
/// as there are changes of type, or more.
std::vector<store::Entry> seal_points(TenantId tenant, SeriesId series, std::span<const Point> points);

/// Both ascending; of two at one time the one in `newer` stays.
std::vector<Point> merge_points(std::vector<Point> older, std::vector<Point> newer);

}  // namespace dunlin::series
