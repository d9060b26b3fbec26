#include "service/series/rollup_change.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "service/series/columns.h"
#include "service/series/series_key.h"

namespace dunlin::series {

RollupChange::RollupChange(SeriesEntry& series, const RollupOrder& order)
    : series_(&series), order_(order), next_(series.rollups), sealed_from_(series.sealed_from) {
  if (!next_.lengths.has_all(order.lengths)) next_.made_to = WallTime::min();
  next_.lengths = order.lengths;
}

std::optional<RollupDays> RollupChange::late_days() const {
  if (sealed_from_ >= next_.points_from) return std::nullopt;
  return RollupDays{day_start(sealed_from_), next_.points_from};
}

std::optional<RollupDays> RollupChange::days_to_make(WallTime now) const {
  const RollupDays days{begin_of_made(next_, sealed_from_), end_of_made(*series_, next_.points_from, now)};
  if (days.begin >= days.end || series_->sealed_to < days.begin) return std::nullopt;
  return days;
}

std::optional<WallTime> RollupChange::expired(WallTime now) const {
  const WallTime made = std::min(next_.made_to, end_of_made(*series_, next_.points_from, now));
  const WallTime before = std::min(day_start(order_.points_before), made);
  if (before <= next_.points_from || sealed_from_ >= before) return std::nullopt;
  return before;
}

void RollupChange::expire(WallTime before) {
  next_.points_from = before;
}

std::optional<RollupLength> RollupChange::length_to_drop() const {
  const auto found = std::ranges::find_if(kRollupLengths, [this](RollupLength length) {
    const auto i = index_of(length);
    return next_.from[i] < day_start(order_.before[i]);
  });
  if (found == kRollupLengths.end()) return std::nullopt;
  return *found;
}

bool RollupChange::is_of_next_day(const store::Entry& chunk) const {
  return day_ && day_->start() != day_start(time_of_key(chunk.key));
}

void RollupChange::take(const store::Entry& chunk, const RollupEntries& entries, store::Batch& batch) {
  if (!day_) begin_day(day_start(time_of_key(chunk.key)), entries);
  const auto columns = decode_columns(chunk.key, chunk.value);
  if (columns) {
    day_->add(*columns, 0, columns->times.size());
  } else {
    log_unreadable(columns.error());
    is_day_unreadable_ = true;
  }
  if (!is_final(day_->start())) return;
  points_ -= columns ? static_cast<std::int64_t>(columns->times.size()) : 0;
  bytes_ -= static_cast<std::int64_t>(chunk.value.size());
  batch.deletes.push_back({store::Table::series, chunk.key});
}

void RollupChange::begin_day(WallTime day, const RollupEntries& all) {
  day_.emplace(day);
  is_day_unreadable_ = false;
  old_bytes_ = {};
  for (const RollupLength length : kRollupLengths) {
    const auto& entries = all[index_of(length)];
    const auto found =
        std::ranges::lower_bound(entries, rollup_key(series_->info, length, day), {}, &store::Entry::key);
    if (found == entries.end() || found->key != rollup_key(series_->info, length, day)) continue;
    old_bytes_[index_of(length)] = found->value.size();
    if (!is_final(day)) continue;
    if (const auto loaded = day_->load(length, found->value); !loaded) log_unreadable(loaded.error());
  }
  const bool has_any =
      std::ranges::any_of(kRollupLengths, [this](RollupLength length) { return day_->has(length); });
  if (!has_any) day_->begin(order_.lengths);
}

/// While its points are there, a day of which some cannot be read has no entries: who asks gets an error.
void RollupChange::end_day(store::Batch& batch) {
  if (!day_) return;
  const RollupDay day = *std::exchange(day_, std::nullopt);
  const bool is_last_word = is_final(day.start());
  const bool is_made = is_last_word ? day.has_changed() : !is_day_unreadable_;
  for (const RollupLength length : kRollupLengths) {
    const auto i = index_of(length);
    if (is_made && day.has(length) && !day.parts(length).empty()) {
      std::string value = encode_parts(day.start(), day.parts(length));
      next_.bytes += value.size() - old_bytes_[i];
      next_.from[i] = std::min(next_.from[i], day.start());
      batch.puts.push_back(
          {store::Table::rollup, rollup_key(series_->info, length, day.start()), std::move(value)});
    } else if (!is_made && !is_last_word && old_bytes_[i] != 0) {
      next_.bytes -= old_bytes_[i];
      batch.deletes.push_back({store::Table::rollup, rollup_key(series_->info, length, day.start())});
    }
  }
  WallTime& done = is_last_word ? sealed_from_ : next_.made_to;
  done = std::max(done, next_day(day.start()));
  ++days_made_;
}

void RollupChange::end_days(const RollupDays& days, store::Batch& batch) {
  end_day(batch);
  WallTime& done = is_final(days.begin) ? sealed_from_ : next_.made_to;
  done = std::max(done, days.end);
}

void RollupChange::drop(const store::Entry& entry, store::Batch& batch) {
  next_.bytes -= entry.value.size();
  batch.deletes.push_back({store::Table::rollup, entry.key});
}

void RollupChange::end_drop(RollupLength length) {
  const auto i = index_of(length);
  const WallTime before = day_start(order_.before[i]);
  next_.from[i] = day_start(series_->sealed_to) < before ? WallTime::max() : before;
}

bool RollupChange::changes_entry() const {
  return next_ != series_->rollups || sealed_from_ != series_->sealed_from || points_ != 0 || bytes_ != 0;
}

void RollupChange::exchange() {
  std::swap(series_->rollups, next_);
  std::swap(series_->sealed_from, sealed_from_);
  series_->points += static_cast<std::uint64_t>(points_);
  series_->bytes += static_cast<std::uint64_t>(bytes_);
  points_ = -points_;
  bytes_ = -bytes_;
}

void RollupChange::log_unreadable(const Error& why) const {
  log::refusal("service/series", "what is stored of a day cannot be read and is in no rollup",
               std::to_string(series_->info.id.value), {{"why", why.message}});
}

}  // namespace dunlin::series
