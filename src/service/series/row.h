#pragma once
// The stored form of one point and of one dictionary entry. Format: docs/formats/series.md.

#include <string>
#include <string_view>

#include "base/result.h"
#include "service/series/series_store.h"

namespace dunlin::series {

/// tenant (4) | series (4) | time (8), all big endian.
std::string row_key(TenantId tenant, SeriesId series, WallTime time);
WallTime time_of_row_key(std::string_view key);
constexpr std::size_t kRowKeyBytes = 16;

/// version (1) | quality and flags (1) | type (1) | value.
std::string encode_point(const Point& point);
/// Errors: corrupt.
Result<Point> decode_point(std::string_view key, std::string_view bytes);

/// The numeric reading of a value: numbers, truth values as 0 and 1; nullopt for others.
std::optional<double> number_of(const model::Value& value);

}  // namespace dunlin::series
