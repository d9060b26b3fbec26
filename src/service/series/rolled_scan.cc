#include "service/series/rolled_scan.h"

#include <algorithm>
#include <utility>

#include "base/time_text.h"
#include "service/series/open_windows.h"
#include "service/series/range_reader.h"

namespace dunlin::series {
namespace {

std::string_view name_of(RollupLength length) {
  constexpr std::array<std::string_view, kRollupLengths.size()> kNames{"minutes", "hours", "days"};
  return kNames[static_cast<std::size_t>(length)];
}

Error too_short(RollupLength left, WallTime points_from) {
  return {Errc::unsupported, "of times before " + format_rfc3339(points_from) + " only " +
                                 std::string(name_of(left)) +
                                 " are kept: ask for buckets of whole ones, or for later times"};
}

}  // namespace

bool fits(const PartGrid& grid, RollupLength length) {
  const std::int64_t of_part = duration_of(length).count();
  return grid.width == 0 || (grid.width % of_part == 0 && grid.origin % of_part == 0);
}

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
  const auto length = made_length();
  if (length && at_ < series_.rollups.made_to) return read_made(*length);
  const WallTime from = std::exchange(at_, to_);
  read_points(from, to_, &visitor_, [self = shared_from_this()] { self->go_on(); });
}

std::string RolledScan::key_of(RollupLength length, WallTime day) const {
  return rollup_key(series_.info.tenant, series_.info.id, length, day);
}

/// Points that came when the others were gone, and are in no rollup yet.
bool RolledScan::has_late(WallTime from, WallTime to) const {
  if (series_.sealed_from < series_.rollups.points_from && series_.sealed_from < to) return true;
  return std::ranges::any_of(
      series_.windows, [from, to](const auto& window) { return window->last >= from && window->start < to; });
}

/// Of a day that the range cuts the shortest parts are best, otherwise the longest.
std::vector<RollupLength> RolledScan::order_for(WallTime day) const {
  std::vector<RollupLength> order;
  for (const RollupLength length : kRollupLengths)
    if (series_.rollups.has(length)) order.push_back(length);
  if (!is_cut(day)) std::ranges::reverse(order);
  const auto is_good = [this](RollupLength length) {
    if (set_.grid.fit == PartGrid::Fit::whole) return fits(set_.grid, length);
    return duration_of(length).count() <= set_.grid.width;
  };
  const auto others = std::stable_partition(order.begin(), order.end(), is_good);
  std::sort(others, order.end());
  return order;
}

void RolledScan::read_final() {
  const WallTime end = std::min(to_, series_.rollups.points_from);
  WallTime day = day_start(at_);
  if (has_late(day, next_day(day))) return read_late_day(day);
  std::vector<RollupLength> order = order_for(day);
  const bool is_of_minutes = !order.empty() && order.front() == RollupLength::minute;
  const std::size_t most = is_cut(day) ? 1 : (is_of_minutes ? kMinuteDaysPerRollupRead : kDaysPerRollupRead);
  std::vector<Day> days;
  for (; days.size() < most && day < end && !has_late(day, next_day(day)); day = next_day(day)) {
    if (is_cut(day) && !days.empty()) break;
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
  std::vector<store::Range> ranges{
      {.begin = key_of(length, first->start), .end = key_of(length, days.back().start) + '\0'}};
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
    if (!may_tell(length)) return std::unexpected(too_short(length, series_.rollups.points_from));
    DUNLIN_TRY(day->parts, decode_parts(start, length, entry.value));
  }
  return {};
}

bool RolledScan::may_tell(RollupLength length) const {
  return set_.grid.fit == PartGrid::Fit::near || fits(set_.grid, length);
}

void RolledScan::read_late_day(WallTime day) {
  std::vector<store::Range> ranges;
  for (const RollupLength length : kRollupLengths)
    ranges.push_back({.begin = key_of(length, day), .end = key_of(length, day) + '\0'});
  read_ranges(environment_.executor, environment_.keyed, store::Table::rollup, std::move(ranges),
              [self = shared_from_this(), day](Result<Found> found) {
                if (!found) return self->end(std::unexpected(found.error()));
                self->add_late(day, *found);
              });
}

