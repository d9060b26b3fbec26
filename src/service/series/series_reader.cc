#include "service/series/series_reader.h"

#include <algorithm>
#include <utility>

#include "service/series/columns.h"
#include "service/series/open_windows.h"
#include "service/series/series_key.h"
#include "service/series/window.h"

namespace dunlin::series {
namespace {

constexpr std::size_t kEntriesPerPage = 4096;

/// What is open of a window in the range, the newer point of two at one time.
std::vector<store::ChunkPoints> open_columns(const OpenWindow& window, WallTime from, WallTime to) {
  if (!window.is_sealing()) return window.open.columns(from, to);
  if (window.open.empty()) return window.sealing.columns(from, to);
  OpenPoints all = window.open;
  all.put_below(window.sealing);
  return all.columns(from, to);
}

}  // namespace

SeriesReader::SeriesReader(const SeriesEntry& series, const ScanSet& set)
    : tenant_(set.tenant),
      series_(series.info.id),
      from_(set.from),
      to_(set.to),
      max_points_(set.max_points),
      has_chunks_(set.from < set.to && series.sealed_to >= window_start(set.from)) {
  for (const auto& window : series.windows) {
    if (window->last < from_ || window->start >= to_) continue;
    Open open{window->start, open_columns(*window, from_, to_)};
    if (!open.columns.empty()) open_.push_back(std::move(open));
  }
  std::ranges::sort(open_, std::ranges::greater(), &Open::start);
}

/// A chunk that begins before the range may reach into it, but not from another window.
store::Range SeriesReader::chunks() const {
  return {.begin = series_key(tenant_, series_, window_start(from_)),
          .end = series_key(tenant_, series_, to_),
          .max_entries = kEntriesPerPage};
}

void SeriesReader::begin(ScanVisitor& visitor) {
  if (std::exchange(begun_, Begun::yes) == Begun::no && visitor.series) visitor.series(series_);
}

Result<ScanGo> SeriesReader::take(const std::vector<store::Entry>& entries, ScanVisitor& visitor,
                                  std::size_t& told) {
  for (const store::Entry& entry : entries) {
    DUNLIN_TRY(const ScanGo go, take(entry.key, entry.value, visitor, told));
    if (go == ScanGo::stop) return go;
  }
  return ScanGo::on;
}

/// Chunks of a window do not overlap: where nothing of it is open, they are told as they come.
Result<ScanGo> SeriesReader::take(std::string_view key, std::string_view value, ScanVisitor& visitor,
                                  std::size_t& told) {
  if (!is_chunk_key(key)) return fail(Errc::corrupt, "a stored chunk has an unknown key");
  last_key_.assign(key);
  const To to{visitor, told};
  const WallTime window = window_start(time_of_key(key));
  if (window != window_) {
    DUNLIN_TRY(const ScanGo ended, end_window(to));
    if (ended == ScanGo::stop) return ended;
    DUNLIN_TRY(const ScanGo before, end_windows_before(window, to));
    if (before == ScanGo::stop) return before;
    window_ = window;
  }
  if (!is_open(window)) return tell_chunk(key, value, to);
  chunks_.push_back({std::string(key), std::string(value)});
  return ScanGo::on;
}

Result<ScanGo> SeriesReader::finish(ScanVisitor& visitor, std::size_t& told) {
  DUNLIN_TRY(const ScanGo go, end_window({visitor, told}));
  if (go == ScanGo::stop) return go;
  return end_windows_before(WallTime::max(), {visitor, told});
}

/// Windows of which nothing is sealed.
Result<ScanGo> SeriesReader::end_windows_before(WallTime start, To to) {
  while (!open_.empty() && open_.back().start < start) {
    const Open open = std::move(open_.back());
    open_.pop_back();
    for (const store::ChunkPoints& columns : open.columns) {
      DUNLIN_TRY(const ScanGo go, tell(columns, to));
      if (go == ScanGo::stop) return go;
    }
  }
  return ScanGo::on;
}

/// Chunks that wait for the others of their window, since some of it is open.
Result<ScanGo> SeriesReader::end_window(To to) {
  if (chunks_.empty()) return ScanGo::on;
  const std::vector<store::Entry> chunks = std::exchange(chunks_, {});
  Open open = std::move(open_.back());
  open_.pop_back();
  return tell_merged(chunks, std::move(open), to);
}

/// Chunks that end before what is open stay as they are: nearly always all of them.
Result<ScanGo> SeriesReader::tell_merged(const std::vector<store::Entry>& chunks, Open open, To to) const {
  const std::int64_t first = open.columns.front().times.front();
  std::vector<Point> sealed;
  for (const store::Entry& chunk : chunks) {
    DUNLIN_TRY(const store::ChunkSummary summary, summary_of(chunk.key, chunk.value));
    if (summary.last_time < first) {
      DUNLIN_TRY(const ScanGo go, tell_chunk(chunk.key, chunk.value, to));
      if (go == ScanGo::stop) return go;
      continue;
    }
    DUNLIN_TRY(const store::ChunkPoints columns, decode_columns(chunk.key, chunk.value));
    std::ranges::move(points_of(columns), std::back_inserter(sealed));
  }
  if (!sealed.empty()) {
    std::vector<Point> newer;
    for (const store::ChunkPoints& columns : open.columns)
      std::ranges::move(points_of(columns), std::back_inserter(newer));
    open.columns = in_columns(merge_points(std::move(sealed), std::move(newer)));
  }
  for (const store::ChunkPoints& columns : open.columns) {
    DUNLIN_TRY(const ScanGo go, tell(columns, to));
    if (go == ScanGo::stop) return go;
  }
  return ScanGo::on;
}

Result<ScanGo> SeriesReader::tell_chunk(std::string_view key, std::string_view value, To to) const {
  if (to.visitor.chunk) {
    DUNLIN_TRY(const store::ChunkSummary summary, summary_of(key, value));
    const bool is_inside =
        from_unix_nanoseconds(summary.first_time) >= from_ && from_unix_nanoseconds(summary.last_time) < to_;
    if (is_inside && to.visitor.chunk(summary)) return ScanGo::on;
  }
  DUNLIN_TRY(const store::ChunkPoints points, decode_columns(key, value));
  return tell(points, to);
}

Result<ScanGo> SeriesReader::tell(const store::ChunkPoints& points, To to) const {
  const auto place = [&points](WallTime time) {
    return static_cast<std::size_t>(std::ranges::lower_bound(points.times, unix_nanoseconds(time)) -
                                    points.times.begin());
  };
  const std::size_t begin = place(from_);
  const std::size_t end = place(to_);
  if (begin == end) return ScanGo::on;
  to.told += end - begin;
  if (to.told > max_points_)
    return fail(Errc::limit_exceeded, "the range holds too many points; ask for a shorter one");
  return to.visitor.block({points, begin, end});
}

}  // namespace dunlin::series
