#include "service/series/series_key.h"

#include "model/keys.h"

namespace dunlin::series {
namespace {

constexpr char kChunkSuffix = 1;

}  // namespace

std::string series_key(TenantId tenant, SeriesId series, WallTime time) {
  return model::big_endian_32(tenant.value) + model::big_endian_32(series.value) +
         model::big_endian_64(unix_nanoseconds(time));
}

std::string chunk_key(TenantId tenant, SeriesId series, WallTime first) {
  return series_key(tenant, series, first) + kChunkSuffix;
}

bool is_chunk_key(std::string_view key) {
  return key.size() == kSeriesKeyBytes + 1 && key.back() == kChunkSuffix;
}

WallTime time_of_key(std::string_view key) {
  return from_unix_nanoseconds(model::read_big_endian_64(key.substr(8, 8)));
}

SeriesId series_of_key(std::string_view key) {
  return SeriesId{model::read_big_endian_32(key.substr(4, 4))};
}

}  // namespace dunlin::series
