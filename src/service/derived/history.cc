#include "service/derived/history.h"

#include <algorithm>
#include <utility>

#include "service/derived/limits.h"
#include "service/series/window.h"

namespace dunlin::derived {
namespace {

/// Sessions and windows of so many events are over when something comes behind them; the others in time.
bool ends_in_time(const Definition& definition) {
  if (!definition.windows) return true;
  return !std::holds_alternative<analytics::SessionWindow>(definition.windows->kind) &&
         !std::holds_alternative<analytics::CountWindow>(definition.windows->kind);
}

}  // namespace

void History::start() {
  next_device();
}

void History::fail_with(Error why) {
  done_(std::unexpected(std::move(why)));
}

/// Where it was cancelled it is over, and its owner told.
bool History::ends_here() {
  if (counts_.is_cancelled) done_(counts_);
  return counts_.is_cancelled;
}

double History::share() const {
  if (parts_.devices.empty()) return 1;
  const double before = static_cast<double>(next_device_) - (next_device_ == 0 ? 0 : 1);
  const bool is_at_one = next_device_ > 0 && begin_ < end_;
  const double within = is_at_one ? std::chrono::duration<double>(at_ - begin_) / (end_ - begin_) : 0;
  return std::min(1.0, (before + within) / static_cast<double>(parts_.devices.size()));
}

void History::next_device() {
  if (ends_here()) return;
  if (next_device_ == parts_.devices.size()) return done_(counts_);
  if (!begin_device(parts_.devices[next_device_++]))
    return parts_.executor.post([self = shared_from_this()] { self->next_device(); });
  ++counts_.devices;
  next_slice();
}

/// False: nothing of it is there in that time.
bool History::begin_device(const std::string& device) {
  device_ = device;
  derivation_ = std::make_unique<Derivation>(parts_.definition);
  series_.clear();
  WallTime first = WallTime::max();
  WallTime last = WallTime::min();
  for (const Input& input : parts_.definition->formula.inputs()) {
    const series::SeriesInfo* info =
        parts_.store.find(parts_.tenant, input.device.empty() ? device : input.device, input.channel);
    series_.push_back(info == nullptr ? series::SeriesId{} : info->id);
    if (info == nullptr || !input.device.empty()) continue;
    first = std::min(first, series::SeriesStore::begin_of(*parts_.store.entry(info->id)));
    last = std::max(last, info->last.time);
  }
  const Duration reach = parts_.definition->reach();
  const Duration before = std::max(reach, kLookBack) + parts_.definition->lateness;
  at_ = std::max(first, earlier_by(parts_.from, before));
  end_ = std::min(later_by(last, Duration{1}),
                  later_by(parts_.to, parts_.definition->windows ? reach : Duration::zero()));
  begin_ = at_;
  return at_ < end_;
}

void History::next_slice() {
  if (ends_here()) return;
  if (at_ >= end_) return end_device();
  // A window of the store at a time: none is decoded twice.
  slice_end_ = std::min(end_, later_by(series::window_last(series::window_start(at_)), Duration{1}));
  slice_.clear();
  read_input(0);
}

void History::read_input(std::size_t input) {
  while (input < series_.size() && series_[input] == series::SeriesId{}) ++input;
  if (input == series_.size()) return compute();
  auto read = [self = shared_from_this(), input](Result<std::vector<series::Point>> points) {
    if (!points) return self->fail_with(std::move(points).error());
    if (points->size() > kMaxSlicePoints)
      return self->fail_with({Errc::limit_exceeded, "a channel has more than " +
                                                        std::to_string(kMaxSlicePoints) +
                                                        " points in two hours: too many for its history"});
    self->counts_.points += points->size();
    for (series::Point& point : *points) self->slice_.push_back({std::move(point), input});
    self->read_input(input + 1);
  };
  parts_.store.points(series_[input], parts_.tenant, at_, slice_end_, kMaxSlicePoints + 1, std::move(read));
}

void History::compute() {
  // What is known of others at a time counts for the samples of that time.
  const auto& inputs = parts_.definition->formula.inputs();
  std::ranges::stable_sort(slice_, [&inputs](const Sample& a, const Sample& b) {
    if (a.point.time != b.point.time) return a.point.time < b.point.time;
    return !inputs[a.input].device.empty() && inputs[b.input].device.empty();
  });
  for (const Sample& sample : slice_)
    derivation_->add(device_, sample.input, sample.point, {}, sample.point.time);
  at_ = slice_end_;
  hand_on([self = shared_from_this()] { self->parts_.executor.post([self] { self->next_slice(); }); });
}

void History::end_device() {
  if (ends_in_time(*parts_.definition)) derivation_->close();
  hand_on([self = shared_from_this()] { self->parts_.executor.post([self] { self->next_device(); }); });
}

/// Of windows that are cut off at the end of what was read nothing is known.
bool History::is_whole(const Derived& result) const {
  if (result.time < parts_.from || result.time >= parts_.to) return false;
  const auto& windows = parts_.definition->windows;
  const bool is_span = windows && (std::holds_alternative<analytics::TumblingWindow>(windows->kind) ||
                                   std::holds_alternative<analytics::HoppingWindow>(windows->kind));
  if (!is_span) return true;
  const WallTime over = later_by(result.time, parts_.definition->reach());
  return over <= parts_.executor.wall_now();
}

void History::hand_on(std::move_only_function<void()> then) {
  std::vector<Derived> results = derivation_->take_results();
  std::erase_if(results, [this](const Derived& result) { return !is_whole(result); });
  // Samples of one time make one result: what was known when all of them were.
  const auto superseded = std::ranges::unique(results.rbegin(), results.rend(), {}, &Derived::time);
  results.erase(results.begin(), superseded.begin().base());
  if (results.empty()) return then();
  counts_.results += results.size();
  parts_.sink(std::move(results), [self = shared_from_this(), then = std::move(then)](Result<Go> go) mutable {
    if (!go) return self->fail_with(std::move(go).error());
    if (*go == Go::enough) return self->done_(self->counts_);
    then();
  });
}

}  // namespace dunlin::derived
