#include "service/series/rollup_maker.h"

#include <algorithm>
#include <utility>

#include "base/core/assert.h"
#include "base/log.h"
#include "service/series/columns.h"
#include "service/series/open_windows.h"
#include "service/series/range_reader.h"
#include "service/series/series_key.h"

namespace dunlin::series {
namespace {

/// Days before this can be made. Of a window that is open not all is in chunks.
WallTime end_of_made(const SeriesEntry& series, WallTime points_from, WallTime now) {
  WallTime end = day_start(now - kRollupDelay);
  for (const auto& window : series.windows)
    if (window->start >= points_from) end = std::min(end, day_start(window->start));
  return end;
}

/// From where entries have to be made.
WallTime begin_of_made(const RollupState& state, WallTime sealed_from) {
  return std::max({state.made_to, state.points_from, day_start(sealed_from)});
}

void log_unreadable(const SeriesEntry& series, const Error& why) {
  log::refusal("service/series", "what is stored of a day cannot be read and is in no rollup",
               std::to_string(series.info.id.value), {{"why", why.message}});
}

}  // namespace

bool is_due(const SeriesEntry& series, const RollupOrder& order, WallTime now) {
  const RollupState& state = series.rollups;
  if (state.lengths != order.lengths || series.sealed_from < state.points_from) return true;
  const WallTime begin = begin_of_made(state, series.sealed_from);
  const WallTime made = end_of_made(series, state.points_from, now);
  if (begin < made && series.sealed_to >= begin) return true;
  const WallTime expired = std::min(day_start(order.points_before), made);
  if (expired > state.points_from && series.sealed_from < expired) return true;
  for (std::size_t i = 0; i < kRollupLengths.size(); ++i)
    if (state.from[i] < day_start(order.before[i])) return true;
  return false;
}

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
    if (self->change_) self->begin(*self->change_->series);
    self->work();
  });
}

void RollupMaker::begin(SeriesEntry& series) {
  change_ = Change{&series, series.rollups, series.sealed_from, 0, 0};
  if (!change_->next.lengths.has_all(order_->lengths)) change_->next.made_to = WallTime::min();
  change_->next.lengths = order_->lengths;
  phase_ = Phase::absorb;
  has_made_ = false;
}

bool RollupMaker::is_full() const {
  return reads_ >= kReadsPerRollupStep ||
         batch_.puts.size() + batch_.deletes.size() >= kChangesPerRollupWrite;
}

/// Whatever is read calls it again.
void RollupMaker::work() {
  if (is_full()) return flush();
  if (!change_ && !begin_next()) return flush();
  advance();
}

/// The next series that there is; false: there are no more.
bool RollupMaker::begin_next() {
  while (!orders_.empty()) {
    order_ = orders_.front();
    orders_.pop_front();
    SeriesEntry* series = parts_.dictionary.at(order_->series);
    if (series == nullptr || series->presence == SeriesEntry::Presence::hidden) continue;
    DUNLIN_ASSERT(!order_->lengths.empty());
    begin(*series);
    return true;
  }
  return false;
}

/// Goes to the next thing that has to be read.
void RollupMaker::advance() {
  if (phase_ == Phase::absorb && choose_absorb()) return;
  if (phase_ == Phase::make && choose_make()) return;
  if (phase_ == Phase::expire) {
    if (has_made_) return flush();  // what is made is read again from the store
    expire();
    if (!change_ || phase_ == Phase::absorb) return work();
  }
  if (phase_ == Phase::drop && choose_drop()) return;
  if (change_) changes_.push_back(*std::exchange(change_, std::nullopt));
  work();
}

WallTime RollupMaker::target() const {
  return end_of_made(*change_->series, change_->next.points_from, parts_.executor.wall_now());
}

/// What came for days whose points are gone, and what is left of these.
bool RollupMaker::choose_absorb() {
  const RollupState& next = change_->next;
  phase_ = Phase::make;
  if (change_->sealed_from >= next.points_from) return false;
  if (!gate_change()) {
    put_off();
    work();
    return true;
  }
  phase_ = Phase::absorb;
  const SeriesInfo& info = change_->series->info;
  next_key_ = series_key(info.tenant, info.id, day_start(change_->sealed_from));
  end_key_ = series_key(info.tenant, info.id, next.points_from);
  read_chunks();
  return true;
}

