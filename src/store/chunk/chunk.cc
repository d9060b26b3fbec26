#include "store/chunk/chunk.h"

#include <algorithm>
#include <array>
#include <span>

#include "base/core/assert.h"
#include "store/chunk/bytes_io.h"
#include "store/chunk/chunk_summary.h"
#include "store/chunk/integer_column.h"
#include "store/chunk/limits.h"
#include "store/chunk/number_column.h"
#include "store/chunk/text_column.h"

namespace dunlin::store {
namespace {

constexpr std::uint8_t kVersion = 1;

/// The byte behind the version: type (3 bits), then these, then the unit of times (2 bits).
constexpr std::uint8_t kTypeMask = 0x07;
constexpr std::uint8_t kHasMarks = 0x08;
constexpr std::uint8_t kDecimalSummary = 0x10;
constexpr unsigned kUnitShift = 5;
constexpr std::uint8_t kHeadMask = 0x7f;

constexpr std::array<std::uint64_t, 4> kUnits{1, 1'000, 1'000'000, 1'000'000'000};  // nanoseconds

bool is_text(ChunkType type) {
  return type == ChunkType::text || type == ChunkType::bytes || type == ChunkType::json;
}

std::uint64_t span_of(std::int64_t first, std::int64_t time) {
  return static_cast<std::uint64_t>(time) - static_cast<std::uint64_t>(first);
}

/// The largest unit that all times are whole numbers of, from the first on.
unsigned unit_of(std::span<const std::int64_t> times) {
  auto unit = static_cast<unsigned>(kUnits.size() - 1);
  for (const std::int64_t time : times) {
    while (span_of(times.front(), time) % kUnits[unit] != 0) --unit;
  }
  return unit;
}

void check(const ChunkPoints& points) {
  const std::size_t count = points.times.size();
  DUNLIN_ASSERT(count > 0 && count <= kMaxChunkPoints);
  DUNLIN_ASSERT(std::visit([](const auto& values) { return values.size(); }, points.values) == count);
  DUNLIN_ASSERT(points.marks.empty() || points.marks.size() == count);
  DUNLIN_ASSERT(std::ranges::adjacent_find(points.times, std::ranges::greater_equal{}) == points.times.end());
  const std::size_t expected = points.type == ChunkType::number ? 0 : is_text(points.type) ? 2 : 1;
  DUNLIN_ASSERT(points.values.index() == expected);
}

/// What is written of the values: as integers where that tells them.
struct Columns {
  std::optional<DecimalColumn> decimals;  // of numbers
  std::optional<DecimalSummary> exact;    // of all of them, without an outlier
};

Columns columns_of(const ChunkPoints& points) {
  Columns columns;
  if (const auto* numbers = std::get_if<std::vector<double>>(&points.values)) {
    columns.decimals = decimals_of(*numbers);
    if (columns.decimals && columns.decimals->outliers.empty())
      columns.exact = DecimalSummary::of(columns.decimals->scaled, columns.decimals->decimals);
  } else if (const auto* integers = std::get_if<std::vector<std::int64_t>>(&points.values)) {
    columns.exact = DecimalSummary::of(*integers, 0);
  }
  return columns;
}

DoubleSummary summary_of_doubles(const ChunkPoints& points) {
  if (const auto* numbers = std::get_if<std::vector<double>>(&points.values))
    return DoubleSummary::of(*numbers);
  const auto& integers = std::get<std::vector<std::int64_t>>(points.values);
  return DoubleSummary::of(std::vector<double>(integers.begin(), integers.end()));
}

void write_values(ByteWriter& to, const ChunkPoints& points, const Columns& columns) {
  if (columns.decimals) return write_decimals(to, *columns.decimals);
  if (const auto* numbers = std::get_if<std::vector<double>>(&points.values))
    return write_doubles(to, *numbers);
  if (const auto* integers = std::get_if<std::vector<std::int64_t>>(&points.values))
    return write_integers(to, *integers);
  write_texts(to, std::get<std::vector<std::string>>(points.values));
}

/// What is in front of the columns.
struct Head {
  ChunkSummary summary;
  bool has_marks = false;
  std::uint64_t unit = 1;
};

Head read_head(std::int64_t first_time, ByteReader& from) {
  Head head;
  if (from.byte() != kVersion) from.broken();
  const std::uint8_t byte = from.byte();
  const auto type = static_cast<ChunkType>(byte & kTypeMask);
  if ((byte & ~kHeadMask) != 0 || type > ChunkType::json) from.broken();
  head.has_marks = (byte & kHasMarks) != 0;
  head.unit = kUnits[(byte >> kUnitShift) & 3U];
  ChunkSummary& summary = head.summary;
  summary.type = type;
  summary.points = from.varint();
  if (summary.points == 0 || summary.points > kMaxChunkPoints) from.broken();
  summary.first_time = first_time;
  summary.last_time = wrapping_add(first_time, static_cast<std::int64_t>(from.varint() * head.unit));
  if (!from.ok() || is_text(type)) return head;
  if ((byte & kDecimalSummary) != 0) {
    DecimalSummary::read(from, summary.points).tell(summary);
  } else {
    DoubleSummary::read(from).tell(summary);
  }
  if (summary.numbers > summary.points) from.broken();
  return head;
}

ChunkValues read_values(ByteReader& from, ChunkType type, std::size_t count) {
  if (type == ChunkType::number) return read_doubles(from, count);
  if (is_text(type)) return read_texts(from, count);
  return read_integers(from, count);
}

/// Offsets in units become times: whether the first one is `first_time`, and each is after the one before.
/// Without a branch for each; by itself, so that all of it is in registers.
[[gnu::noinline]] bool make_times(std::span<std::int64_t> offsets, std::int64_t first_time,
                                  std::uint64_t unit) {
  unsigned back = offsets.front() != 0 ? 1U : 0U;
  std::int64_t before = offsets.front() = first_time;
  for (std::int64_t& offset : offsets.subspan(1)) {
    offset = wrapping_add(first_time, static_cast<std::int64_t>(static_cast<std::uint64_t>(offset) * unit));
    back |= offset <= before ? 1U : 0U;
    before = offset;
  }
  return back == 0;
}

bool are_truth_values(const ChunkValues& values) {
  const auto* integers = std::get_if<std::vector<std::int64_t>>(&values);
  return integers != nullptr &&
         std::ranges::all_of(*integers, [](auto value) { return value == 0 || value == 1; });
}

std::vector<std::uint8_t> read_marks(ByteReader& from, std::size_t count) {
  std::vector<std::uint8_t> marks;
  marks.reserve(count);
  for (const std::int64_t mark : read_integers(from, count)) {
    if (mark < 0 || mark > 0xff) from.broken();
    marks.push_back(static_cast<std::uint8_t>(mark));
  }
  return marks;
}

}  // namespace

ChunkSummary summarise(const ChunkPoints& points) {
  check(points);
  ChunkSummary summary;
  summary.type = points.type;
  summary.points = points.times.size();
  summary.first_time = points.times.front();
  summary.last_time = points.times.back();
  if (is_text(points.type)) return summary;
  if (const Columns columns = columns_of(points); columns.exact) {
    columns.exact->tell(summary);
  } else {
    summary_of_doubles(points).tell(summary);
  }
  return summary;
}

std::string encode_chunk(const ChunkPoints& points) {
  check(points);
  const Columns columns = columns_of(points);
  const unsigned unit = unit_of(points.times);
  const std::int64_t first = points.times.front();
  const bool has_marks = std::ranges::any_of(points.marks, [](std::uint8_t mark) { return mark != 0; });
  ByteWriter to;
  to.byte(kVersion);
  to.byte(static_cast<std::uint8_t>(static_cast<unsigned>(points.type) | (has_marks ? kHasMarks : 0U) |
                                    (columns.exact ? kDecimalSummary : 0U) | (unit << kUnitShift)));
  to.varint(points.times.size());
  to.varint(span_of(first, points.times.back()) / kUnits[unit]);
  if (columns.exact) {
    columns.exact->write(to);
  } else if (!is_text(points.type)) {
    summary_of_doubles(points).write(to);
  }
  std::vector<std::int64_t> offsets;
  offsets.reserve(points.times.size());
  for (const std::int64_t time : points.times)
    offsets.push_back(static_cast<std::int64_t>(span_of(first, time) / kUnits[unit]));
  write_integers(to, offsets);
  write_values(to, points, columns);
  if (has_marks) write_integers(to, std::vector<std::int64_t>(points.marks.begin(), points.marks.end()));
  return to.take();
}

Result<ChunkSummary> read_chunk_summary(std::int64_t first_time, std::string_view chunk) {
  ByteReader from(chunk);
  const Head head = read_head(first_time, from);
  if (!from.ok()) return fail(Errc::corrupt, "a chunk of a series is damaged");
  return head.summary;
}

Result<ChunkPoints> decode_chunk(std::int64_t first_time, std::string_view chunk) {
  ByteReader from(chunk);
  const Head head = read_head(first_time, from);
  const std::size_t count = head.summary.points;
  ChunkPoints points;
  points.type = head.summary.type;
  bool ascend = false;
  if (from.ok()) {
    points.times = read_integers(from, count);
    ascend = from.ok() && make_times(points.times, first_time, head.unit);
  }
  if (from.ok()) points.values = read_values(from, points.type, count);
  if (from.ok() && head.has_marks) points.marks = read_marks(from, count);
  const bool is_whole = from.at_end() && points.times.back() == head.summary.last_time && ascend &&
                        (points.type != ChunkType::truth || are_truth_values(points.values));
  if (!is_whole) return fail(Errc::corrupt, "a chunk of a series is damaged");
  return points;
}

}  // namespace dunlin::store
