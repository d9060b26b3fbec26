#include "service/series/columns.h"

#include <algorithm>
#include <cstdlib>

#include "service/series/series_key.h"

namespace dunlin::series {
namespace {

using store::ChunkPoints;
using store::ChunkType;

/// A point's mark: quality (2 bits), flags (5 bits), and whether a number was a whole one.
constexpr std::uint8_t kQualityMask = 0x03;
constexpr unsigned kFlagsShift = 2;
constexpr std::uint8_t kFlagsMask = 0x1f;

/// Every integer up to here is a double.
constexpr std::int64_t kExact = std::int64_t{1} << 53;

/// What can stand in one chunk.
enum class Family : std::uint8_t { number, large_integer, truth, text, json };

Family family_of(const model::Value& value) {
  if (const auto* integer = std::get_if<std::int64_t>(&value))
    return *integer >= -kExact && *integer <= kExact ? Family::number : Family::large_integer;
  if (std::holds_alternative<bool>(value)) return Family::truth;
  if (std::holds_alternative<std::string>(value)) return Family::text;
  if (std::holds_alternative<model::JsonText>(value)) return Family::json;
  return Family::number;
}

/// Numbers among which are whole ones say so by their marks.
void put_numbers(ChunkPoints& chunk, std::span<const Point> points) {
  std::vector<double> values;
  values.reserve(points.size());
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (std::holds_alternative<std::int64_t>(points[i].value)) chunk.marks[i] |= kWhole;
    values.push_back(number_of(points[i].value).value_or(0));
  }
  chunk.values = std::move(values);
}

template <class Stored, class Read>
std::vector<Stored> values_of(std::span<const Point> points, Read read) {
  std::vector<Stored> values;
  values.reserve(points.size());
  for (const Point& point : points) values.push_back(read(point.value));
  return values;
}

model::Value value_at(const ChunkPoints& chunk, std::size_t i) {
  if (const auto* numbers = std::get_if<std::vector<double>>(&chunk.values)) {
    const bool whole = !chunk.marks.empty() && (chunk.marks[i] & kWhole) != 0;
    return whole ? model::Value{static_cast<std::int64_t>((*numbers)[i])} : model::Value{(*numbers)[i]};
  }
  if (const auto* integers = std::get_if<std::vector<std::int64_t>>(&chunk.values))
    return chunk.type == ChunkType::truth ? model::Value{(*integers)[i] != 0} : model::Value{(*integers)[i]};
  const std::string& text = std::get<std::vector<std::string>>(chunk.values)[i];
  return chunk.type == ChunkType::json ? model::Value{model::JsonText{text}} : model::Value{text};
}

/// Marks and types that seal_points() does not make.
bool is_known(const ChunkPoints& chunk) {
  if (chunk.type == ChunkType::bytes) return false;
  const auto* numbers = std::get_if<std::vector<double>>(&chunk.values);
  for (std::size_t i = 0; i < chunk.marks.size(); ++i) {
    if ((chunk.marks[i] & kQualityMask) > static_cast<unsigned>(model::Quality::bad)) return false;
    if ((chunk.marks[i] & kWhole) == 0) continue;
    if (numbers == nullptr || !(std::abs((*numbers)[i]) <= static_cast<double>(kExact))) return false;
  }
  return true;
}

}  // namespace

std::uint8_t mark_of(const Point& point) {
  return static_cast<std::uint8_t>(static_cast<unsigned>(point.quality) |
                                   ((point.flags & kFlagsMask) << kFlagsShift));
}

bool is_number(const model::Value& value) {
  return std::holds_alternative<double>(value) ||
         (std::holds_alternative<std::int64_t>(value) && family_of(value) == Family::number);
}

ChunkPoints columns_of(std::span<const Point> points) {
  ChunkPoints chunk;
  for (const Point& point : points) {
    chunk.times.push_back(unix_nanoseconds(point.time));
    chunk.marks.push_back(mark_of(point));
  }
  const bool whole = std::ranges::all_of(
      points, [](const Point& point) { return std::holds_alternative<std::int64_t>(point.value); });
  const Family family = family_of(points.front().value);
  if (whole) {
    chunk.type = ChunkType::integer;
    chunk.values = values_of<std::int64_t>(
        points, [](const model::Value& value) { return std::get<std::int64_t>(value); });
  } else if (family == Family::number) {
    put_numbers(chunk, points);
  } else if (family == Family::truth) {
    chunk.type = ChunkType::truth;
    chunk.values = values_of<std::int64_t>(
        points, [](const model::Value& value) { return std::get<bool>(value) ? 1 : 0; });
  } else if (family == Family::text) {
    chunk.type = ChunkType::text;
    chunk.values = values_of<std::string>(
        points, [](const model::Value& value) { return std::get<std::string>(value); });
  } else {
    chunk.type = ChunkType::json;
    chunk.values = values_of<std::string>(
        points, [](const model::Value& value) { return std::get<model::JsonText>(value).value; });
  }
  return chunk;
}