bool RollupMaker::choose_make() {
  phase_ = Phase::expire;
  const WallTime begin = begin_of_made(change_->next, change_->sealed_from);
  const WallTime end = target();
  if (begin >= end || change_->series->sealed_to < begin) {
    change_->next.made_to = std::max(change_->next.made_to, end);
    return false;
  }
  phase_ = Phase::make;
  const SeriesInfo& info = change_->series->info;
  next_key_ = series_key(info.tenant, info.id, begin);
  end_key_ = series_key(info.tenant, info.id, end);
  read_chunks();
  return true;
}

/// From now on the entries count; the chunks go as late ones do, of which nothing is new. Not while something
/// is open that is in neither.
void RollupMaker::expire() {
  RollupState& next = change_->next;
  const WallTime expired = std::min({day_start(order_->points_before), next.made_to, target()});
  phase_ = Phase::drop;
  if (expired <= next.points_from || change_->sealed_from >= expired) return;
  if (!gate_change()) return put_off();
  next.points_from = expired;
  phase_ = Phase::absorb;
}

bool RollupMaker::choose_drop() {
  for (std::size_t i = 0; i < kRollupLengths.size(); ++i) {
    if (change_->next.from[i] >= day_start(order_->before[i])) continue;
    read_dropped(i);
    return true;
  }
  phase_ = Phase::over;
  return false;
}

bool RollupMaker::gate_change() {
  const SeriesId id = change_->series->info.id;
  if (std::ranges::find(gated_, id) != gated_.end()) return true;
  if (!parts_.gate->begin_change(id)) return false;
  gated_.push_back(id);
  return true;
}

/// It is being read. What was done so far stays.
void RollupMaker::put_off() {
  later_.push_back(*order_);
  changes_.push_back(*std::exchange(change_, std::nullopt));
}

void RollupMaker::read_chunks() {
  ++reads_;
  store::Range range{.begin = next_key_,
                     .end = end_key_,
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
  std::vector<store::Range> ranges;
  for (std::size_t i = 0; i < kRollupLengths.size(); ++i)
    ranges.push_back({.begin = key_of(i, first), .end = key_of(i, last) + '\0'});
  read_ranges(parts_.executor, parts_.keyed, store::Table::rollup, std::move(ranges),
              [self = shared_from_this(),
               page = std::move(page)](Result<std::vector<std::vector<store::Entry>>> found) mutable {
                if (!found) return self->end(std::unexpected(found.error()));
                self->take(std::move(page), *found);
              });
}

std::string RollupMaker::key_of(std::size_t length, WallTime day) const {
  const SeriesInfo& info = change_->series->info;
  return rollup_key(info.tenant, info.id, kRollupLengths[length], day);
}

void RollupMaker::take(Page page, const Found& found) {
  for (const store::Entry& chunk : page.chunks) {
    const WallTime day = day_start(time_of_key(chunk.key));
    if (day_ && day_->start() != day) {
      end_day();
      if (is_full()) return flush();  // the rest is read again
    }
    if (!day_) begin_day(day, found);
    take_chunk(chunk);
  }
  if (page.is_last) {
    end_range();
    return work();
  }
  read_chunks();  // the page's last day may go on in the next one
}

void RollupMaker::begin_day(WallTime day, const Found& all) {
  day_.emplace(day);
  is_day_unreadable_ = false;
  old_bytes_ = {};
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto& entries = all[i];
    const auto found = std::ranges::lower_bound(entries, key_of(i, day), {}, &store::Entry::key);
    if (found == entries.end() || found->key != key_of(i, day)) continue;
    old_bytes_[i] = found->value.size();
    if (!is_final(day)) continue;
    if (const auto loaded = day_->load(kRollupLengths[i], found->value); !loaded)
      log_unreadable(*change_->series, loaded.error());
  }
  const bool has_any =
      std::ranges::any_of(kRollupLengths, [this](RollupLength length) { return day_->has(length); });
  if (!has_any) day_->begin(order_->lengths);
}

void RollupMaker::take_chunk(const store::Entry& chunk) {
  const auto columns = decode_columns(chunk.key, chunk.value);
  if (!columns) {
    log_unreadable(*change_->series, columns.error());
    is_day_unreadable_ = true;
  } else {
    day_->add(*columns, 0, columns->times.size());
  }
  if (!is_final(day_->start())) return;
  change_->points -= columns ? static_cast<std::int64_t>(columns->times.size()) : 0;
  change_->bytes -= static_cast<std::int64_t>(chunk.value.size());
  batch_.deletes.push_back({store::Table::series, chunk.key});
}

