#include "service/analytics/aggregate.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

#include "service/analytics/condition.h"
#include "service/analytics/limits.h"

namespace dunlin {

/// The sketch's saved form; its numbers are where its own functions leave them.
struct QuantileSketchCodec {
  using Buckets = QuantileSketch::Buckets;

  static void save(store::ByteWriter& out, const QuantileSketch& sketch) {
    out.varint(sketch.exact_.size());
    for (const double value : sketch.exact_) out.number(value);
    out.byte(sketch.is_spread_ ? 1 : 0);
    if (!sketch.is_spread_) return;
    for (const Buckets* buckets : {&sketch.positive_, &sketch.negative_}) {
      out.signed_varint(buckets->first);
      out.varint(buckets->counts.size());
      for (const std::uint64_t count : buckets->counts) out.varint(count);
    }
    out.varint(sketch.zeros_);
    out.number(sketch.min_);
    out.number(sketch.max_);
  }

  static QuantileSketch load(store::ByteReader& in) {
    QuantileSketch sketch;
    const std::uint64_t exact = in.varint();
    if (exact > QuantileSketch::kExactValues) in.broken();
    for (std::uint64_t i = 0; i < exact && in.ok(); ++i) {
      const double value = in.number();
      if (std::isnan(value)) in.broken();
      sketch.add(value);
    }
    const std::uint8_t spread = in.byte();
    if (spread > 1 || (spread == 1 && exact > 0)) in.broken();
    if (spread != 1 || !in.ok()) return sketch;
    sketch.is_spread_ = true;
    sketch.positive_ = load_buckets(in);
    sketch.negative_ = load_buckets(in);
    sketch.zeros_ = in.varint();
    sketch.count_ = sketch.zeros_;
    for (const Buckets* buckets : {&sketch.positive_, &sketch.negative_})
      sketch.count_ = std::accumulate(buckets->counts.begin(), buckets->counts.end(), sketch.count_);
    sketch.min_ = in.number();
    sketch.max_ = in.number();
    if (!(sketch.min_ <= sketch.max_) || sketch.zeros_ > kMostCount || sketch.count_ == 0) in.broken();
    return sketch;
  }

 private:
  static constexpr std::uint64_t kMostCount = std::uint64_t{1} << 50U;
  static constexpr std::int64_t kMostKey = 100'000;  // past that of the largest double

  static Buckets load_buckets(store::ByteReader& in) {
    Buckets buckets;
    const std::int64_t first = in.signed_varint();
    const std::uint64_t size = in.varint();
    if (first < -kMostKey || first > kMostKey || size > QuantileSketch::kMaxBuckets) in.broken();
    buckets.first = static_cast<std::int32_t>(first);
    for (std::uint64_t i = 0; i < size && in.ok(); ++i) {
      buckets.counts.push_back(in.varint());
      if (buckets.counts.back() > kMostCount) in.broken();
    }
    return buckets;
  }
};

}  // namespace dunlin