Result<ChunkPoints> decode_columns(std::string_view key, std::string_view chunk) {
  if (!is_chunk_key(key)) return fail(Errc::corrupt, "a stored chunk has an unknown key");
  DUNLIN_TRY(ChunkPoints decoded, store::decode_chunk(unix_nanoseconds(time_of_key(key)), chunk));
  if (!is_known(decoded)) return fail(Errc::corrupt, "a stored chunk has an unknown form");
  return decoded;
}

std::vector<Point> points_of(const ChunkPoints& columns) {
  std::vector<Point> points;
  points.reserve(columns.times.size());
  for (std::size_t i = 0; i < columns.times.size(); ++i) points.push_back(point_at(columns, i));
  return points;
}

Point point_at(const ChunkPoints& columns, std::size_t i) {
  const std::uint8_t mark = columns.marks.empty() ? 0 : columns.marks[i];
  return {from_unix_nanoseconds(columns.times[i]), value_at(columns, i),
          static_cast<model::Quality>(mark & kQualityMask),
          static_cast<std::uint8_t>((mark >> kFlagsShift) & kFlagsMask)};
}

std::optional<double> number_at(const ChunkPoints& columns, std::size_t i) {
  if (const auto* numbers = std::get_if<std::vector<double>>(&columns.values)) return (*numbers)[i];
  if (const auto* integers = std::get_if<std::vector<std::int64_t>>(&columns.values))
    return static_cast<double>((*integers)[i]);
  return std::nullopt;
}

Result<store::ChunkSummary> summary_of(std::string_view key, std::string_view chunk) {
  if (!is_chunk_key(key)) return fail(Errc::corrupt, "a stored chunk has an unknown key");
  return store::read_chunk_summary(unix_nanoseconds(time_of_key(key)), chunk);
}

ChunkPoints with_integers(ChunkPoints columns) {
  const auto* numbers = std::get_if<std::vector<double>>(&columns.values);
  const bool whole =
      numbers != nullptr && !columns.marks.empty() &&
      std::ranges::all_of(columns.marks, [](std::uint8_t mark) { return (mark & kWhole) != 0; });
  if (!whole) return columns;
  std::vector<std::int64_t> integers(numbers->size());
  std::ranges::transform(*numbers, integers.begin(),
                         [](double number) { return static_cast<std::int64_t>(number); });
  for (std::uint8_t& mark : columns.marks) mark &= static_cast<std::uint8_t>(~kWhole);
  columns.type = ChunkType::integer;
  columns.values = std::move(integers);
  return columns;
}

std::size_t run_length(std::span<const Point> points) {
  if (points.empty()) return 0;
  const Family family = family_of(points.front().value);
  std::size_t count = 1;
  while (count < points.size() && count < kSealedPoints && family_of(points[count].value) == family) ++count;
  return count;
}

store::Entry encode_columns(TenantId tenant, SeriesId series, const ChunkPoints& columns) {
  return {chunk_key(tenant, series, from_unix_nanoseconds(columns.times.front())),
          store::encode_chunk(columns)};
}

std::vector<ChunkPoints> in_columns(std::span<const Point> points) {
  std::vector<ChunkPoints> all;
  while (!points.empty()) {
    const std::size_t count = run_length(points);
    all.push_back(columns_of(points.first(count)));
    points = points.subspan(count);
  }
  return all;
}

std::vector<Point> merge_points(std::vector<Point> older, std::vector<Point> newer) {
  if (older.empty()) return newer;
  if (newer.empty()) return older;
  std::vector<Point> merged;
  merged.reserve(older.size() + newer.size());
  auto from = older.begin();
  for (Point& point : newer) {
    while (from != older.end() && from->time < point.time) merged.push_back(std::move(*from++));
    if (from != older.end() && from->time == point.time) ++from;
    merged.push_back(std::move(point));
  }
  std::move(from, older.end(), std::back_inserter(merged));
  return merged;
}

}  // namespace dunlin::series
