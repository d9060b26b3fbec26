#include "service/series/rollup_deletion.h"

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace dunlin::series {
namespace {

constexpr Duration kRetry = std::chrono::seconds{1};

}  // namespace

RollupDeletion::RollupDeletion(Executor& executor, store::Keyed& keyed, Dictionary& dictionary,
                               const Deletion& deletion, Task done)
    : executor_(executor),
      keyed_(keyed),
      dictionary_(dictionary),
      series_(*dictionary.at(deletion.series)),
      deletion_(deletion),
      done_(std::move(done)) {}

bool RollupDeletion::is_cut(WallTime day) const {
  if (day >= series_.rollups.points_from) return false;
  const bool from_the_first = deletion_.from <= day;
  const bool to_the_last = deletion_.to == WallTime::max() || deletion_.to >= next_day(day);
  return !from_the_first || !to_the_last;
}

void RollupDeletion::start() {
  RollupState& state = series_.rollups;
  if (!state.has_any() || deletion_.from >= deletion_.to) return done_();
  state.touch(deletion_.from);
  dictionary_.changed(deletion_.series);
  from_ = day_start(deletion_.from);
  to_ = deletion_.to == WallTime::max() ? WallTime::max() : next_day(day_start(deletion_.to - Duration{1}));
  if (is_cut(from_)) {
    cut_.push_back(from_);
    from_ = next_day(from_);
  }
  const WallTime last =
      day_start(deletion_.to == WallTime::max() ? deletion_.to : deletion_.to - Duration{1});
  if (last >= from_ && is_cut(last)) {
    cut_.push_back(last);
    to_ = last;
  }
  go_on();
}

void RollupDeletion::go_on() {
  if (!cut_.empty()) return read_cut(cut_.back());
  while (length_ < kRollupLengths.size() && (from_ >= to_ || series_.rollups.from[length_] >= to_)) ++length_;
  if (length_ < kRollupLengths.size()) return read_whole();
  finish();
}

void RollupDeletion::read_cut(WallTime day) {
  keyed_.ranges(executor_, store::Table::rollup, rollup_ranges(series_.info, day, day),
                [self = shared_from_this(), day](Result<std::vector<store::RangePart>> parts) {
                  if (!parts) return self->again(parts.error());
                  self->rewrite(day, *std::move(parts));
                });
}

/// An entry that cannot be read goes: nobody may see what was deleted.
void RollupDeletion::rewrite(WallTime day, std::vector<store::RangePart> parts) {
  RollupDay what(day);
  store::Batch batch;
  std::int64_t bytes = 0;
  for (const RollupLength length : kRollupLengths) {
    for (const store::Entry& entry : parts[index_of(length)].entries) {
      bytes -= static_cast<std::int64_t>(entry.value.size());
      batch.deletes.push_back({store::Table::rollup, entry.key});
      if (const auto loaded = what.load(length, entry.value); !loaded)
        log::refusal("service/series", "a stored rollup cannot be read and goes with what was deleted of it",
                     std::to_string(series_.info.id.value), {{"why", loaded.error().message}});
    }
  }
  what.take_out(deletion_.from, deletion_.to);
  for (const RollupLength length : kRollupLengths) {
    if (!what.has(length) || what.parts(length).empty()) continue;
    std::string value = encode_parts(day, what.parts(length));
    bytes += static_cast<std::int64_t>(value.size());
    batch.puts.push_back({store::Table::rollup, rollup_key(series_.info, length, day), std::move(value)});
  }
  write(std::move(batch), bytes, [self = shared_from_this()] {
    self->cut_.pop_back();
    self->go_on();
  });
}

void RollupDeletion::read_whole() {
  const RollupLength length = kRollupLengths[length_];
  store::Range range{.begin = rollup_key(series_.info, length, from_),
                     .end = to_ == WallTime::max() ? rollup_key(series_.info, length, to_) + '\0'
                                                   : rollup_key(series_.info, length, to_),
                     .max_entries = kRollupsPerDeletion};
  keyed_.range(executor_, store::Table::rollup, std::move(range),
               [self = shared_from_this()](Result<std::vector<store::Entry>> entries) {
                 if (!entries) return self->again(entries.error());
                 if (entries->empty()) {
                   ++self->length_;
                   return self->go_on();
                 }
                 self->remove(*entries);
               });
}

void RollupDeletion::remove(const std::vector<store::Entry>& entries) {
  store::Batch batch;
  std::int64_t bytes = 0;
  for (const store::Entry& entry : entries) {
    bytes -= static_cast<std::int64_t>(entry.value.size());
    batch.deletes.push_back({store::Table::rollup, entry.key});
  }
  write(std::move(batch), bytes, [self = shared_from_this()] { self->go_on(); });
}

/// With what the dictionary says from then on.
void RollupDeletion::write(store::Batch batch, std::int64_t bytes, std::move_only_function<void()> written) {
  if (batch.empty()) return written();
  series_.rollups.bytes += static_cast<std::uint64_t>(bytes);
  Dictionary::Unsaved changed;
  changed.series.insert(series_.info.id.value);
  dictionary_.put(batch, changed);
  keyed_.write(
      executor_, std::move(batch),
      [self = shared_from_this(), bytes, written = std::move(written)](const Result<void>& result) mutable {
        if (result) return written();
        self->series_.rollups.bytes -= static_cast<std::uint64_t>(bytes);
        self->again(result.error());
      });
}

void RollupDeletion::finish() {
  for (WallTime& from : series_.rollups.from) {
    if (deletion_.from > from) continue;
    const bool all = deletion_.to == WallTime::max() || series_.sealed_to < deletion_.to;
    from = all ? WallTime::max() : std::max(from, day_start(deletion_.to));
  }
  done_();
}

void RollupDeletion::again(const Error& why) {
  log::refusal("service/series", "deleted measurements are still in rollups on the disk: trying again",
               "store", {{"why", why.message}});
  executor_.schedule(kRetry, [self = shared_from_this()] { self->go_on(); });
}

}  // namespace dunlin::series
