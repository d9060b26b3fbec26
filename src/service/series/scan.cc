#include "service/series/scan.h"

#include <algorithm>

#include "service/series/piece.h"
#include "service/series/row.h"
#include "service/series/window.h"

namespace dunlin::series {
namespace {

constexpr std::size_t kEntriesPerPage = 4096;

}  // namespace

Scan::Scan(Executor& executor, store::Keyed& keyed, ScanRange range, ScanVisitor visitor,
           std::move_only_function<void(Result<void>)> done)
    : executor_(executor),
      keyed_(keyed),
      wanted_(range),
      visitor_(std::move(visitor)),
      done_(std::move(done)) {}

void Scan::start() {
  // A chunk that begins before the range may reach into it, but not from another window.
  read(row_key(wanted_.tenant, wanted_.series, window_start(wanted_.from)));
}

void Scan::read(std::string begin) {
  store::Range range{.begin = std::move(begin),
                     .end = row_key(wanted_.tenant, wanted_.series, wanted_.to),
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
                 const auto go = self->end_window();
                 self->done_(go ? Result<void>() : std::unexpected(go.error()));
               });
}

Result<ScanGo> Scan::take(store::Entry entry) {
  if (entry.key.size() < kRowKeyBytes) return fail(Errc::corrupt, "a stored point has an unknown key");
  const WallTime window = window_start(time_of_row_key(entry.key));
  if (window != window_) {
    DUNLIN_TRY(const ScanGo go, end_window());
    if (go == ScanGo::stop) return go;
    window_ = window;
  }
  if (is_chunk_key(entry.key)) {
    chunks_.push_back(std::move(entry));
    return ScanGo::on;
  }
  DUNLIN_TRY(Point point, decode_point(entry.key, entry.value));
  rows_.push_back(std::move(point));
  return ScanGo::on;
}

/// Chunks of a window do not overlap; rows do, and are newer.
Result<ScanGo> Scan::end_window() {
  const std::vector<store::Entry> chunks = std::exchange(chunks_, {});
  std::vector<Point> rows = std::exchange(rows_, {});
  if (rows.empty()) {
    for (const store::Entry& chunk : chunks) {
      DUNLIN_TRY(const ScanGo go, tell_chunk(chunk));
      if (go == ScanGo::stop) return go;
    }
    return ScanGo::on;
  }
  std::vector<Point> sealed;
  for (const store::Entry& chunk : chunks) {
    DUNLIN_TRY(std::vector<Point> points, decode_piece(chunk.key, chunk.value));
    std::ranges::move(points, std::back_inserter(sealed));
  }
  const std::vector<Point> all = merge_points(std::move(sealed), std::move(rows));
  for (std::span<const Point> rest = all; !rest.empty();) {
    const std::size_t count = run_length(rest);
    DUNLIN_TRY(const ScanGo go, tell(columns_of(rest.first(count))));
    if (go == ScanGo::stop) return go;
    rest = rest.subspan(count);
  }
  return ScanGo::on;
}

Result<ScanGo> Scan::tell_chunk(const store::Entry& entry) {
  if (visitor_.chunk) {
    DUNLIN_TRY(const store::ChunkSummary summary, piece_summary(entry.key, entry.value));
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
  if (told_ > kMaxRowsPerQuery)
    return fail(Errc::limit_exceeded, "the range holds too many points; ask for a shorter one");
  return visitor_.block({points, begin, end});
}

}  // namespace dunlin::series
