#include "service/series/sealer.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "model/cursors.h"
#include "service/series/columns.h"
#include "service/series/series_key.h"

namespace dunlin::series {
namespace {

constexpr std::uint64_t kLogMarkBytes = 1024 * 1024;

/// The least key behind the window.
std::string end_of(const OpenWindow& window) {
  return series_key(window.series.info.tenant, window.series.info.id, window.last) + '\2';
}

std::string key_at(const OpenWindow& window, WallTime time) {
  return series_key(window.series.info.tenant, window.series.info.id, time);
}

}  // namespace

struct Sealer::Item {
  OpenWindow* window;
  std::vector<store::Entry> chunks{};  // that the new points may have to be merged with
  std::int64_t points = 0;             // more in chunks than before, and bytes of these
  std::int64_t bytes = 0;
};

/// One seal on its way. Shared because each completion hands it to the next; one owner at a time.
struct Sealer::Job {
  std::vector<Item> items;
  std::size_t bytes = 0;
  std::size_t chosen = 0;  // points
  std::size_t next = 0;    // item to read for
  store::Batch batch;
  Dictionary::Unsaved unsaved;
  store::Position applied = 0;  // what the batch says is true up to here
  std::size_t points = 0;
  std::size_t chunks = 0;
};

Sealer::Sealer(Parts parts)
    : parts_(parts),
      chunks_(
          parts.metrics.counter("dunlin_series_chunks_written_total", "Chunks that points were sealed into")),
      points_(parts.metrics.counter("dunlin_series_points_sealed_total", "Points in them")),
      failures_(
          parts.metrics.counter("dunlin_series_seal_failures_total",
                                "Seals that were not written, and stored chunks that could not be read")),
      open_bytes_(
          parts.metrics.gauge("dunlin_series_open_bytes", "Memory of points that are not sealed, about")),
      open_windows_(parts.metrics.gauge("dunlin_series_open_windows", "Windows that they are in")) {}

Sealer::~Sealer() {
  parts_.executor.cancel(look_timer_);
  parts_.executor.cancel(rest_timer_);
}

void Sealer::start() {
  look();
}

void Sealer::logged(store::Position position, std::size_t bytes) {
  applied_ = position;
  log_bytes_ += bytes;
  if (log_marks_.empty() || log_bytes_ - log_marks_.back().bytes >= kLogMarkBytes)
    log_marks_.push_back({position, log_bytes_});
}

void Sealer::position(const ConsumerPosition& position) {
  std::uint64_t& at = positions_[{position.consumer, position.at.journal}];
  at = std::max(at, position.at.position);
}

std::vector<hub::JournalPosition> Sealer::positions_of(std::string_view consumer) const {
  std::vector<hub::JournalPosition> found;
  for (const auto& [key, at] : positions_)
    if (key.first == consumer) found.push_back({key.second, at});
  return found;
}

void Sealer::grown(const OpenWindow& window) {
  if (window.open.size() >= kSealPoints && !window.is_sealing()) due_.insert(OpenWindows::age_of(window));
}

bool Sealer::is_over(const OpenWindow& window) const {
  const WallTime now = parts_.executor.wall_now();
  const auto over = [now](WallTime since) { return since <= now && now - since >= kSealDelay; };
  return over(window.last) && over(window.last_put);
}

void Sealer::look() {
  const OpenWindows::Ages& waiting = parts_.windows.waiting();
  auto at = waiting.lower_bound(next_look_);
  for (std::size_t i = 0; i < kWindowsPerLook && at != waiting.end(); ++i, ++at)
    if (is_over(*at->second)) due_.insert(at->first);
  next_look_ = at == waiting.end() ? OpenWindows::Age{} : at->first;
  look_timer_ = parts_.executor.schedule(kSealInterval, [this] { look(); });
  consider();
  checkpoint();
}

/// Of the records that hold what is not sealed, about.
std::uint64_t Sealer::held_log_bytes() {
  const store::Position oldest = parts_.windows.oldest().value_or(applied_);
  while (!log_marks_.empty() && log_marks_.front().position <= oldest) log_marks_.pop_front();
  return log_marks_.empty() ? 0 : log_bytes_ - log_marks_.front().bytes;
}

void Sealer::consider() {
  open_bytes_.set(static_cast<std::int64_t>(parts_.windows.bytes()));
  open_windows_.set(static_cast<std::int64_t>(parts_.windows.size()));
  if (state_ != State::idle) return;
  if (!alone_.empty()) return run_next_alone();
  auto job = std::make_shared<Job>();
  choose_due(*job);
  const bool too_much = parts_.windows.waiting_bytes() > kMaxOpenBytes || held_log_bytes() > kMaxLogBytes;
  if (too_much || !waiting_for_all_.empty()) choose_oldest(*job);
  if (job->items.empty()) return answer_all({});
  state_ = State::sealing;
  read_next(std::move(job));
}

void Sealer::choose_due(Job& job) {
  const OpenWindows::Ages& waiting = parts_.windows.waiting();
  while (!due_.empty() && job.items.size() < kWindowsPerSeal && job.chosen < kPointsPerSeal) {
    const auto found = waiting.find(*due_.begin());
    due_.erase(due_.begin());
    if (found != waiting.end()) add(job, *found->second);
  }
}

void Sealer::choose_oldest(Job& job) {
  const OpenWindows::Ages& waiting = parts_.windows.waiting();
  while (!waiting.empty() && job.items.size() < kWindowsPerSeal && job.chosen < kPointsPerSeal)
    add(job, *waiting.begin()->second);
}

void Sealer::add(Job& job, OpenWindow& window) {
  parts_.windows.begin_seal(window);
  job.chosen += window.sealing.size();
  job.items.push_back({&window});
}

/// Of most windows nothing is sealed yet: there is nothing to read.
void Sealer::read_next(std::shared_ptr<Job> job) {
  while (job->next < job->items.size()) {
    const OpenWindow& window = *job->items[job->next].window;
    if (!window.sealing.empty() && window.series.sealed_to >= window.start)
      return read_before(std::move(job));
    ++job->next;
  }
  for (Item& item : job->items) build(*job, item);
  write(std::move(job));
}

/// The chunk in front of the first point may reach over it, or have room for more.
void Sealer::read_before(std::shared_ptr<Job> job) {
  const OpenWindow& window = *job->items[job->next].window;
  const WallTime first = window.sealing.first();
  store::Range before{.begin = key_at(window, window.start),
                      .end = key_at(window, first) + '\2',
                      .max_entries = 1,
                      .order = store::Range::Order::descending};
  parts_.keyed.range(parts_.executor, store::Table::series, std::move(before),
                     [this, job, first](Result<std::vector<store::Entry>> entries) {
                       if (!entries) return end(*job, std::unexpected(entries.error()));
                       Item& item = job->items[job->next];
                       std::string next = key_at(*item.window, first);
                       if (!entries->empty()) next = entries->front().key + '\0';
                       std::ranges::move(*entries, std::back_inserter(item.chunks));
                       if (item.window->series.sealed_to >= first) return read_after(job, std::move(next));
                       ++job->next;
                       read_next(job);
                     });
}

void Sealer::read_after(std::shared_ptr<Job> job, std::string begin) {
  Item& item = job->items[job->next];
  parts_.keyed.range(parts_.executor, store::Table::series,
                     {.begin = std::move(begin), .end = end_of(*item.window)},
                     [this, job](Result<std::vector<store::Entry>> entries) {
                       if (!entries) return end(*job, std::unexpected(entries.error()));
                       if (entries->empty()) {
                         ++job->next;
                         return read_next(job);
                       }
                       std::string next = entries->back().key + '\0';
                       std::ranges::move(*entries, std::back_inserter(job->items[job->next].chunks));
                       read_after(job, std::move(next));
                     });
}

/// Adds what becomes of one window to the batch.
void Sealer::build(Job& job, Item& item) {
  OpenWindow& window = *item.window;
  SeriesEntry& series = window.series;
  if (window.sealing.empty()) return;  // deleted meanwhile
  const WallTime first = window.sealing.first();
  std::vector<Point> sealed;
  for (const store::Entry& chunk : item.chunks) {
    const auto summary = summary_of(chunk.key, chunk.value);
    const bool stays =
        summary && summary->points >= kSealedPoints && from_unix_nanoseconds(summary->last_time) < first;
    if (stays) continue;
    const auto columns = decode_columns(chunk.key, chunk.value);
    if (!columns) {
      failures_.add();
      log::refusal("service/series", "a stored chunk cannot be read and is left as it is",
                   std::to_string(series.info.id.value), {{"why", columns.error().message}});
      continue;
    }
    std::ranges::move(points_of(*columns), std::back_inserter(sealed));
    item.points -= static_cast<std::int64_t>(columns->times.size());
    item.bytes -= static_cast<std::int64_t>(chunk.value.size());
    job.batch.deletes.push_back({store::Table::series, chunk.key});
  }
  const auto all = sealed.empty() ? window.sealing.columns()
                                  : in_columns(merge_points(std::move(sealed), window.sealing.points()));
  for (const store::ChunkPoints& columns : all) {
    job.points += columns.times.size();
    store::Entry entry = encode_columns(series.info.tenant, series.info.id, columns);
    item.points += static_cast<std::int64_t>(columns.times.size());
    item.bytes += static_cast<std::int64_t>(entry.value.size());
    job.batch.puts.push_back({store::Table::series, std::move(entry.key), std::move(entry.value)});
  }
  job.chunks += all.size();
  series.sealed_from = std::min(series.sealed_from, first);
  series.sealed_to = std::max(series.sealed_to, window.sealing.last());
  series.rollups.touch(window.start);
  job.unsaved.series.insert(series.info.id.value);
  series.points += static_cast<std::uint64_t>(item.points);
  series.bytes += static_cast<std::uint64_t>(item.bytes);
}

void Sealer::write(std::shared_ptr<Job> job) {
  job->applied = applied_;
  Dictionary::Unsaved unsaved = parts_.dictionary.take_unsaved();
  job->unsaved.series.merge(unsaved.series);
  job->unsaved.tags = std::move(unsaved.tags);
  job->unsaved.dropped = std::move(unsaved.dropped);
  parts_.dictionary.put(job->batch, job->unsaved);
  for (const auto& [key, at] : positions_) model::put_cursors(job->batch, key.first, {{key.second, at}});
  if (job->batch.empty()) return end(*job, {});
  parts_.keyed.write(parts_.executor, std::move(job->batch),
                     [this, job](Result<void> result) { end(*job, result); });
}

void Sealer::end(Job& job, const Result<void>& result) {
  for (const Item& item : job.items) {
    if (result) {
      parts_.windows.sealed(*item.window);
      continue;
    }
    item.window->series.points -= static_cast<std::uint64_t>(item.points);
    item.window->series.bytes -= static_cast<std::uint64_t>(item.bytes);
    parts_.windows.give_up(*item.window);
  }
  if (result) {
    chunks_.add(static_cast<std::int64_t>(job.chunks));
    points_.add(static_cast<std::int64_t>(job.points));
    parts_.log.set_cursor(kSealedCursor,
                          std::min(parts_.windows.oldest().value_or(job.applied), job.applied));
    state_ = State::idle;
    return consider();
  }
  failures_.add();
  answer_all(result);
  parts_.dictionary.give_back(std::move(job.unsaved));
  log::refusal("service/series", "points are not sealed; they stay in the log", "store",
               {{"why", result.error().message}});
  state_ = State::resting;
  rest_timer_ = parts_.executor.schedule(kSealRetry, [this] {
    state_ = State::idle;
    consider();
  });
}

void Sealer::run_alone(Alone work) {
  alone_.push_back(std::move(work));
  consider();
}

void Sealer::run_next_alone() {
  state_ = State::sealing;
  Alone work = std::move(alone_.front());
  alone_.pop_front();
  work([this] {
    state_ = State::idle;
    consider();
  });
}

void Sealer::seal_all(std::move_only_function<void(Result<void>)> done) {
  waiting_for_all_.push_back(std::move(done));
  consider();
}

void Sealer::answer_all(const Result<void>& result) {
  for (auto& done : std::exchange(waiting_for_all_, {})) done(result);
}

/// Where nothing is open, records without points would stay in the log, and what was dropped in the keyed
/// store.
void Sealer::checkpoint() {
  if (state_ != State::idle || parts_.windows.size() > 0) return;
  const bool behind = parts_.log.cursor(kSealedCursor).value_or(0) < applied_;
  if (!behind && !parts_.dictionary.has_dropped()) return;
  state_ = State::sealing;
  write(std::make_shared<Job>());
}

}  // namespace dunlin::series
