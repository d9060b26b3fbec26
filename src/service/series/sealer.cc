#include "service/series/sealer.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "model/keys.h"
#include "service/series/piece.h"
#include "service/series/row.h"
#include "service/series/window.h"

namespace dunlin::series {
namespace {

constexpr std::string_view kUnsealed = "unsealed/";
constexpr std::string_view kMarkVersion = "\1";
constexpr std::size_t kKeyBytes = kUnsealed.size() + kRowKeyBytes;
/// Sealed in one write.
constexpr std::size_t kMaxEntriesPerSeal = 2 * kSealRows;
constexpr std::size_t kMaxBytesPerSeal = 16 * 1024 * 1024;

std::string mark_key(const Sealer::Window& window) {
  return std::string(kUnsealed) + row_key(window.tenant, window.series, window.start);
}

Result<Sealer::Window> read_mark(const store::Entry& entry) {
  if (entry.key.size() != kKeyBytes || entry.value != kMarkVersion)
    return fail(Errc::corrupt, "a mark of an unsealed window has an unknown form");
  const std::string_view key = std::string_view(entry.key).substr(kUnsealed.size());
  return Sealer::Window{TenantId{model::read_big_endian_32(key.substr(0, 4))},
                        SeriesId{model::read_big_endian_32(key.substr(4, 4))}, time_of_row_key(key)};
}

/// The least key behind the window.
std::string end_of(const Sealer::Window& window) {
  return row_key(window.tenant, window.series, window_last(window.start)) + '\2';
}

}  // namespace

struct Sealer::Rows {
  std::size_t count = 0;                 // at least; unknown after a start
  WallTime least = WallTime::max();      // of the rows
  WallTime last_write{};                 // by the clock
  std::size_t pending = 0;               // writes that were not answered yet
  WallTime disturbed = WallTime::max();  // the earliest time written since the seal began, or pending then
  enum class Mark : std::uint8_t { absent, stored } mark = Mark::absent;
  enum class State : std::uint8_t { waiting, due, sealing } state = State::waiting;
};

/// One seal on its way. Shared because each completion hands it to the next; one owner at a time.
struct Sealer::Job {
  Window window;
  WallTime least{};  // of the rows when it began
  std::string next;  // the key to read from
  std::vector<store::Entry> entries;
  std::size_t bytes = 0;  // of them
  enum class Read : std::uint8_t { part, all } read = Read::part;
  store::Batch batch;
  std::size_t rows = 0;
  std::size_t points = 0;
  WallTime last = WallTime::min();  // of the rows
};

Sealer::Sealer(Executor& executor, store::Keyed& keyed, metrics::Registry& metrics)
    : executor_(executor),
      keyed_(keyed),
      chunks_(metrics.counter("dunlin_series_chunks_written_total", "Chunks that rows were sealed into")),
      points_(metrics.counter("dunlin_series_points_sealed_total", "Points in them")),
      failures_(
          metrics.counter("dunlin_series_seal_failures_total", "Windows that could not be sealed at once")) {}

Sealer::~Sealer() {
  executor_.cancel(timer_);
}

void Sealer::open(std::move_only_function<void(Result<void>)> done) {
  load(std::string(kUnsealed), std::move(done));
}

void Sealer::load(std::string after, std::move_only_function<void(Result<void>)> done) {
  store::Range range{.begin = std::move(after), .end = model::prefix_end(std::string(kUnsealed))};
  keyed_.range(executor_, store::Table::meta, std::move(range),
               [this, done = std::move(done)](Result<std::vector<store::Entry>> entries) mutable {
                 if (!entries) return done(std::unexpected(entries.error()));
                 for (const store::Entry& entry : *entries) {
                   const auto window = read_mark(entry);
                   if (!window) return done(std::unexpected(window.error()));
                   Rows& rows = windows_[*window];
                   rows.mark = Rows::Mark::stored;
                   rows.least = window->start;
                   rows.last_write = executor_.wall_now();
                 }
                 if (!entries->empty()) return load(entries->back().key + '\0', std::move(done));
                 look();
                 done({});
               });
}

void Sealer::touch(Touched& touched, TenantId tenant, SeriesId series, WallTime time) {
  const Window window{tenant, series, window_start(time)};
  auto found = windows_.find(window);
  if (found == windows_.end()) {
    if (windows_.size() >= kMaxUnsealedWindows) return;
    found = windows_.emplace(window, Rows{}).first;
  }
  Rows& rows = found->second;
  ++rows.count;
  rows.least = std::min(rows.least, time);
  rows.disturbed = std::min(rows.disturbed, time);
  if (touched.insert(window).second) ++rows.pending;
}

void Sealer::mark(store::Batch& batch, const Touched& touched) {
  for (const Window& window : touched) {
    if (windows_.at(window).mark == Rows::Mark::absent)
      batch.puts.push_back({store::Table::meta, mark_key(window), std::string(kMarkVersion)});
  }
}

void Sealer::written(const Touched& touched, Outcome outcome) {
  for (const Window& window : touched) {
    Rows& rows = windows_.at(window);
    --rows.pending;
    rows.last_write = executor_.wall_now();
    if (outcome == Outcome::stored) rows.mark = Rows::Mark::stored;
    // What was written before a seal begins cannot disturb it.
    if (rows.pending == 0 && rows.state != Rows::State::sealing) rows.disturbed = WallTime::max();
    if (rows.count >= kSealRows && rows.state == Rows::State::waiting) {
      rows.state = Rows::State::due;
      due_.push_back(window);
    }
  }
  pump();
}

bool Sealer::is_due(const Window& window, const Rows& rows) const {
  const WallTime now = executor_.wall_now();
  const auto over = [now](WallTime since) { return since <= now && now - since >= kSealDelay; };
  return over(window_last(window.start)) && over(rows.last_write);
}

void Sealer::look() {
  auto at = windows_.lower_bound(next_look_);
  for (std::size_t i = 0; i < kWindowsPerLook && at != windows_.end(); ++i, ++at) {
    if (at->second.state != Rows::State::waiting || !is_due(at->first, at->second)) continue;
    at->second.state = Rows::State::due;
    due_.push_back(at->first);
  }
  next_look_ = at == windows_.end() ? Window{} : at->first;
  timer_ = executor_.schedule(kSealInterval, [this] { look(); });
  pump();
}

void Sealer::pump() {
  while (sealing_ < kSealsAtOnce && !due_.empty()) {
    const Window window = due_.front();
    due_.pop_front();
    const auto found = windows_.find(window);
    if (found != windows_.end()) start(window, found->second);
  }
}

void Sealer::start(const Window& window, Rows& rows) {
  ++sealing_;
  rows.state = Rows::State::sealing;
  if (rows.pending == 0) rows.disturbed = WallTime::max();
  auto job = std::make_shared<Job>();
  job->window = window;
  job->least = rows.least == WallTime::max() ? window.start : rows.least;
  // The chunk in front of the earliest row may reach over it. Of the two, one may be that row itself.
  store::Range before{.begin = row_key(window.tenant, window.series, window.start),
                      .end = row_key(window.tenant, window.series, job->least) + '\2',
                      .max_entries = 2,
                      .order = store::Range::Order::descending};
  keyed_.range(executor_, store::Table::series, std::move(before),
               [this, job](Result<std::vector<store::Entry>> entries) {
                 if (!entries) return give_up(job->window, entries.error());
                 job->next = entries->empty() ? row_key(job->window.tenant, job->window.series, job->least)
                                              : entries->back().key;
                 read_rows(job);
               });
}

void Sealer::read_rows(std::shared_ptr<Job> job) {
  keyed_.range(executor_, store::Table::series,
               {.begin = job->next, .end = end_of(job->window), .max_entries = kMaxEntriesPerSeal},
               [this, job](Result<std::vector<store::Entry>> entries) {
                 if (!entries) return give_up(job->window, entries.error());
                 if (entries->empty()) {
                   job->read = Job::Read::all;
                   return seal(job);
                 }
                 for (store::Entry& entry : *entries) {
                   job->bytes += entry.value.size();
                   job->entries.push_back(std::move(entry));
                 }
                 if (job->entries.size() >= kMaxEntriesPerSeal || job->bytes >= kMaxBytesPerSeal)
                   return seal(job);
                 job->next = job->entries.back().key + '\0';
                 read_rows(job);
               });
}

void Sealer::seal(std::shared_ptr<Job> job) {
  if (const auto built = build(*job); !built) return give_up(job->window, built.error());
  // A row that was read may have been written again since.
  if (windows_.at(job->window).disturbed <= job->last) return end(job->window);
  write(std::move(job));
}

/// Fills in the batch from what was read.
Result<void> Sealer::build(Job& job) const {
  std::vector<Point> rows;
  std::vector<Point> sealed;
  for (const store::Entry& entry : job.entries) {
    if (is_chunk_key(entry.key)) {
      DUNLIN_TRY(const store::ChunkSummary summary, piece_summary(entry.key, entry.value));
      const bool is_full = summary.points >= kSealedPoints;
      if (is_full && from_unix_nanoseconds(summary.last_time) < job.least) continue;
      DUNLIN_TRY(std::vector<Point> points, decode_piece(entry.key, entry.value));
      sealed = merge_points(std::move(sealed), std::move(points));
    } else {
      DUNLIN_TRY(Point point, decode_point(entry.key, entry.value));
      job.last = point.time;
      rows.push_back(std::move(point));
    }
    job.batch.deletes.push_back({store::Table::series, entry.key});
  }
  job.rows = rows.size();
  if (rows.empty()) job.batch.deletes.clear();
  if (rows.empty()) return {};
  const std::vector<Point> all = merge_points(std::move(sealed), std::move(rows));
  job.points = all.size();
  for (store::Entry& entry : seal_points(job.window.tenant, job.window.series, all))
    job.batch.puts.push_back({store::Table::series, std::move(entry.key), std::move(entry.value)});
  return {};
}

void Sealer::write(std::shared_ptr<Job> job) {
  Rows& rows = windows_.at(job->window);
  const bool is_whole = job->read == Job::Read::all && rows.disturbed == WallTime::max();
  if (is_whole) {
    job->batch.deletes.push_back({store::Table::meta, mark_key(job->window)});
    rows.mark = Rows::Mark::absent;  // whoever writes from now on comes behind this, and marks again
  }
  rows.least = rows.disturbed;
  if (job->read == Job::Read::part)
    rows.least = std::min(rows.least, time_of_row_key(job->entries.back().key));
  rows.count -= std::min(rows.count, job->rows);
  const std::size_t chunks = job->batch.puts.size();
  keyed_.write(executor_, std::move(job->batch), [this, job, chunks, is_whole](Result<void> result) {
    if (result) {
      chunks_.add(static_cast<std::int64_t>(chunks));
      points_.add(static_cast<std::int64_t>(job->points));
      return end(job->window);
    }
    Rows& back = windows_.at(job->window);
    back.least = std::min(back.least, job->least);
    back.count += job->rows;
    if (is_whole) back.mark = Rows::Mark::stored;
    give_up(job->window, result.error());
  });
}

void Sealer::end(const Window& window) {
  --sealing_;
  const auto found = windows_.find(window);
  Rows& rows = found->second;
  rows.state = Rows::State::waiting;
  if (rows.pending == 0) rows.disturbed = WallTime::max();
  if (rows.mark == Rows::Mark::absent && rows.pending == 0 && rows.least == WallTime::max())
    windows_.erase(found);
  pump();
}

/// Again at one of the next looks.
void Sealer::give_up(const Window& window, const Error& why) {
  failures_.add();
  log::refusal("service/series", "a window is not sealed", std::to_string(window.series.value),
               {{"why", why.message}});
  end(window);
}

}  // namespace dunlin::series
