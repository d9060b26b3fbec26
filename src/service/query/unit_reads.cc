// How the channels of units are read: many in one go, and one by itself where it has more points than that.

#include <algorithm>

#include "service/query/unit_reader.h"

namespace dunlin::query {

/// Nobody wants more of it.
bool UnitReader::is_over() const {
  return is_stopped_ || environment_.space->is_cancelled;
}

void UnitReader::read() {
  for (std::size_t i = 0; i < channels_.size(); ++i) {
    const Channel& channel = channels_[i];
    if (!channel.is_complete && !channel.is_reading && channel.ahead() < kReadAheadPoints && !error_)
      read_channel(i);
  }
}

void UnitReader::read_channel(std::size_t index) {
  Channel& channel = channels_[index];
  channel.is_reading = true;
  const std::int64_t to = end_of_read(channel);
  series::ScanVisitor visitor;
  visitor.block = [self = shared_from_this(), index](const series::Block& block) {
    return self->is_over() ? series::ScanGo::stop : self->add_block(self->channels_[index], block);
  };
  if (plan_->mode == ScanPlan::Mode::summaries) {
    visitor.chunk = [self = shared_from_this()](const store::ChunkSummary& chunk) {
      return !self->is_over() && self->add_whole(chunk);
    };
    visitor.part = [self = shared_from_this(), index](const store::ChunkSummary& part) {
      return self->is_over() ? series::ScanGo::stop : self->add_part(self->channels_[index], part);
    };
    visitor.cut = [space = environment_.space](const store::ChunkSummary&) { ++space->parts_left_out; };
  }
  series::ScanSet set{
      plan_->tenant, {channel.series.id}, from_unix_nanoseconds(channel.next), from_unix_nanoseconds(to)};
  set.grid = plan_->grid();
  set.gone = plan_->gone;
  environment_.store.scan_for(environment_.executor, std::move(set), std::move(visitor),
                              [self = shared_from_this(), index, to](Result<void> result) {
                                if (!self->is_stopped_) self->channel_read(index, to, std::move(result));
                              });
}

/// One scan for several readers, which come one after another, each with its channels.
struct UnitReader::Together {
  struct Place {
    std::size_t reader = 0;
    std::size_t channel = 0;
  };
  std::vector<std::shared_ptr<UnitReader>> readers;
  std::vector<Place> places;  // of the scan's series
  std::size_t begun = 0;      // the last of these is being read
  std::size_t points = 0;
  std::shared_ptr<ReadPace> pace;

