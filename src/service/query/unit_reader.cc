#include "service/query/unit_reader.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "model/sample.h"
#include "service/query/kernels.h"

namespace dunlin::query {
namespace {

using Kind = TableColumn::Kind;

constexpr std::int64_t kDay = 86400LL * 1'000'000'000;
constexpr std::int64_t kEnd = std::numeric_limits<std::int64_t>::max();

template <class T>
void append_part(std::vector<T>& to, const std::vector<T>& from, std::size_t begin, std::size_t end) {
  to.insert(to.end(), from.begin() + static_cast<std::ptrdiff_t>(begin),
            from.begin() + static_cast<std::ptrdiff_t>(end));
}

/// The values from begin to end.
Column part_of(const Column& column, std::size_t begin, std::size_t end) {
  Column part;
  part.type = column.type;
  if (is_double(column.type)) {
    append_part(part.numbers, column.numbers, begin, end);
  } else {
    append_part(part.integers, column.integers, begin, end);
  }
  if (!column.valid.empty()) append_part(part.valid, column.valid, begin, end);
  return part;
}

/// As part_of(); all of it is moved.
template <class T>
std::vector<T> taken_part(std::vector<T>& from, std::size_t begin, std::size_t end) {
  if (begin == 0 && end == from.size()) return std::move(from);
  return {from.begin() + static_cast<std::ptrdiff_t>(begin), from.begin() + static_cast<std::ptrdiff_t>(end)};
}
Column taken_part(Column& from, std::size_t begin, std::size_t end) {
  if (begin != 0 || end != std::max(from.numbers.size(), from.integers.size()))
    return part_of(from, begin, end);
  Column emptied = make_column(from.type, 0);
  return std::exchange(from, std::move(emptied));
}

template <class T>
void drop_front(std::vector<T>& values, std::size_t count) {
  values.erase(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(std::min(count, values.size())));
}

/// Without a branch for each.
bool has_nan(const std::vector<double>& values, std::size_t begin, std::size_t end) {
  unsigned found = 0;
  for (std::size_t i = begin; i < end; ++i) found |= values[i] != values[i] ? 1U : 0U;
  return found != 0;
}

bool is_text(store::ChunkType type) {
  return type == store::ChunkType::text || type == store::ChunkType::json;
}

}  // namespace

UnitReader::UnitReader(std::shared_ptr<const ScanPlan> plan, const ScanEnvironment& environment, Unit unit)
    : plan_(std::move(plan)), environment_(environment), unit_(std::move(unit)) {
  wants_texts_ = wants(Kind::text);
  wants_marks_ = wants(Kind::quality) || wants(Kind::flags);
  for (const UnitSeries& series : unit_.series) {
    Channel channel;
    channel.series = series;
    channel.next = plan_->from;
    channel.is_complete = !series.id || plan_->from >= plan_->to;
    channel.values = make_column(series.type, 0);
    channel.texts = make_column(Type::text, 0);
    // A day at first, where it is known when that begins.
    channel.span = plan_->from == std::numeric_limits<std::int64_t>::min() ? 0 : kDay;
    channels_.push_back(std::move(channel));
  }
}

bool UnitReader::wants(Kind kind) const {
  return std::ranges::any_of(plan_->columns,
                             [kind](const TableColumn& column) { return column.kind == kind; });
}

bool UnitReader::is_done() const {
  return wholes_.empty() && std::ranges::all_of(channels_, [](const Channel& channel) {
           return channel.is_complete && channel.ahead() == 0;
         });
}

/// Stops where the channel is far enough ahead.
series::ScanGo UnitReader::add_block(Channel& channel, const series::Block& block) {
  const std::int64_t first = block.columns.times[block.begin];
  add_points(channel, block);
  const std::int64_t last = channel.times.back();
  if (channel.ahead() < kReadAheadPoints) return series::ScanGo::on;
  // What is read next is about as much.
  if (channel.span == 0)
    channel.span = std::max<std::int64_t>(saturated_sum(last, -std::min(first, last)), 1);
  stop_behind(channel, last);
  return series::ScanGo::stop;
}

void UnitReader::add_points(Channel& channel, const series::Block& block) {
  const std::size_t before = channel.times.size();
  append_part(channel.times, block.columns.times, block.begin, block.end);
  add_values(channel.values, before, block);
  if (wants_texts_) add_values(channel.texts, before, block);
  for (std::size_t i = block.begin; i < block.end && wants_marks_; ++i) {
    const series::Point point = series::point_at(block.columns, i);
    channel.qualities.push_back(static_cast<std::uint8_t>(point.quality));
    channel.flags.push_back(point.flags);
  }
  channel.added += block.end - block.begin;
  environment_.space->points_read += block.end - block.begin;
}

/// Behind the first `before` values; those of another type are NULL.
void UnitReader::add_values(Column& to, std::size_t before, const series::Block& block) {
  const store::ChunkPoints& columns = block.columns;
  const std::size_t after = before + block.end - block.begin;
  const bool wants_text = to.type == Type::text;
  const bool has_texts = std::holds_alternative<std::vector<std::string>>(columns.values);
  if (wants_text ? !is_text(columns.type) : has_texts) {
    to.valid.resize(before, 1);
    to.valid.resize(after, 0);
    if (wants_text) {
      to.integers.resize(after);
    } else {
      to.numbers.resize(after);
    }
    return;
  }
  if (!to.valid.empty()) to.valid.resize(after, 1);
  if (wants_text) {
    const auto& texts = std::get<std::vector<std::string>>(columns.values);
    for (std::size_t i = block.begin; i < block.end; ++i)
      to.integers.push_back(environment_.space->texts.place_of(texts[i]));
  } else if (const auto* numbers = std::get_if<std::vector<double>>(&columns.values)) {
    append_part(to.numbers, *numbers, block.begin, block.end);
    if (!has_nan(to.numbers, before, after)) return;
    for (std::size_t i = before; i < after; ++i) {
      if (!std::isnan(to.numbers[i])) continue;
      if (to.valid.empty()) to.valid.assign(after, 1);
      to.valid[i] = 0;
    }
  } else {
    const auto& whole = std::get<std::vector<std::int64_t>>(columns.values);
    to.numbers.resize(after);
    for (std::size_t i = before; i < after; ++i)
      to.numbers[i] = static_cast<double>(whole[block.begin + i - before]);
  }
}

/// A chunk that no bucket cuts, and whose first and last values are numbers.
bool UnitReader::add_whole(const store::ChunkSummary& chunk) {
  if (chunk.numbers != chunk.points) return false;
  if (plan_->bucketing) {
    const auto begin = plan_->bucketing->begin_of(chunk.first_time);
    if (!begin || begin != plan_->bucketing->begin_of(chunk.last_time)) return false;
  }
  wholes_.push_back({channels_.front().added, chunk});
  ++environment_.space->chunks_by_summary;
  return true;
}

/// Of a time whose points are gone. Other values than numbers count as rows.
series::ScanGo UnitReader::add_part(Channel& channel, const store::ChunkSummary& part) {
  wholes_.push_back({channel.added, part});
  ++environment_.space->parts_by_rollup;
  if (wholes_.size() < kReadAheadPoints) return series::ScanGo::on;
  stop_behind(channel, part.last_time);
  return series::ScanGo::stop;
}

std::optional<Batch> UnitReader::take() {
  if (channels_.size() != 1) return take_joined();
  Channel& channel = channels_.front();
  if (wholes_.empty()) return take_one(channel, channel.ahead());
  // What is summed comes in the order of time, however much of it is there already.
  const std::uint64_t taken = channel.added - channel.ahead();
  if (wholes_.front().after != taken)
    return take_one(channel, static_cast<std::size_t>(wholes_.front().after - taken));
  return take_wholes();
}

/// As rows whose values are of no interest.
std::optional<Batch> UnitReader::take_wholes() {
  Batch batch;
  Column times = make_column(Type::time, 0);
  const std::uint64_t after = wholes_.front().after;
  for (; !wholes_.empty() && wholes_.front().after == after; wholes_.pop_front()) {
    times.integers.push_back(wholes_.front().chunk.first_time);
    batch.wholes.push_back(wholes_.front().chunk);
  }
  const auto time_column = std::make_shared<const Column>(std::move(times));
  batch.rows = batch.wholes.size();
  batch.origin = unit_.origin;
  std::size_t channel = 0;
  for (std::size_t i = 0; i < plan_->columns.size(); ++i) {
    const TableColumn& column = plan_->columns[i];
    const bool is_own =
        column.kind == Kind::value || (column.kind == Kind::channel && channel++ == unit_.only.value_or(0));
    if (is_own) batch.whole_of = i;
    batch.columns.push_back(column.kind == Kind::time ? time_column
                            : unit_.fixed[i]          ? unit_.fixed[i]
                                                      : null_column(column.type));
  }
  return batch;
}

ColumnPtr UnitReader::sample_column(Kind kind, const Channel& channel, std::size_t begin, std::size_t end) {
  constexpr std::string_view kQualities[] = {"good", "uncertain", "bad"};
  if (kind == Kind::flags) {
    Column flags = make_column(Type::integer, end - begin);
    for (std::size_t i = begin; i < end; ++i) flags.integers[i - begin] = channel.flags[i];
    return std::make_shared<const Column>(std::move(flags));
  }
  Column quality = make_column(Type::text, end - begin);
  std::int64_t places[3];
  for (std::size_t i = 0; i < 3; ++i) places[i] = environment_.space->texts.place_of(kQualities[i]);
  for (std::size_t i = begin; i < end; ++i)
    quality.integers[i - begin] = places[std::min<std::size_t>(channel.qualities[i], 2)];
  return std::make_shared<const Column>(std::move(quality));
}

/// `marked`: the channel of a series, whose marks from `begin` on are shown.
Batch UnitReader::batch_of(std::vector<std::int64_t> times, std::vector<Column> values, const Channel* marked,
                           std::size_t begin) {
  Batch batch;
  batch.rows = times.size();
  batch.origin = unit_.origin;
  Column time = make_column(Type::time, 0);
  time.integers = std::move(times);
  const auto time_column = std::make_shared<const Column>(std::move(time));
  std::vector<ColumnPtr> shared;
  for (Column& column : values) shared.push_back(std::make_shared<const Column>(std::move(column)));
  std::size_t next = 0;
  for (std::size_t i = 0; i < plan_->columns.size(); ++i) {
    const TableColumn& column = plan_->columns[i];
    if (column.kind == Kind::channel && unit_.only) {
      batch.columns.push_back(next++ == *unit_.only ? shared.front() : null_column(column.type));
    } else if (column.kind == Kind::time) {
      batch.columns.push_back(time_column);
    } else if (unit_.fixed[i]) {
      batch.columns.push_back(unit_.fixed[i]);
    } else if (column.kind == Kind::channel) {
      batch.columns.push_back(shared[next++]);
    } else if (column.kind == Kind::value || column.kind == Kind::text) {
      batch.columns.push_back(shared[column.kind == Kind::value ? 0 : 1]);
    } else {
      batch.columns.push_back(sample_column(column.kind, *marked, begin, begin + batch.rows));
    }
  }
  return batch;
}

std::optional<Batch> UnitReader::take_one(Channel& channel, std::size_t most) {
  // What is not much more than a batch goes on as it is, without a copy.
  const bool takes_all = most <= 2 * kBatchRows;
  const std::size_t rows = takes_all ? most : kBatchRows;
  if (rows == 0) return std::nullopt;
  const std::size_t begin = channel.taken;
  channel.taken += rows;
  std::vector<std::int64_t> times = taken_part(channel.times, begin, begin + rows);
  std::vector<Column> values;
  values.push_back(taken_part(channel.values, begin, begin + rows));
  if (wants_texts_) values.push_back(taken_part(channel.texts, begin, begin + rows));
  Batch batch = batch_of(std::move(times), std::move(values), &channel, begin);
  forget_taken(channel);
  return batch;
}

void UnitReader::forget_taken(Channel& channel) {
  if (channel.taken < kReadAheadPoints && channel.taken < channel.times.size()) return;
  drop_front(channel.times, channel.taken);
  drop_front(channel.values.numbers, channel.taken);
  drop_front(channel.values.integers, channel.taken);
  drop_front(channel.values.valid, channel.taken);
  drop_front(channel.texts.integers, channel.taken);
  drop_front(channel.texts.valid, channel.taken);
  drop_front(channel.qualities, channel.taken);
  drop_front(channel.flags, channel.taken);
  channel.taken = 0;
}

/// The time that every channel has been read to; nullopt where that is nowhere yet.
std::optional<std::int64_t> UnitReader::horizon() const {
  std::int64_t horizon = kEnd;
  for (const Channel& channel : channels_) {
    if (channel.is_complete) continue;
    if (channel.ahead() != 0) {
      horizon = std::min(horizon, channel.times.back());
    } else if (channel.next == plan_->from) {
      return std::nullopt;
    } else {
      horizon = std::min(horizon, channel.next - 1);
    }
  }
  return horizon;
}

/// Up to the horizon, and about as many rows as a batch has.
std::optional<Batch> UnitReader::take_joined() {
  const auto until = horizon();
  if (!until) return std::nullopt;
  std::int64_t last = *until;
  std::vector<std::int64_t> times;
  for (const Channel& channel : channels_) {
    const auto begin = channel.times.begin() + static_cast<std::ptrdiff_t>(channel.taken);
    const auto end = std::upper_bound(begin, channel.times.end(), last);
    const auto stop = end - begin > static_cast<std::ptrdiff_t>(kBatchRows)
                          ? begin + static_cast<std::ptrdiff_t>(kBatchRows)
                          : end;
    if (stop != end) last = *(stop - 1);
  }
  for (const Channel& channel : channels_) {
    const auto begin = channel.times.begin() + static_cast<std::ptrdiff_t>(channel.taken);
    const auto end = std::upper_bound(begin, channel.times.end(), last);
    // Nearly always one has all the times that there are.
    if (times.empty()) {
      times.assign(begin, end);
      continue;
    }
    if (std::includes(times.begin(), times.end(), begin, end)) continue;
    std::vector<std::int64_t> all;
    all.reserve(times.size() + static_cast<std::size_t>(end - begin));
    std::set_union(times.begin(), times.end(), begin, end, std::back_inserter(all));
    times = std::move(all);
  }
  if (times.empty()) return std::nullopt;
  return joined(std::move(times));
}

/// The channel's values at the times, which are all that it has up to the last of them.
Column UnitReader::values_at(Channel& channel, const std::vector<std::int64_t>& times) {
  const std::size_t begin = channel.taken;
  const auto stop = std::upper_bound(channel.times.begin() + static_cast<std::ptrdiff_t>(begin),
                                     channel.times.end(), times.back());
  const auto end = static_cast<std::size_t>(stop - channel.times.begin());
  channel.taken = end;
  if (end - begin == times.size()) return taken_part(channel.values, begin, end);
  Column column = make_column(channel.series.type, times.size());
  column.valid.assign(times.size(), 0);
  std::size_t row = 0;
  for (std::size_t from = begin; from < end; ++from) {
    while (times[row] != channel.times[from]) ++row;
    if (is_double(column.type)) {
      column.numbers[row] = channel.values.numbers[from];
    } else {
      column.integers[row] = channel.values.integers[from];
    }
    column.valid[row] = channel.values.valid.empty() ? 1 : channel.values.valid[from];
  }
  return column;
}

Batch UnitReader::joined(std::vector<std::int64_t> times) {
  std::vector<Column> values;
  for (Channel& channel : channels_) {
    values.push_back(values_at(channel, times));
    forget_taken(channel);
  }
  return batch_of(std::move(times), std::move(values), nullptr, 0);
}

}  // namespace dunlin::query
