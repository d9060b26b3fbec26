#include "service/series/rolled_scan.h"

#include <algorithm>
#include <utility>

#include "service/series/open_windows.h"
#include "service/series/part_choice.h"
#include "service/series/range_reader.h"
#include "service/series/series_pages.h"

namespace dunlin::series {

RolledScan::RolledScan(Environment environment, const SeriesEntry& series, const ScanSet& set,
                       ScanVisitor& visitor, std::size_t& told, Done done)
    : environment_(environment),
      series_(series),
      set_(set),
      visitor_(visitor),
      told_(told),
      done_(std::move(done)),
      from_(set.from),
      to_(set.to),
      at_(set.from) {}

void RolledScan::start() {
  WallTime begin = std::min(series_.rollups.begin(), day_start(series_.sealed_from));
  for (const auto& window : series_.windows) begin = std::min(begin, window->start);
  at_ = std::max(from_, begin);
  on_asker([self = shared_from_this()] {
    if (self->visitor_.series) self->visitor_.series(self->series_.info.id);
    self->on_dictionary([self] { self->go_on(); });
  });
}

void RolledScan::on_asker(Task task) {
  if (&environment_.asker == &environment_.executor) return task();
  environment_.asker.post(std::move(task));
}

void RolledScan::on_dictionary(Task task) {
  if (&environment_.asker == &environment_.executor) return task();
  environment_.executor.post(std::move(task));
}

/// The dictionary's thread, or the asker's where nothing is on its way to the other.
void RolledScan::end(Result<ScanGo> result) {
  on_asker([self = shared_from_this(), result = std::move(result)]() mutable {
    self->items_.clear();
    auto done = std::exchange(self->done_, {});
    done(std::move(result));
  });
}

void RolledScan::go_on() {
  if (!items_.empty()) return on_asker([self = shared_from_this()] { self->tell_items(); });
  if (at_ >= to_) return end(ScanGo::on);
  if (at_ < series_.rollups.points_from) return read_final();
  const auto length = visitor_.chunk ? length_of_made(series_, set_) : std::nullopt;
  if (length && at_ < series_.rollups.made_to) return read_made(*length);
  read_points_to(to_);
}

/// Points that came when the others were gone, and are in no rollup yet.
bool RolledScan::has_late(WallTime from, WallTime to) const {
  if (series_.sealed_from < series_.rollups.points_from && series_.sealed_from < to) return true;
  return std::ranges::any_of(
      series_.windows, [from, to](const auto& window) { return window->last >= from && window->start < to; });
}

void RolledScan::read_final() {
  const WallTime end = std::min(to_, series_.rollups.points_from);
  WallTime day = day_start(at_);
  if (has_late(day, next_day(day))) return read_late_day(day);
  std::vector<RollupLength> order = lengths_for(series_, set_, day);
  const bool is_of_minutes = !order.empty() && order.front() == RollupLength::minute;
  const std::size_t most =
      is_cut(set_, day) ? 1 : (is_of_minutes ? kMinuteDaysPerRollupRead : kDaysPerRollupRead);
  std::vector<Day> days;
  for (; days.size() < most && day < end && !has_late(day, next_day(day)); day = next_day(day)) {
    if (is_cut(set_, day) && !days.empty()) break;
    days.push_back({day, std::nullopt});
  }
  at_ = day;
  read_lengths(std::move(days), std::move(order), 0);
}

void RolledScan::read_lengths(std::vector<Day> days, std::vector<RollupLength> order, std::size_t next) {
  const auto is_missing = [](const Day& day) { return !day.parts; };
  const auto first = std::ranges::find_if(days, is_missing);
  if (first == days.end() || next == order.size()) {
    return on_asker([self = shared_from_this(), days = std::move(days)] { self->tell_days(days); });
  }
  const RollupLength length = order[next];
  std::vector<store::Range> ranges{rollup_range(series_.info, length, first->start, days.back().start)};
  read_ranges(environment_.executor, environment_.keyed, store::Table::rollup, std::move(ranges),
              [self = shared_from_this(), days = std::move(days), order = std::move(order),
               next](Result<Found> found) mutable {
                if (!found) return self->end(std::unexpected(found.error()));
                if (const auto taken = self->take_entries(days, order[next], found->front()); !taken)
                  return self->end(std::unexpected(taken.error()));
                self->read_lengths(std::move(days), std::move(order), next + 1);
              });
}

/// The asker's thread.
void RolledScan::tell_days(const std::vector<Day>& days) {
  for (const Day& day : days) {
    if (!day.parts) continue;
    const auto go = tell_final(*day.parts);
    if (!go || *go == ScanGo::stop) return end(go);
  }
  on_dictionary([self = shared_from_this()] { self->go_on(); });
}

/// Errors: corrupt; unsupported.
Result<void> RolledScan::take_entries(std::vector<Day>& days, RollupLength length,
                                      const std::vector<store::Entry>& entries) const {
  for (const store::Entry& entry : entries) {
    const WallTime start = day_of_rollup_key(entry.key);
    const auto day = std::ranges::lower_bound(days, start, {}, &Day::start);
    if (day == days.end() || day->start != start || day->parts) continue;
    DUNLIN_CHECK(check_told(series_, set_, length));
    DUNLIN_TRY(day->parts, decode_parts(start, length, entry.value));
  }
  return {};
}

void RolledScan::read_late_day(WallTime day) {
  read_ranges(environment_.executor, environment_.keyed, store::Table::rollup,
              rollup_ranges(series_.info, day, day), [self = shared_from_this(), day](Result<Found> found) {
                if (!found) return self->end(std::unexpected(found.error()));
                self->add_late(day, *found);
              });
}

/// What there is then is what the entries will say when the points are in them.
void RolledScan::add_late(WallTime start, const Found& found) {
  auto day = std::make_shared<RollupDay>(start);  // shared by the visitor and what follows
  bool has_any = false;
  for (const RollupLength length : kRollupLengths) {
    for (const store::Entry& entry : found[index_of(length)]) {
      has_any = true;
      if (auto loaded = day->load(length, entry.value); !loaded) return end(std::unexpected(loaded.error()));
    }
  }
  const WallTime stop = next_day(start);
  if (!has_any) return read_points_to(std::min(stop, to_));
  late_ = {};
  late_.block = [day](const Block& block) {
    day->add(block.columns, block.begin, block.end);
    return ScanGo::on;
  };
  at_ = stop;
  read_points(start, stop, late_, [self = shared_from_this(), day] { self->end_late_day(*day); });
}

void RolledScan::end_late_day(const RollupDay& day) {
  for (const RollupLength length : lengths_for(series_, set_, day.start())) {
    if (!day.has(length)) continue;
    if (const auto may = check_told(series_, set_, length); !may) return end(std::unexpected(may.error()));
    std::vector<Day> one{{day.start(), day.parts(length)}};
    return on_asker([self = shared_from_this(), one = std::move(one)] { self->tell_days(one); });
  }
  go_on();
}

/// A part cannot be divided. The asker's thread.
Result<ScanGo> RolledScan::tell_final(const Parts& parts) {
  for (const store::ChunkSummary& part : parts) {
    const WallTime first = from_unix_nanoseconds(part.first_time);
    const WallTime last = from_unix_nanoseconds(part.last_time);
    if (last < from_ || first >= to_) continue;
    const bool is_cut = first < from_ || (last >= to_ && set_.grid.fit == PartGrid::Fit::whole);
    if (is_cut) {
      if (visitor_.cut) visitor_.cut(part);
      continue;
    }
    if (visitor_.part(part) == ScanGo::stop) return ScanGo::stop;
  }
  return ScanGo::on;
}

void RolledScan::read_made(RollupLength length) {
  WallTime day = day_start(at_);
  if (day < at_) day = next_day(day);
  const WallTime end = std::min(series_.rollups.made_to, day_start(to_));
  if (day >= end) return read_points_to(to_);
  add_gap(at_, day);
  std::vector<WallTime> days;
  for (; days.size() < kDaysPerRollupRead && day < end; day = next_day(day)) days.push_back(day);
  // What comes while they are read is no concern of this scan; what is open now is not in them.
  std::vector<WallTime> changed;
  for (const auto& window : series_.windows) changed.push_back(day_start(window->start));
  const WallTime made_to = series_.rollups.made_to;
  std::vector<store::Range> ranges{rollup_range(series_.info, length, days.front(), days.back())};
  at_ = day;
  read_ranges(environment_.executor, environment_.keyed, store::Table::rollup, std::move(ranges),
              [self = shared_from_this(), length, days = std::move(days), changed = std::move(changed),
               made_to](Result<Found> found) mutable {
                if (!found) return self->end(std::unexpected(found.error()));
                // What was written or deleted meanwhile counts, but what was made of it may not be what was
                // read.
                const WallTime made = std::min(made_to, self->series_.rollups.made_to);
                std::ranges::copy_if(days, std::back_inserter(changed),
                                     [made](WallTime one) { return one >= made; });
                self->take_made(length, days, changed, found->front());
              });
}

/// An entry that cannot be read is as good as none.
void RolledScan::take_made(RollupLength length, const std::vector<WallTime>& days,
                           const std::vector<WallTime>& changed, const std::vector<store::Entry>& entries) {
  for (const WallTime day : days) {
    const std::string key = rollup_key(series_.info, length, day);
    const auto entry = std::ranges::lower_bound(entries, key, {}, &store::Entry::key);
    const bool is_good =
        entry != entries.end() && entry->key == key && std::ranges::find(changed, day) == changed.end();
    auto parts = is_good ? decode_parts(day, length, entry->value) : Result<Parts>(Parts{});
    if (!parts || parts->empty()) {
      add_gap(day, next_day(day));
    } else {
      items_.push_back({day, next_day(day), length, *std::move(parts)});
    }
  }
  go_on();
}

void RolledScan::add_gap(WallTime begin, WallTime end) {
  if (begin >= end) return;
  if (!items_.empty() && items_.back().parts.empty()) {
    items_.back().end = end;
  } else {
    items_.push_back({begin, end, RollupLength::day, {}});
  }
}

/// Up to the next time of which points are needed. The asker's thread.
void RolledScan::tell_items() {
  while (!items_.empty() && !items_.front().parts.empty()) {
    const Item item = std::move(items_.front());
    items_.pop_front();
    const auto needed = std::ranges::find_if_not(
        item.parts, [this](const store::ChunkSummary& part) { return visitor_.chunk(part); });
    if (needed == item.parts.end()) continue;
    // Its points are needed.
    const WallTime begin = part_start(from_unix_nanoseconds(needed->first_time), duration_of(item.length));
    Parts rest(needed + 1, item.parts.end());
    if (!rest.empty()) items_.push_front({begin, item.end, item.length, std::move(rest)});
    items_.push_front({begin, begin + duration_of(item.length), item.length, {}});
  }
  on_dictionary([self = shared_from_this()] {
    if (self->items_.empty()) return self->go_on();
    const Item item = std::move(self->items_.front());
    self->items_.pop_front();
    self->read_points(item.begin, item.end, self->visitor_, [self] { self->go_on(); });
  });
}

void RolledScan::read_points_to(WallTime to) {
  const WallTime from = std::exchange(at_, to);
  read_points(from, to, visitor_, [self = shared_from_this()] { self->go_on(); });
}

void RolledScan::read_points(WallTime from, WallTime to, ScanVisitor& visitor, Task then) {
  reader_.emplace(series_, ScanSet{set_.tenant, {series_.info.id}, from, to, set_.max_points});
  on_asker([self = shared_from_this(), &visitor, then = std::move(then)]() mutable {
    const RolledScan& of = *self;
    tell_pages({of.environment_.asker, of.environment_.keyed, *self->reader_, visitor, of.told_}, {},
               [self, then = std::move(then)](Result<ScanGo> go) mutable {
                 if (!go || *go == ScanGo::stop) return self->end(std::move(go));
                 self->on_dictionary(std::move(then));
               });
  });
}

}  // namespace dunlin::series