/// While its points are there, a day of which some cannot be read has no entries: who asks gets an error.
void RollupMaker::end_day() {
  const RollupDay day = *std::exchange(day_, std::nullopt);
  RollupState& next = change_->next;
  const bool is_made = is_final(day.start()) ? day.has_changed() : !is_day_unreadable_;
  const bool is_emptied = !is_final(day.start()) && is_day_unreadable_;
  for (std::size_t i = 0; i < kRollupLengths.size(); ++i) {
    if (is_made && day.has(kRollupLengths[i]) && !day.parts(kRollupLengths[i]).empty()) {
      std::string value = encode_parts(day.start(), day.parts(kRollupLengths[i]));
      next.bytes += value.size() - old_bytes_[i];
      next.from[i] = std::min(next.from[i], day.start());
      batch_.puts.push_back({store::Table::rollup, key_of(i, day.start()), std::move(value)});
    } else if (is_emptied && old_bytes_[i] != 0) {
      next.bytes -= old_bytes_[i];
      batch_.deletes.push_back({store::Table::rollup, key_of(i, day.start())});
    }
  }
  if (is_final(day.start())) {
    change_->sealed_from = std::max(change_->sealed_from, next_day(day.start()));
  } else {
    next.made_to = next_day(day.start());
  }
  has_made_ = true;
  parts_.days.add();
}

void RollupMaker::end_range() {
  if (day_) end_day();
  RollupState& next = change_->next;
  if (phase_ == Phase::absorb) {
    change_->sealed_from = std::max(change_->sealed_from, next.points_from);
  } else {
    next.made_to = std::max(next.made_to, target());
  }
}

void RollupMaker::read_dropped(std::size_t length) {
  ++reads_;
  const WallTime before = day_start(order_->before[length]);
  store::Range range{.begin = key_of(length, WallTime::min()),
                     .end = key_of(length, before),
                     .max_entries = kChangesPerRollupWrite / 2};
  parts_.keyed.ranges(
      parts_.executor, store::Table::rollup, {std::move(range)},
      [self = shared_from_this(), length, before](Result<std::vector<store::RangePart>> parts) {
        if (!parts) return self->end(std::unexpected(parts.error()));
        Change& change = *self->change_;
        for (const store::Entry& entry : parts->front().entries) {
          change.next.bytes -= entry.value.size();
          self->batch_.deletes.push_back({store::Table::rollup, entry.key});
        }
        if (parts->front().end == store::RangePart::End::reached) {
          const bool is_all = day_start(change.series->sealed_to) < before;
          change.next.from[length] = is_all ? WallTime::max() : before;
          return self->work();
        }
        // What is read again must be gone by then.
        self->flush();
      });
}

void RollupMaker::flush() {
  std::vector<Change> changes = std::exchange(changes_, {});
  if (change_) changes.push_back(*change_);
  Dictionary::Unsaved changed;
  const auto exchange = [&changes] {
    for (Change& change : changes) {
      std::swap(change.series->rollups, change.next);
      std::swap(change.series->sealed_from, change.sealed_from);
      change.series->points += static_cast<std::uint64_t>(change.points);
      change.series->bytes += static_cast<std::uint64_t>(change.bytes);
      change.points = -change.points;
      change.bytes = -change.bytes;
    }
  };
  for (const Change& change : changes) {
    const bool has_changed =
        change.next != change.series->rollups || change.sealed_from != change.series->sealed_from;
    if (has_changed || change.points != 0 || change.bytes != 0)
      changed.series.insert(change.series->info.id.value);
  }
  // Readers must not see what is not stored yet.
  exchange();
  parts_.dictionary.put(batch_, changed);
  exchange();
  changes_ = std::move(changes);
  if (batch_.empty()) return written({});
  parts_.keyed.write(parts_.executor, std::exchange(batch_, {}),
                     [self = shared_from_this()](const Result<void>& result) { self->written(result); });
}

void RollupMaker::written(const Result<void>& result) {
  if (!result) return end(result);
  for (const Change& change : std::exchange(changes_, {})) {
    SeriesEntry& series = *change.series;
    series.rollups = change.next;
    series.sealed_from = change.sealed_from;
    series.points += static_cast<std::uint64_t>(change.points);
    series.bytes += static_cast<std::uint64_t>(change.bytes);
    forget_empty(series);
  }
  for (const SeriesId id : std::exchange(gated_, {})) parts_.gate->end_change(id);
  if (change_ && change_->series->presence == SeriesEntry::Presence::hidden) change_.reset();
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
