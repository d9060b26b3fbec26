#include "service/series/rollup.h"

#include <algorithm>
#include <cmath>

#include "model/keys.h"
#include "store/chunk/bytes_io.h"
#include "store/chunk/integer_column.h"
#include "store/chunk/number_column.h"

namespace dunlin::series {
namespace {

using store::ByteReader;
using store::ByteWriter;
using store::ChunkPoints;
using store::ChunkSummary;

constexpr std::uint8_t kVersion = 1;
constexpr std::int64_t kFirst = std::numeric_limits<std::int64_t>::min();

constexpr std::size_t most_parts(RollupLength length) {
  return static_cast<std::size_t>(kRollupDay / duration_of(length));
}

std::int64_t start_of(std::int64_t time, RollupLength length) {
  return unix_nanoseconds(part_start(from_unix_nanoseconds(time), duration_of(length)));
}

/// Points begin to end of the columns, without their marks.
ChunkPoints slice(const ChunkPoints& columns, std::size_t begin, std::size_t end) {
  const auto part_of = [begin, end](const auto& from) {
    return std::decay_t<decltype(from)>(from.begin() + static_cast<std::ptrdiff_t>(begin),
                                        from.begin() + static_cast<std::ptrdiff_t>(end));
  };
  ChunkPoints made;
  made.type = columns.type;
  made.times = part_of(columns.times);
  made.values =
      std::visit([&](const auto& values) -> store::ChunkValues { return part_of(values); }, columns.values);
  return made;
}

ChunkSummary summary_of_points(const ChunkPoints& columns, std::size_t begin, std::size_t end) {
  ChunkSummary made = begin == 0 && end == columns.times.size()
                          ? store::summarise(columns)
                          : store::summarise(slice(columns, begin, end));
  made.type = store::ChunkType::number;  // of what is a number among them
  return made;
}

Error unknown_form() {
  return {Errc::corrupt, "a stored rollup has an unknown form"};
}

template <class T>
std::vector<std::int64_t> integers_of(const Parts& parts, T read) {
  std::vector<std::int64_t> column;
  column.reserve(parts.size());
  for (const ChunkSummary& part : parts) column.push_back(static_cast<std::int64_t>(read(part)));
  return column;
}

constexpr double ChunkSummary::* kNumbers[] = {&ChunkSummary::first, &ChunkSummary::last,
                                               &ChunkSummary::min,   &ChunkSummary::max,
                                               &ChunkSummary::sum,   &ChunkSummary::squares};

void write_numbers(ByteWriter& to, const Parts& parts, double ChunkSummary::* member) {
  std::vector<double> column;
  column.reserve(parts.size());
  for (const ChunkSummary& part : parts) column.push_back(part.*member);
  if (const auto decimals = store::decimals_of(column)) return store::write_decimals(to, *decimals);
  store::write_doubles(to, column);
}

/// What encode_parts() may have made.
bool is_sound(const ChunkSummary& part, const ChunkSummary* before, RollupLength length) {
  const std::int64_t begin = start_of(part.first_time, length);
  if (part.points == 0 || part.numbers > part.points || part.last_time < part.first_time) return false;
  if (start_of(part.last_time, length) != begin) return false;
  return before == nullptr || start_of(before->first_time, length) < begin;
}

}  // namespace

WallTime part_start(WallTime time, Duration length) {
  const std::int64_t at = unix_nanoseconds(time);
  std::int64_t into = at % length.count();
  if (into < 0) into += length.count();
  return from_unix_nanoseconds(at < kFirst + into ? kFirst : at - into);
}

WallTime next_day(WallTime time) {
  const WallTime next = later_by(time, kRollupDay);
  return time == WallTime::min() ? day_start(next) : next;
}

void add_summary(ChunkSummary& into, const ChunkSummary& other) {
  if (into.points == 0) {
    into = other;
    return;
  }
  const bool is_first = into.numbers == 0 || other.first_time < into.first_time;
  const bool is_last = into.numbers == 0 || other.last_time > into.last_time;
  into.points += other.points;
  into.first_time = std::min(into.first_time, other.first_time);
  into.last_time = std::max(into.last_time, other.last_time);
  if (other.numbers == 0) return;
  const auto count = static_cast<double>(into.numbers);
  const auto more = static_cast<double>(other.numbers);
  if (is_first) into.first = other.first;
  if (is_last) into.last = other.last;
  into.min = into.numbers == 0 ? other.min : std::min(into.min, other.min);
  into.max = into.numbers == 0 ? other.max : std::max(into.max, other.max);
  if (into.numbers == 0) {
    into.squares = other.squares;
  } else {
    const double apart = other.sum / more - into.sum / count;
    into.squares += other.squares + apart * apart * count * more / (count + more);
  }
  into.sum += other.sum;
  into.numbers += other.numbers;
}

void add_points(Parts& parts, RollupLength length, const ChunkPoints& columns, std::size_t begin,
                std::size_t end) {
  while (begin < end) {
    const std::int64_t start = start_of(columns.times[begin], length);
    std::size_t stop = begin + 1;
    while (stop < end && start_of(columns.times[stop], length) == start) ++stop;
    const ChunkSummary made = summary_of_points(columns, begin, stop);
    const auto at = std::ranges::lower_bound(
        parts, start, {}, [length](const ChunkSummary& part) { return start_of(part.first_time, length); });
    if (at != parts.end() && start_of(at->first_time, length) == start) {
      add_summary(*at, made);
    } else {
      parts.insert(at, made);
    }
    begin = stop;
  }
}

Parts as_parts(const Parts& parts, RollupLength length) {
  Parts made;
  for (const ChunkSummary& part : parts) {
    const bool is_next =
        made.empty() || start_of(made.back().first_time, length) != start_of(part.first_time, length);
    if (is_next) made.emplace_back();
    add_summary(made.back(), part);
  }
  return made;
}

std::string encode_parts(WallTime day, const Parts& parts) {
  const std::int64_t begin = unix_nanoseconds(day);
  ByteWriter to;
  to.byte(kVersion);
  to.varint(parts.size());
  if (parts.empty()) return to.take();
  store::write_integers(to, integers_of(parts, [begin](const ChunkSummary& part) {
                          return store::wrapping_subtract(part.first_time, begin);
                        }));
  store::write_integers(to, integers_of(parts, [](const ChunkSummary& part) {
                          return store::wrapping_subtract(part.last_time, part.first_time);
                        }));
  store::write_integers(to, integers_of(parts, [](const ChunkSummary& part) { return part.points; }));
  store::write_integers(
      to, integers_of(parts, [](const ChunkSummary& part) { return part.points - part.numbers; }));
  for (const auto member : kNumbers) write_numbers(to, parts, member);
  return to.take();
}

Result<Parts> decode_parts(WallTime day, RollupLength length, std::string_view value) {
  ByteReader from(value);
  if (from.byte() != kVersion) return std::unexpected(unknown_form());
  const std::uint64_t count = from.varint();
  if (!from.ok() || count > most_parts(length)) return std::unexpected(unknown_form());
  if (count == 0) return from.at_end() ? Result<Parts>(Parts{}) : std::unexpected(unknown_form());
  const auto firsts = store::read_integers(from, count);
  const auto spans = store::read_integers(from, count);
  const auto points = store::read_integers(from, count);
  const auto others = store::read_integers(from, count);
  if (!from.ok()) return std::unexpected(unknown_form());
  Parts parts(count);
  for (std::size_t i = 0; i < count; ++i) {
    parts[i].first_time = store::wrapping_add(unix_nanoseconds(day), firsts[i]);
    parts[i].last_time = store::wrapping_add(parts[i].first_time, spans[i]);
    if (points[i] <= 0 || others[i] < 0 || others[i] > points[i]) return std::unexpected(unknown_form());
    parts[i].points = static_cast<std::size_t>(points[i]);
    parts[i].numbers = static_cast<std::size_t>(points[i] - others[i]);
    const bool is_of_day = day_start(from_unix_nanoseconds(parts[i].first_time)) == day;
    if (!is_of_day || !is_sound(parts[i], i == 0 ? nullptr : &parts[i - 1], length))
      return std::unexpected(unknown_form());
  }
  for (const auto member : kNumbers) {
    const auto column = store::read_doubles(from, count);
    if (!from.ok()) return std::unexpected(unknown_form());
    for (std::size_t i = 0; i < count; ++i) parts[i].*member = column[i];
  }
  if (!from.at_end()) return std::unexpected(unknown_form());
  return parts;
}

std::string rollup_key(const SeriesInfo& series, RollupLength length, WallTime day) {
  return model::big_endian_32(series.tenant.value) + model::big_endian_32(series.id.value) +
         static_cast<char>(static_cast<unsigned char>(length)) + model::big_endian_64(unix_nanoseconds(day));
}

store::Range rollup_range(const SeriesInfo& series, RollupLength length, WallTime first, WallTime last) {
  return {.begin = rollup_key(series, length, first), .end = rollup_key(series, length, last) + '\0'};
}

std::vector<store::Range> rollup_ranges(const SeriesInfo& series, WallTime first, WallTime last) {
  std::vector<store::Range> ranges;
  for (const RollupLength length : kRollupLengths)
    ranges.push_back(rollup_range(series, length, first, last));
  return ranges;
}

WallTime day_of_rollup_key(std::string_view key) {
  return from_unix_nanoseconds(model::read_big_endian_64(key.substr(kRollupKeyBytes - 8, 8)));
}

Result<void> RollupDay::load(RollupLength length, std::string_view value) {
  DUNLIN_TRY(Parts parts, decode_parts(day_, length, value));
  if (loaded_.empty() || length < loaded_length_) {
    loaded_ = parts;
    loaded_length_ = length;
  }
  at(length) = std::move(parts);
  return {};
}

void RollupDay::begin(RollupLengths lengths) {
  loaded_.clear();
  for (const RollupLength length : kRollupLengths) {
    at(length).reset();
    if (lengths.has(length)) at(length).emplace();
  }
  has_changed_ = true;
}

const ChunkSummary* RollupDay::loaded_at(std::int64_t time) const {
  const std::int64_t start = start_of(time, loaded_length_);
  const auto found = std::ranges::lower_bound(loaded_, start, {}, [this](const ChunkSummary& part) {
    return start_of(part.first_time, loaded_length_);
  });
  if (found == loaded_.end() || start_of(found->first_time, loaded_length_) != start) return nullptr;
  return &*found;
}

void RollupDay::add(const ChunkPoints& columns, std::size_t begin, std::size_t end) {
  if (loaded_.empty()) return add_run(columns, begin, end);
  // Runs of points that are before, or behind, what was loaded of one part of time.
  enum class Place : std::uint8_t { before, within, behind };
  const auto place_of = [this, &columns](std::size_t i) {
    const ChunkSummary* part = loaded_at(columns.times[i]);
    if (part == nullptr || columns.times[i] < part->first_time) return Place::before;
    return columns.times[i] > part->last_time ? Place::behind : Place::within;
  };
  const auto start_at = [this, &columns](std::size_t i) {
    return start_of(columns.times[i], loaded_length_);
  };
  while (begin < end) {
    const Place place = place_of(begin);
    std::size_t stop = begin + 1;
    while (stop < end && start_at(stop) == start_at(begin) && place_of(stop) == place) ++stop;
    if (place != Place::within) add_run(columns, begin, stop);
    begin = stop;
  }
}

void RollupDay::add_run(const ChunkPoints& columns, std::size_t begin, std::size_t end) {
  if (begin == end) return;
  has_changed_ = true;
  for (const RollupLength length : kRollupLengths)
    if (at(length)) add_points(*at(length), length, columns, begin, end);
}

std::optional<RollupLength> RollupDay::finest() const {
  for (const RollupLength length : kRollupLengths)
    if (at(length)) return length;
  return std::nullopt;
}

void RollupDay::take_out(WallTime from, WallTime to) {
  const auto length = finest();
  if (!length) return;
  Parts& parts = *at(*length);
  const std::size_t before = parts.size();
  std::erase_if(parts, [from, to](const ChunkSummary& part) {
    const bool is_before = from_unix_nanoseconds(part.last_time) < from;
    const bool is_behind = from_unix_nanoseconds(part.first_time) >= to && to != WallTime::max();
    return !is_before && !is_behind;
  });
  if (parts.size() == before) return;
  has_changed_ = true;
  for (const RollupLength longer : kRollupLengths)
    if (longer > *length && at(longer)) at(longer) = as_parts(parts, longer);
}

WallTime RollupState::begin() const {
  return std::ranges::min(from);
}

void RollupState::touch(WallTime time) {
  made_to = std::min(made_to, std::max(day_start(time), points_from));
}

}  // namespace dunlin::series
