#include "service/series/scan.h"

#include <algorithm>

#include "service/series/piece.h"
#include "service/series/row.h"
#include "service/series/window.h"

namespace dunlin::series {
namespace {

constexpr std::size_t kEntriesPerPage = 4096;

}  // namespace

Scan::Scan(Executor& executor, store::Keyed& keyed, Wanted wanted, Visitor visitor,
           std::move_only_function<void(Result<void>)> done)
    : executor_(executor),
      keyed_(keyed),
      wanted_(wanted),
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
                   if (*go == Go::stop) return self->done_({});
                 }
                 if (!is_last) return self->read(std::move(next));
                 const auto go = self->end_window();
                 self->done_(go ? Result<void>() : std::unexpected(go.error()));
               });
}

Result<Scan::Go> Scan::take(store::Entry entry) {
  if (entry.key.size() < kRowKeyBytes) return fail(Errc::corrupt, "a stored point has an unknown key");
  const WallTime window = window_start(time_of_row_key(entry.key));
  if (window != window_) {
    DUNLIN_TRY(const Go go, end_window());
    if (go == Go::stop) return go;
    window_ = window;
  }
  if (is_chunk_key(entry.key)) {
    chunks_.push_back(std::move(entry));
    return Go::on;
  }
  DUNLIN_TRY(Point point, decode_point(entry.key, entry.value));
  rows_.push_back(std::move(point));
  return Go::on;
}

/// Chunks of a window do not overlap; rows do, and are newer.
Result<Scan::Go> Scan::end_window() {
  const std::vector<store::Entry> chunks = std::exchange(chunks_, {});
  std::vector<Point> rows = std::exchange(rows_, {});
  if (rows.empty()) {
    for (const store::Entry& chunk : chunks) {
      DUNLIN_TRY(const Go go, tell_chunk(chunk));
      if (go == Go::stop) return go;
    }
    return Go::on;
  }
  std::vector<Point> sealed;
  for (const store::Entry& chunk : chunks) {
    DUNLIN_TRY(std::vector<Point> points, decode_piece(chunk.key, chunk.value));
    std::ranges::move(points, std::back_inserter(sealed));
  }
  return tell(merge_points(std::move(sealed), std::move(rows)));
}

Result<Scan::Go> Scan::tell_chunk(const store::Entry& entry) {
  if (visitor_.chunk) {
    DUNLIN_TRY(const store::ChunkSummary summary, piece_summary(entry.key, entry.value));
    const bool is_inside = from_unix_nanoseconds(summary.first_time) >= wanted_.from &&
                           from_unix_nanoseconds(summary.last_time) < wanted_.to;
    if (is_inside && visitor_.chunk(summary)) return Go::on;
  }
  DUNLIN_TRY(std::vector<Point> points, decode_piece(entry.key, entry.value));
  return tell(std::move(points));
}

Result<Scan::Go> Scan::tell(std::vector<Point> points) {
  for (Point& point : points) {
    if (point.time < wanted_.from || point.time >= wanted_.to) continue;
    if (++told_ > kMaxRowsPerQuery)
      return fail(Errc::limit_exceeded, "the range holds too many points; ask for a shorter one");
    if (visitor_.point(std::move(point)) == Go::stop) return Go::stop;
  }
  return Go::on;
}

}  // namespace dunlin::series
