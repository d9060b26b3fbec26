#pragma once
// Keys of the table `series`. Format: docs/formats/series.md.

#include <cstddef>
#include <string>
#include <string_view>

#include "service/series/point.h"

namespace dunlin::series {

/// tenant (4) | series (4) | time (8), all big endian: where a series begins at a time.
std::string series_key(TenantId tenant, SeriesId series, WallTime time);
inline constexpr std::size_t kSeriesKeyBytes = 16;

/// That of a chunk: series_key() of its first time | 1.
std::string chunk_key(TenantId tenant, SeriesId series, WallTime first);
bool is_chunk_key(std::string_view key);
/// Of any key of at least kSeriesKeyBytes.
WallTime time_of_key(std::string_view key);
SeriesId series_of_key(std::string_view key);

}  // namespace dunlin::series
