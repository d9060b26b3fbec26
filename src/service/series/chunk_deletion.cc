#include "service/series/chunk_deletion.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "service/series/columns.h"
#include "service/series/open_windows.h"
#include "service/series/rollup_deletion.h"
#include "service/series/series_key.h"
#include "service/series/window.h"

namespace dunlin::series {
namespace {

constexpr Duration kRetry = std::chrono::seconds{1};

}  // namespace

ChunkDeletion::ChunkDeletion(Executor& executor, store::Keyed& keyed, Dictionary& dictionary,
                             Deletion deletion, store::Position after, Task done)
    : executor_(executor),
      keyed_(keyed),
      dictionary_(dictionary),
      series_(*dictionary.at(deletion.series)),
      deletion_(deletion),
      after_(after),
      done_(std::move(done)) {}

void ChunkDeletion::start() {
  std::make_shared<RollupDeletion>(executor_, keyed_, dictionary_, deletion_, [self = shared_from_this()] {
    self->begin();
  })->start();
}

void ChunkDeletion::begin() {
  next_ = series_key(series_.info.tenant, series_.info.id, window_start(deletion_.from));
  if (series_.sealed_to < deletion_.from) return finish();
  read();
}

void ChunkDeletion::read() {
  const SeriesInfo& info = series_.info;
  store::Range range{.begin = next_,
                     .end = series_key(info.tenant, info.id, deletion_.to),
                     .max_entries = kChunksPerDeletion};
  if (deletion_.to == WallTime::max())
    range.end = series_key(info.tenant, SeriesId{info.id.value + 1}, WallTime::min());
  keyed_.range(executor_, store::Table::series, std::move(range),
               [self = shared_from_this()](Result<std::vector<store::Entry>> entries) {
                 if (!entries) return self->again(entries.error());
                 if (entries->empty()) return self->finish();
                 self->write(*std::move(entries));
               });
}

void ChunkDeletion::write(std::vector<store::Entry> entries) {
  points_ = bytes_ = 0;
  store::Batch batch;
  for (const store::Entry& entry : entries) {
    if (const auto taken = take_out(entry, batch); !taken)
      log::refusal("service/series", "a stored chunk cannot be read and is left as it is",
                   std::to_string(series_.info.id.value), {{"why", taken.error().message}});
  }
  std::string next = entries.back().key + '\0';
  if (batch.empty()) {
    next_ = std::move(next);
    return read();
  }
  series_.points -= static_cast<std::uint64_t>(points_);
  series_.bytes -= static_cast<std::uint64_t>(bytes_);
  Dictionary::Unsaved changed;
  changed.series.insert(series_.info.id.value);
  dictionary_.put(batch, changed);
  keyed_.write(executor_, std::move(batch), [self = shared_from_this(), next](const Result<void>& result) {
    if (result) {
      self->next_ = next;
      return self->read();
    }
    self->series_.points += static_cast<std::uint64_t>(self->points_);
    self->series_.bytes += static_cast<std::uint64_t>(self->bytes_);
    self->again(result.error());
  });
}

/// Errors: corrupt; not of a series that goes as a whole.
Result<void> ChunkDeletion::take_out(const store::Entry& entry, store::Batch& batch) {
  const auto summary = summary_of(entry.key, entry.value);
  if (!summary && !deletion_.is_whole()) return std::unexpected(summary.error());
  const bool all = !summary || (deletion_.holds(from_unix_nanoseconds(summary->first_time)) &&
                                deletion_.holds(from_unix_nanoseconds(summary->last_time)));
  if (!all && from_unix_nanoseconds(summary->last_time) < deletion_.from) return {};
  std::vector<Point> rest;
  if (!all) {
    DUNLIN_TRY(const store::ChunkPoints columns, decode_columns(entry.key, entry.value));
    rest = points_of(columns);
    std::erase_if(rest, [this](const Point& point) { return deletion_.holds(point.time); });
    if (rest.size() == columns.times.size()) return {};
  }
  batch.deletes.push_back({store::Table::series, entry.key});
  points_ += summary ? static_cast<std::int64_t>(summary->points) : 0;
  bytes_ += static_cast<std::int64_t>(entry.value.size());
  for (const store::ChunkPoints& columns : in_columns(rest)) {
    store::Entry kept = encode_columns(series_.info.tenant, series_.info.id, columns);
    points_ -= static_cast<std::int64_t>(columns.times.size());
    bytes_ -= static_cast<std::int64_t>(kept.value.size());
    batch.puts.push_back({store::Table::series, std::move(kept.key), std::move(kept.value)});
  }
  return {};
}

/// A series of which nothing is left is gone for everybody.
void ChunkDeletion::finish() {
  const bool from_the_first = deletion_.from <= series_.sealed_from;
  const bool has_rollups = series_.rollups.begin() != WallTime::max();
  const bool to_the_last = deletion_.is_whole() || series_.sealed_to < deletion_.to;
  if (from_the_first) series_.sealed_from = std::max(series_.sealed_from, deletion_.to);
  dictionary_.changed(deletion_.series);
  if (from_the_first && to_the_last && !has_rollups && series_.windows.empty())
    dictionary_.forget(series_, after_);
  done_();
}

void ChunkDeletion::again(const Error& why) {
  log::refusal("service/series", "deleted points are still on the disk: trying again", "store",
               {{"why", why.message}});
  executor_.schedule(kRetry, [self = shared_from_this()] { self->read(); });
}

}  // namespace dunlin::series