/// What there is then is what the entries will say when the points are in them.
void RolledScan::add_late(WallTime start, const Found& found) {
  auto day = std::make_shared<RollupDay>(start);  // shared by the visitor and what follows
  bool has_any = false;
  for (std::size_t i = 0; i < found.size(); ++i) {
    for (const store::Entry& entry : found[i]) {
      has_any = true;
      if (auto loaded = day->load(kRollupLengths[i], entry.value); !loaded)
        return end(std::unexpected(loaded.error()));
    }
  }
  const WallTime stop = next_day(start);
  if (!has_any) {
    const WallTime from = std::exchange(at_, std::min(stop, to_));
    return read_points(from, at_, &visitor_, [self = shared_from_this()] { self->go_on(); });
  }
  late_ = {};
  late_.block = [day](const Block& block) {
    day->add(block.columns, block.begin, block.end);
    return ScanGo::on;
  };
  at_ = stop;
  read_points(start, stop, &late_, [self = shared_from_this(), day] { self->end_late_day(*day); });
}

void RolledScan::end_late_day(const RollupDay& day) {
  for (const RollupLength length : order_for(day.start())) {
    if (!day.has(length)) continue;
    if (!may_tell(length)) return end(std::unexpected(too_short(length, series_.rollups.points_from)));
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

/// In which what was made stands for points that are there; none: the points are needed.
std::optional<RollupLength> RolledScan::made_length() const {
  if (!visitor_.chunk || set_.grid.fit != PartGrid::Fit::whole) return std::nullopt;
  for (const RollupLength length : {RollupLength::day, RollupLength::hour}) {
    const bool is_there = series_.rollups.lengths.has(length) && series_.rollups.has(length);
    if (is_there && fits(set_.grid, length)) return length;
  }
  return std::nullopt;
}

void RolledScan::read_made(RollupLength length) {
  WallTime day = day_start(at_);
  if (day < at_) day = next_day(day);
  const WallTime end = std::min(series_.rollups.made_to, day_start(to_));
  if (day >= end) {
    const WallTime from = std::exchange(at_, to_);
    return read_points(from, to_, &visitor_, [self = shared_from_this()] { self->go_on(); });
  }
  add_gap(at_, day);
  std::vector<WallTime> days;
  for (; days.size() < kDaysPerRollupRead && day < end; day = next_day(day)) days.push_back(day);
  // What comes while they are read is no concern of this scan; what is open now is not in them.
  std::vector<WallTime> changed;
  for (const auto& window : series_.windows) changed.push_back(day_start(window->start));
  const WallTime made_to = series_.rollups.made_to;
  std::vector<store::Range> ranges{
      {.begin = key_of(length, days.front()), .end = key_of(length, days.back()) + '\0'}};
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
    const std::string key = key_of(length, day);
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
    self->read_points(item.begin, item.end, &self->visitor_, [self] { self->go_on(); });
  });
}

void RolledScan::read_points(WallTime from, WallTime to, ScanVisitor* visitor, Task then) {
  ScanSet set{series_.info.tenant, {series_.info.id}, from, to, set_.max_points};
  auto reader = std::make_shared<SeriesReader>(series_, set);  // handed from page to page
  if (reader->has_chunks()) return read_page(std::move(reader), {}, visitor, std::move(then));
  on_asker(
      [self = shared_from_this(), reader = std::move(reader), visitor, then = std::move(then)]() mutable {
        self->tell_page(std::move(reader), {{}, store::RangePart::End::reached}, visitor, std::move(then));
      });
}

void RolledScan::read_page(std::shared_ptr<SeriesReader> reader, std::string begin, ScanVisitor* visitor,
                           Task then) {
  store::Range range = reader->chunks();
  if (!begin.empty()) range.begin = std::move(begin);
  range.max_bytes = kBytesPerPage;
  environment_.keyed.ranges(environment_.asker, store::Table::series, {std::move(range)},
                            [self = shared_from_this(), reader = std::move(reader), visitor,
                             then = std::move(then)](Result<std::vector<store::RangePart>> parts) mutable {
                              if (!parts) return self->end(std::unexpected(parts.error()));
                              self->tell_page(std::move(reader), std::move(parts->front()), visitor,
                                              std::move(then));
                            });
}

/// The asker's thread.
void RolledScan::tell_page(std::shared_ptr<SeriesReader> reader, store::RangePart part, ScanVisitor* visitor,
                           Task then) {
  const auto taken = reader->take(std::move(part.entries), *visitor, told_);
  if (!taken || *taken == ScanGo::stop) return end(taken);
  if (part.end == store::RangePart::End::cut) {
    std::string next = reader->next_key();
    return read_page(std::move(reader), std::move(next), visitor, std::move(then));
  }
  const auto finished = reader->finish(*visitor, told_);
  if (!finished || *finished == ScanGo::stop) return end(finished);
  on_dictionary(std::move(then));
}

}  // namespace dunlin::series
