#include "service/series/scan.h"

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

Scan::Scan(Executor& executor, store::Keyed& keyed, ScanRange range, ScanVisitor visitor,
           std::move_only_function<void(Result<void>)> done)
    : executor_(executor),
      keyed_(keyed),
      wanted_(range),
      visitor_(std::move(visitor)),
      done_(std::move(done)) {}

void Scan::start(const SeriesEntry& series) {
  for (const auto& window : series.windows) {
    if (window->last < wanted_.from || window->start >= wanted_.to) continue;
    Open open{window->start, open_columns(*window, wanted_.from, wanted_.to)};
    if (!open.columns.empty()) open_.push_back(std::move(open));
  }
  std::ranges::sort(open_, std::ranges::greater(), &Open::start);
  // A chunk that begins before the range may reach into it, but not from another window.
  const WallTime first = window_start(wanted_.from);
  if (series.sealed_to >= first) return read(series_key(wanted_.tenant, wanted_.series, first));
  const auto go = end_windows_before(WallTime::max());
  done_(go ? Result<void>() : std::unexpected(go.error()));
}

void Scan::read(std::string begin) {
  store::Range range{.begin = std::move(begin),
                     .end = series_key(wanted_.tenant, wanted_.series, wanted_.to),
                     .max_entries = kEntriesPerPage};
  keyed_.range(executor_, store::Table::series, std::move(range),
               [self = shared_from_this()](Result<std::vector<store::Entry>> entries) {
                 if (!entries) return self->done_(std::unexpected(entries.error()));
                 const bool is_last = entries->empty();
                 std::string next = is_last ? std::string() : entries->back().key + '\0';
                 for (store::Entry& entry : *entries) {
                   const auto go = self->take(std::move(entry));
                   if (!go) return self->done_(std::unexpected(go.error()));
                   if (*go == ScanGo::stop) return self->done_({});
                 }
                 if (!is_last) return self->read(std::move(next));
                 auto go = self->end_window();
                 if (go && *go == ScanGo::on) go = self->end_windows_before(WallTime::max());
                 self->done_(go ? Result<void>() : std::unexpected(go.error()));
               });
}

Result<ScanGo> Scan::take(store::Entry entry) {
  if (!is_chunk_key(entry.key)) return fail(Errc::corrupt, "a stored chunk has an unknown key");
  const WallTime window = window_start(time_of_key(entry.key));
  if (window != window_) {
    DUNLIN_TRY(const ScanGo go, end_window());
    if (go == ScanGo::stop) return go;
    window_ = window;
  }
  chunks_.push_back(std::move(entry));
  return ScanGo::on;
}

/// Windows of which nothing is sealed.
Result<ScanGo> Scan::end_windows_before(WallTime start) {
  while (!open_.empty() && open_.back().start < start) {
    const Open open = std::move(open_.back());
    open_.pop_back();
    for (const store::ChunkPoints& columns : open.columns) {
      DUNLIN_TRY(const ScanGo go, tell(columns));
      if (go == ScanGo::stop) return go;
    }
  }
  return ScanGo::on;
}

/// Chunks of a window do not overlap.
Result<ScanGo> Scan::end_window() {
  if (chunks_.empty()) return ScanGo::on;
  DUNLIN_TRY(const ScanGo before, end_windows_before(window_));
  if (before == ScanGo::stop) return before;
  std::vector<store::Entry> chunks = std::exchange(chunks_, {});
  if (!open_.empty() && open_.back().start == window_) {
    Open open = std::move(open_.back());
    open_.pop_back();
    return tell_merged(std::move(chunks), std::move(open));
  }
  for (const store::Entry& chunk : chunks) {
    DUNLIN_TRY(const ScanGo go, tell_chunk(chunk));
    if (go == ScanGo::stop) return go;
  }
  return ScanGo::on;
}

/// Chunks that end before what is open stay as they are: nearly always all of them.
Result<ScanGo> Scan::tell_merged(std::vector<store::Entry> chunks, Open open) {
  const std::int64_t first = open.columns.front().times.front();
  std::vector<Point> sealed;
  for (const store::Entry& chunk : chunks) {
    DUNLIN_TRY(const store::ChunkSummary summary, summary_of(chunk.key, chunk.value));
    if (summary.last_time < first) {
      DUNLIN_TRY(const ScanGo go, tell_chunk(chunk));
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
    DUNLIN_TRY(const ScanGo go, tell(columns));
    if (go == ScanGo::stop) return go;
  }
  return ScanGo::on;
}

Result<ScanGo> Scan::tell_chunk(const store::Entry& entry) {
  if (visitor_.chunk) {
    DUNLIN_TRY(const store::ChunkSummary summary, summary_of(entry.key, entry.value));
    const bool is_inside = from_unix_nanoseconds(summary.first_time) >= wanted_.from &&
                           from_unix_nanoseconds(summary.last_time) < wanted_.to;
    if (is_inside && visitor_.chunk(summary)) return ScanGo::on;
  }
  DUNLIN_TRY(const store::ChunkPoints points, decode_columns(entry.key, entry.value));
  return tell(points);
}

Result<ScanGo> Scan::tell(const store::ChunkPoints& points) {
  const auto place = [&points](WallTime time) {
    return static_cast<std::size_t>(std::ranges::lower_bound(points.times, unix_nanoseconds(time)) -
                                    points.times.begin());
  };
  const std::size_t begin = place(wanted_.from);
  const std::size_t end = place(wanted_.to);
  if (begin == end) return ScanGo::on;
  told_ += end - begin;
  if (told_ > kMaxPointsPerQuery)
    return fail(Errc::limit_exceeded, "the range holds too many points; ask for a shorter one");
  return visitor_.block({points, begin, end});
}

}  // namespace dunlin::series
