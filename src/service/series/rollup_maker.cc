#include "service/series/rollup_maker.h"

#include <algorithm>
#include <utility>

#include "base/core/assert.h"
#include "base/log.h"
#include "service/series/open_windows.h"
#include "service/series/range_reader.h"
#include "service/series/series_key.h"

namespace dunlin::series {

RollupMaker::RollupMaker(Parts parts, std::vector<RollupOrder> orders, Done done)
    : parts_(std::move(parts)), orders_(orders.begin(), orders.end()), done_(std::move(done)) {}

void RollupMaker::start() {
  step();
}

void RollupMaker::step() {
  parts_.sealer.run_alone([self = shared_from_this()](Task released) {
    self->released_ = std::move(released);
    self->reads_ = 0;
    // It may have been written to, or deleted from, since the last step.
    if (self->change_) self->change_ = RollupChange(self->change_->series(), self->change_->order());
    self->work();
  });
}

bool RollupMaker::is_full() const {
  return reads_ >= kReadsPerRollupStep ||
         batch_.puts.size() + batch_.deletes.size() >= kChangesPerRollupWrite;
}

/// Whatever is read calls it again.
void RollupMaker::work() {
  do {
    if (is_full()) return flush();
    if (!change_ && !begin_next()) return flush();
  } while (!read_next());
}

/// The next series that there is; false: there are no more.
bool RollupMaker::begin_next() {
  while (!orders_.empty()) {
    const RollupOrder order = orders_.front();
    orders_.pop_front();
    SeriesEntry* series = parts_.dictionary.at(order.series);
    if (series == nullptr || series->presence == SeriesEntry::Presence::hidden) continue;
    DUNLIN_ASSERT(!order.lengths.empty());
    change_.emplace(*series, order);
    return true;
  }
  return false;
}

/// Begins to read for what is to be done next; false: this was all of the series, or it has to wait.
bool RollupMaker::read_next() {
  const WallTime now = parts_.executor.wall_now();
  if (!change_->late_days()) {
    if (const auto days = change_->days_to_make(now)) {
      read_days(*days);
      return true;
    }
    const auto expired = change_->expired(now);
    const auto dropped = change_->length_to_drop();
    if ((expired || dropped) && change_->has_made()) {
      flush();  // what is made is read again from the store
      return true;
    }
    if (expired) {
      if (!enter_gate()) return false;
      change_->expire(*expired);
    } else if (dropped) {
      read_dropped(*dropped);
      return true;
    }
  }
  const auto days = change_->late_days();
  if (days && enter_gate()) {
    read_days(*days);
    return true;
  }
  if (change_) changes_.push_back(*std::exchange(change_, std::nullopt));
  return false;
}

/// False: it is being read. What was done so far stays.
bool RollupMaker::enter_gate() {
  const SeriesId id = change_->series().info.id;
  if (std::ranges::find(gated_, id) != gated_.end()) return true;
  if (parts_.gate->begin_change(id)) {
    gated_.push_back(id);
    return true;
  }
  later_.push_back(change_->order());
  changes_.push_back(*std::exchange(change_, std::nullopt));
  return false;
}

void RollupMaker::read_days(const RollupDays& days) {
  const SeriesInfo& info = change_->series().info;
  days_ = days;
  next_key_ = series_key(info.tenant, info.id, days.begin);
  read_chunks();
}

void RollupMaker::read_chunks() {
  ++reads_;
  const SeriesInfo& info = change_->series().info;
  store::Range range{.begin = next_key_,
                     .end = series_key(info.tenant, info.id, days_.end),
                     .max_entries = kChunksPerRollupRead,
                     .max_bytes = kBytesPerRollupRead};
  parts_.keyed.ranges(parts_.executor, store::Table::series, {std::move(range)},
                      [self = shared_from_this()](Result<std::vector<store::RangePart>> parts) {
                        if (!parts) return self->end(std::unexpected(parts.error()));
                        store::RangePart& part = parts->front();
                        const bool is_last = part.end == store::RangePart::End::reached;
                        self->read_entries({std::move(part.entries), is_last});
                      });
}

/// Those of the page's days that there are already.
void RollupMaker::read_entries(Page page) {
  if (page.chunks.empty()) return take(std::move(page), {});
  next_key_ = page.chunks.back().key + '\0';
  const WallTime first = day_start(time_of_key(page.chunks.front().key));
  const WallTime last = day_start(time_of_key(page.chunks.back().key));
  read_ranges(parts_.executor, parts_.keyed, store::Table::rollup,
              rollup_ranges(change_->series().info, first, last),
              [self = shared_from_this(), page = std::move(page)](Result<RollupEntries> found) mutable {
                if (!found) return self->end(std::unexpected(found.error()));
                self->take(std::move(page), *found);
              });
}

void RollupMaker::take(Page page, const RollupEntries& found) {
  for (const store::Entry& chunk : page.chunks) {
    if (change_->is_of_next_day(chunk)) {
      change_->end_day(batch_);
      if (is_full()) return flush();  // the rest is read again
    }
    change_->take(chunk, found, batch_);
  }
  if (!page.is_last) return read_chunks();  // the page's last day may go on in the next one
  change_->end_days(days_, batch_);
  work();
}

void RollupMaker::read_dropped(RollupLength length) {
  ++reads_;
  const WallTime before = day_start(change_->order().before[index_of(length)]);
  store::Range range{.begin = rollup_key(change_->series().info, length, WallTime::min()),
                     .end = rollup_key(change_->series().info, length, before),
                     .max_entries = kChangesPerRollupWrite / 2};
  parts_.keyed.ranges(parts_.executor, store::Table::rollup, {std::move(range)},
                      [self = shared_from_this(), length](Result<std::vector<store::RangePart>> parts) {
                        if (!parts) return self->end(std::unexpected(parts.error()));
                        for (const store::Entry& entry : parts->front().entries)
                          self->change_->drop(entry, self->batch_);
                        // What is read again must be gone by then.
                        if (parts->front().end == store::RangePart::End::cut) return self->flush();
                        self->change_->end_drop(length);
                        self->work();
                      });
}

void RollupMaker::flush() {
  if (change_) changes_.push_back(*change_);
  Dictionary::Unsaved changed;
  for (const RollupChange& change : changes_)
    if (change.changes_entry()) changed.series.insert(change.series().info.id.value);
  // Readers must not see what is not stored yet.
  for (RollupChange& change : changes_) change.exchange();
  parts_.dictionary.put(batch_, changed);
  for (RollupChange& change : changes_) change.exchange();
  if (batch_.empty()) return written({});
  parts_.keyed.write(parts_.executor, std::exchange(batch_, {}),
                     [self = shared_from_this()](const Result<void>& result) { self->written(result); });
}

void RollupMaker::written(const Result<void>& result) {
  if (!result) return end(result);
  for (RollupChange& change : std::exchange(changes_, {})) {
    change.exchange();
    parts_.days.add(static_cast<std::int64_t>(change.days_made()));
    forget_empty(change.series());
  }
  for (const SeriesId id : std::exchange(gated_, {})) parts_.gate->end_change(id);
  if (change_ && change_->series().presence == SeriesEntry::Presence::hidden) change_.reset();
  std::exchange(released_, {})();
  if (change_ || !orders_.empty()) {
    parts_.executor.schedule(kRollupRest, [self = shared_from_this()] { self->step(); });
  } else if (!later_.empty() && ++tries_ < kRollupTries) {
    const std::vector<RollupOrder> later = std::exchange(later_, {});
    orders_.assign(later.begin(), later.end());
    parts_.executor.schedule(kRollupRetry, [self = shared_from_this()] { self->step(); });
  } else {
    std::exchange(done_, {})({});
  }
}

/// A series of which nothing is left is gone for everybody.
void RollupMaker::forget_empty(SeriesEntry& series) {
  const RollupState& state = series.rollups;
  const bool has_points = series.points != 0 || series.sealed_to >= state.points_from;
  if (has_points || state.begin() != WallTime::max() || !series.windows.empty()) return;
  parts_.dictionary.forget(series, parts_.sealer.applied());
}

void RollupMaker::end(Result<void> result) {
  for (const SeriesId id : std::exchange(gated_, {})) parts_.gate->end_change(id);
  if (released_) std::exchange(released_, {})();
  log::refusal("service/series", "rollups are not made, or what is too old is not gone yet", "store",
               {{"why", result.error().message}});
  std::exchange(done_, {})(std::move(result));
}

}  // namespace dunlin::series