namespace dunlin::analytics {
namespace {

constexpr double kMostSum = 1e300;  // sums of squares of 2^50 events are below

double seconds_between(WallTime earlier, WallTime later) {
  return std::chrono::duration<double>(between(earlier, later)).count();
}

}  // namespace

Aggregate::Aggregate(const AggregateOptions& options, WallTime begin, std::optional<double> held)
    : options_(options), at_(begin), held_(held) {}

void Aggregate::hold_until(WallTime time) {
  time = std::max(time, at_);
  if (held_) {
    const double seconds = seconds_between(at_, time);
    known_ += seconds;
    integral_ += seconds * *held_;
    if (options_.state && *held_ >= options_.state->low && *held_ <= options_.state->high)
      in_state_ += seconds;
  }
  at_ = time;
}

void Aggregate::add(Event event) {
  hold_until(event.time);
  held_ = event.value;
  if (count_ == 0) {
    first_ = event;
    min_ = max_ = event.value;
  }
  last_ = event;
  min_ = std::min(min_, event.value);
  max_ = std::max(max_, event.value);
  ++count_;
  sum_ += event.value;
  const double before = event.value - mean_;
  mean_ += before / static_cast<double>(count_);
  squares_ += before * (event.value - mean_);
  if (options_.percentiles == AggregateOptions::Percentiles::kept) sketch_.add(event.value);
}

void Aggregate::end(WallTime time) {
  hold_until(time);
}

// Chan, Golub and LeVeque, 1979: means and squares of two parts.
void Aggregate::merge(const Aggregate& later) {
  known_ += later.known_;
  integral_ += later.integral_;
  in_state_ += later.in_state_;
  at_ = later.at_;
  held_ = later.held_;
  if (later.count_ == 0) return;
  if (count_ == 0) {
    first_ = later.first_;
    min_ = later.min_;
    max_ = later.max_;
  }
  last_ = later.last_;
  min_ = std::min(min_, later.min_);
  max_ = std::max(max_, later.max_);
  sum_ += later.sum_;
  const auto here = static_cast<double>(count_);
  const auto there = static_cast<double>(later.count_);
  const double apart = later.mean_ - mean_;
  mean_ += apart * there / (here + there);
  squares_ += later.squares_ + apart * apart * here * there / (here + there);
  count_ += later.count_;
  sketch_.merge(later.sketch_);
}

double Aggregate::deviation() const {
  return count_ < 2 ? 0 : std::sqrt(squares_ / static_cast<double>(count_ - 1));
}

double Aggregate::rate() const {
  const double seconds = seconds_between(first_.time, last_.time);
  return seconds > 0 ? (last_.value - first_.value) / seconds : 0;
}

double Aggregate::time_weighted_mean() const {
  return known_ > 0 ? integral_ / known_ : mean_;
}

void Aggregate::save(store::ByteWriter& out) const {
  out.varint(count_);
  for (const double number : {sum_, mean_, squares_, min_, max_, known_, integral_, in_state_, first_.value,
                              last_.value, held_.value_or(0)})
    out.number(number);
  for (const WallTime time : {first_.time, last_.time, at_}) out.signed_varint(unix_nanoseconds(time));
  out.byte(held_ ? 1 : 0);
  QuantileSketchCodec::save(out, sketch_);
}

Aggregate Aggregate::load(const AggregateOptions& options, store::ByteReader& in) {
  Aggregate made;
  made.options_ = options;
  made.count_ = in.varint();
  double held = 0;
  for (double* number : {&made.sum_, &made.mean_, &made.squares_, &made.min_, &made.max_, &made.known_,
                         &made.integral_, &made.in_state_, &made.first_.value, &made.last_.value, &held}) {
    *number = in.number();
    if (std::isnan(*number)) in.broken();
    *number = std::clamp(*number, -kMostSum, kMostSum);
  }
  for (const double value : {made.mean_, made.min_, made.max_, made.first_.value, made.last_.value, held}) {
    if (std::abs(value) > kMostEventValue) in.broken();
  }
  for (WallTime* time : {&made.first_.time, &made.last_.time, &made.at_}) {
    *time = from_unix_nanoseconds(in.signed_varint());
    if (*time < kFirstEventTime || *time > kLastEventTime) in.broken();
  }
  const std::uint8_t there = in.byte();
  if (there > 1) in.broken();
  if (there == 1) made.held_ = held;
  made.sketch_ = QuantileSketchCodec::load(in);
  const bool sane = made.count_ <= (std::uint64_t{1} << 50U) && made.squares_ >= 0 &&
                    made.min_ <= made.max_ && made.first_.time <= made.last_.time;
  if (!sane) in.broken();
  return made;
}

void save_events(store::ByteWriter& out, const std::deque<Event>& events) {
  out.varint(events.size());
  for (const Event& event : events) {
    out.signed_varint(unix_nanoseconds(event.time));
    out.number(event.value);
  }
}

std::deque<Event> load_events(store::ByteReader& in) {
  std::deque<Event> events;
  const std::uint64_t count = in.varint();
  if (count > kMaxWindowEvents) in.broken();
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    const Event event{from_unix_nanoseconds(in.signed_varint()), in.number()};
    const bool ascends = events.empty() || event.time > events.back().time;
    const bool sane = event.time >= kFirstEventTime && event.time <= kLastEventTime;
    if (!ascends || !sane || !(std::abs(event.value) <= kMostEventValue)) in.broken();
    events.push_back(event);
  }
  return events;
}

}  // namespace dunlin::analytics