  UnitReader& current() { return *readers[places[begun - 1].reader]; }
  Channel& channel() { return current().channels_[places[begun - 1].channel]; }
  /// Series of one table have about as many points each.
  void begin_next() {
    const std::size_t points_of_last = begun == 0 ? 0 : channel().times.size();
    ++begun;
    Channel& next = channel();
    next.times.reserve(points_of_last);
    if (is_double(next.values.type)) next.values.numbers.reserve(points_of_last);
  }
  series::ScanGo add(const series::Block& block) {
    UnitReader& reader = current();
    if (reader.is_over()) return series::ScanGo::stop;
    points += block.end - block.begin;
    reader.add_points(channel(), block);
    if (points < kPointsAtOnce) return series::ScanGo::on;
    stop_behind(channel(), channel().times.back());
    return series::ScanGo::stop;
  }
  /// A part is as much to keep as a point.
  series::ScanGo add_part(const store::ChunkSummary& part) {
    UnitReader& reader = current();
    if (reader.is_over()) return series::ScanGo::stop;
    ++points;
    const auto go = reader.add_part(channel(), part);
    if (go == series::ScanGo::stop || points < kPointsAtOnce) return go;
    stop_behind(channel(), part.last_time);
    return series::ScanGo::stop;
  }
  /// Readers that were not begun are left; channels of one that was are read for themselves.
  void end(std::int64_t to, const Result<void>& result) {
    pace->is_reading = false;
    pace->series = begun;
    pace->points = points;
    const std::size_t begun_readers = begun == 0 ? 0 : places[begun - 1].reader + 1;
    pace->left = result ? readers.size() - begun_readers : 0;
    for (std::size_t i = 0; i < places.size(); ++i) {
      UnitReader& reader = *readers[places[i].reader];
      if (reader.is_stopped_) continue;
      if (i < begun || !result) {
        reader.channel_read(places[i].channel, to, result);
      } else {
        reader.channels_[places[i].channel].is_reading = false;
      }
    }
    if (!readers.empty() && !readers.front()->is_stopped_) (*readers.front()->environment_.wake)();
  }
};

void UnitReader::read_together(const std::vector<std::shared_ptr<UnitReader>>& readers,
                               const std::shared_ptr<ReadPace>& pace) {
  auto together = std::make_shared<Together>();
  together->pace = pace;
  series::ScanSet set;
  for (const auto& reader : readers) {
    for (std::size_t i = 0; i < reader->channels_.size(); ++i) {
      Channel& channel = reader->channels_[i];
      if (channel.is_complete) continue;
      channel.is_reading = true;
      set.series.push_back(channel.series.id);
      together->places.push_back({together->readers.size(), i});
    }
    together->readers.push_back(reader);
  }
  if (set.series.empty()) return;
  pace->is_reading = true;
  UnitReader& first = *together->readers.front();
  const Channel& any = first.channels_[together->places.front().channel];
  const std::int64_t to = first.end_of_read(any);
  set.tenant = first.plan_->tenant;
  set.from = from_unix_nanoseconds(any.next);
  set.to = from_unix_nanoseconds(to);
  set.grid = first.plan_->grid();
  set.gone = first.plan_->gone;
  series::ScanVisitor visitor;
  visitor.series = [together](series::SeriesId) { together->begin_next(); };
  visitor.block = [together](const series::Block& block) { return together->add(block); };
  if (first.plan_->mode == ScanPlan::Mode::summaries) {
    visitor.chunk = [together](const store::ChunkSummary& chunk) {
      return !together->current().is_over() && together->current().add_whole(chunk);
    };
    visitor.part = [together](const store::ChunkSummary& part) { return together->add_part(part); };
    visitor.cut = [space = first.environment_.space](const store::ChunkSummary&) { ++space->parts_left_out; };
  }
  first.environment_.store.scan_for(first.environment_.executor, std::move(set), std::move(visitor),
                                    [together, to](Result<void> result) { together->end(to, result); });
}

std::size_t ReadPace::series_at_once() const {
  if (points == 0) return kSeriesAtOnce;
  return std::clamp<std::size_t>(kPointsAtOnce * series / points, 1, kSeriesAtOnce);
}

std::int64_t UnitReader::end_of_read(const Channel& channel) const {
  if (channel.span == 0) return plan_->to;
  const std::int64_t end = saturated_sum(channel.next, channel.span);
  if (plan_->mode != ScanPlan::Mode::summaries || end >= plan_->to) return std::min(plan_->to, end);
  // No rollup may be cut but by the query itself.
  const auto day = series::day_start(from_unix_nanoseconds(end));
  return std::min(plan_->to, unix_nanoseconds(series::next_day(day)));
}

/// Reading goes on behind what there is.
void UnitReader::stop_behind(Channel& channel, std::int64_t last) {
  channel.next = saturated_sum(last, 1);
  channel.has_stopped = true;
}

void UnitReader::channel_read(std::size_t index, std::int64_t to, Result<void> result) {
  Channel& channel = channels_[index];
  channel.is_reading = false;
  if (!result) {
    error_ = std::move(result).error();
  } else if (std::exchange(channel.has_stopped, false)) {
    channel.is_complete = channel.next >= plan_->to;
  } else if (to >= plan_->to) {
    channel.is_complete = true;
  } else {
    channel.next = to;
    channel.span = saturated_sum(channel.span, channel.span);
  }
  (*environment_.wake)();
}

}  // namespace dunlin::query
