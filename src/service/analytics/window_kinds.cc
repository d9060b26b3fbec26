#include "service/analytics/window_kinds.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "service/analytics/condition.h"
#include "service/analytics/limits.h"

namespace dunlin::analytics {
namespace {

WallTime shifted(WallTime time, Duration by) {
  return from_unix_nanoseconds(unix_nanoseconds(time) + by.count());
}

void save_held(store::ByteWriter& out, std::optional<double> held) {
  out.byte(held ? 1 : 0);
  if (held) out.number(*held);
}

std::optional<double> load_held(store::ByteReader& in) {
  const std::uint8_t there = in.byte();
  if (there > 1) in.broken();
  if (there != 1) return std::nullopt;
  const double held = in.number();
  if (!(std::abs(held) <= kMostEventValue)) in.broken();
  return held;
}

void save_panes(store::ByteWriter& out, const std::deque<Aggregate>& panes) {
  out.varint(panes.size());
  for (const Aggregate& pane : panes) pane.save(out);
}

std::deque<Aggregate> load_panes(store::ByteReader& in, const AggregateOptions& options, std::size_t most) {
  std::deque<Aggregate> panes;
  const std::uint64_t count = in.varint();
  if (count > most) in.broken();
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) panes.push_back(Aggregate::load(options, in));
  return panes;
}

Aggregate merged(const std::deque<Aggregate>& panes) {
  Aggregate all = panes.front();
  for (std::size_t i = 1; i < panes.size(); ++i) all.merge(panes[i]);
  return all;
}

std::optional<WallTime> latest_of(const std::deque<Aggregate>& parts) {
  std::optional<WallTime> latest;
  for (const Aggregate& part : parts) {
    if (part.count() > 0) latest = std::max(latest.value_or(part.last().time), part.last().time);
  }
  return latest;
}

/// Whole and rounded down, as dates before 1970 need it.
std::int64_t floor_divide(std::int64_t a, std::int64_t b) {
  return a / b - (a % b < 0 ? 1 : 0);
}

}  // namespace

PaneWindows::PaneWindows(const HoppingWindow& window, const AggregateOptions& options)
    : window_(window),
      options_(options),
      pane_length_(std::gcd(window.length.count(), window.hop.count())),
      panes_in_window_(static_cast<std::size_t>(window.length / pane_length_)) {}

std::int64_t PaneWindows::pane_in_zone(WallTime time) const {
  if (time >= known_.begin && time < known_.end) return known_.pane;
  const std::int64_t days = pane_length_ / std::chrono::hours{24};
  known_.pane = floor_divide(window_.zone->day_of(shifted(time, -window_.offset)), days);
  known_.begin = begin_of(known_.pane);
  known_.end = begin_of(known_.pane + 1);
  return known_.pane;
}

std::int64_t PaneWindows::pane_of(WallTime time) const {
  if (window_.zone) return pane_in_zone(time);
  return floor_divide(unix_nanoseconds(time) - window_.offset.count(), pane_length_.count());
}

WallTime PaneWindows::begin_of(std::int64_t pane) const {
  if (window_.zone)
    return shifted(window_.zone->begin_of_day(pane * (pane_length_ / std::chrono::hours{24})),
                   window_.offset);
  return from_unix_nanoseconds(pane * pane_length_.count() + window_.offset.count());
}

bool PaneWindows::is_quiet() const {
  return std::ranges::all_of(panes_, [](const Aggregate& pane) { return pane.count() == 0; });
}

// Ends the pane that is being filled, and with it the window that it is the last one of.
void PaneWindows::end_pane(WindowStep& step) {
  const WallTime end = begin_of(pane_ + 1);
  panes_.back().end(end);
  const std::int64_t first = pane_ + 1 - static_cast<std::int64_t>(panes_in_window_);
  const std::int64_t panes_in_hop = window_.hop / pane_length_;
  if (first - floor_divide(first, panes_in_hop) * panes_in_hop == 0 && !is_quiet())
    step.ended.push_back({begin_of(first), end, merged(panes_)});
  if (panes_.size() == panes_in_window_) panes_.pop_front();
}

void PaneWindows::move_to(std::int64_t pane, WindowStep& step) {
  while (!panes_.empty() && pane_ < pane && !is_quiet()) {
    end_pane(step);
    ++pane_;
    panes_.emplace_back(options_, begin_of(pane_), held_);
  }
  if (!panes_.empty() && pane_ >= pane) return;
  // Nothing has happened for a whole window: there is none to end on the way.
  panes_.clear();
  pane_ = pane;
  // Windows reach back into that time, in which the last value was held.
  for (std::size_t before = held_ ? panes_in_window_ - 1 : 0; before > 0; --before) {
    const std::int64_t quiet = pane - static_cast<std::int64_t>(before);
    panes_.emplace_back(options_, begin_of(quiet), held_);
    panes_.back().end(begin_of(quiet + 1));
  }
  panes_.emplace_back(options_, begin_of(pane), held_);
}

WindowStep PaneWindows::add(Event event) {
  WindowStep step;
  move_to(pane_of(event.time), step);
  panes_.back().add(event);
  held_ = event.value;
  return step;
}

WindowStep PaneWindows::advance(WallTime time) {
  WindowStep step;
  if (!panes_.empty()) move_to(pane_of(time), step);
  // A key that is silent costs nothing; add() makes the panes anew.
  if (is_quiet()) panes_.clear();
  return step;
}

WindowStep PaneWindows::close() {
  WindowStep step;
  if (!panes_.empty() && !is_quiet()) move_to(pane_ + static_cast<std::int64_t>(panes_in_window_), step);
  panes_.clear();
  held_.reset();
  return step;
}

std::optional<WallTime> PaneWindows::latest() const {
  return latest_of(panes_);
}

void PaneWindows::save(store::ByteWriter& out) const {
  save_held(out, held_);
  out.signed_varint(pane_);
  save_panes(out, panes_);
}

void PaneWindows::load(store::ByteReader& in) {
  held_ = load_held(in);
  pane_ = in.signed_varint();
  panes_ = load_panes(in, options_, panes_in_window_);
  if (pane_ < pane_of(kFirstEventTime) || pane_ > pane_of(kLastEventTime)) in.broken();
}

SlidingWindows::SlidingWindows(const SlidingWindow& window, const AggregateOptions& options)
    : window_(window), options_(options) {}

WindowSpan SlidingWindows::span(WallTime end) const {
  const WallTime begin = shifted(end, -window_.length);
  Aggregate values(options_, begin, held_);
  for (const Event& event : events_) values.add(event);
  values.end(end);
  return {begin, end, std::move(values)};
}

/// Lets go of what is not in the window that ends there.
void SlidingWindows::leave(WallTime end) {
  while (!events_.empty() && shifted(events_.front().time, window_.length) <= end) {
    held_ = events_.front().value;
    events_.pop_front();
  }
}

WindowStep SlidingWindows::add(Event event) {
  WindowStep step = advance(shifted(event.time, Duration{-1}));
  leave(event.time);
  if (events_.size() == kMaxWindowEvents) {
    held_ = events_.front().value;
    events_.pop_front();
    step.crowded = 1;
  }
  events_.push_back(event);
  step.ended.push_back(span(event.time));
  return step;
}

WindowStep SlidingWindows::advance(WallTime time) {
  WindowStep step;
  while (!events_.empty()) {
    const WallTime end = shifted(events_.front().time, window_.length);
    if (end > time) break;
    leave(end);
    if (!events_.empty()) step.ended.push_back(span(end));
  }
  return step;
}

WindowStep SlidingWindows::close() {
  WindowStep step;
  if (!events_.empty()) step = advance(shifted(events_.back().time, window_.length));
  held_.reset();
  return step;
}

std::optional<WallTime> SlidingWindows::latest() const {
  return events_.empty() ? std::nullopt : std::optional(events_.back().time);
}

void SlidingWindows::save(store::ByteWriter& out) const {
  save_held(out, held_);
  save_events(out, events_);
}

void SlidingWindows::load(store::ByteReader& in) {
  held_ = load_held(in);
  events_ = load_events(in);
  if (in.ok() && !events_.empty() && between(events_.front().time, events_.back().time) >= window_.length)
    in.broken();
}

SessionWindows::SessionWindows(const SessionWindow& window, const AggregateOptions& options)
    : window_(window), options_(options) {}

WindowStep SessionWindows::close() {
  WindowStep step;
  if (!open_) return step;
  const WallTime begin = open_->first().time;
  const WallTime end = open_->last().time;
  step.ended.push_back({begin, end, *std::move(open_)});
  open_.reset();
  return step;
}

WindowStep SessionWindows::add(Event event) {
  WindowStep step;
  const bool ended =
      open_ &&
      (between(open_->last().time, event.time) > window_.gap ||
       (window_.longest > Duration::zero() && between(open_->first().time, event.time) >= window_.longest));
  if (ended) step = close();
  if (!open_) open_.emplace(options_, event.time, std::nullopt);
  open_->add(event);
  return step;
}

WindowStep SessionWindows::advance(WallTime time) {
  return open_ && between(open_->last().time, time) >= window_.gap ? close() : WindowStep{};
}

std::optional<WallTime> SessionWindows::latest() const {
  return open_ ? std::optional(open_->last().time) : std::nullopt;
}

void SessionWindows::save(store::ByteWriter& out) const {
  out.byte(open_ ? 1 : 0);
  if (open_) open_->save(out);
}

void SessionWindows::load(store::ByteReader& in) {
  const std::uint8_t there = in.byte();
  if (there > 1) in.broken();
  if (there != 1) return;
  open_ = Aggregate::load(options_, in);
  if (open_->count() == 0) in.broken();
}

CountWindows::CountWindows(const CountWindow& window, const AggregateOptions& options)
    : options_(options),
      pane_events_(std::gcd(window.count, window.hop == 0 ? window.count : window.hop)),
      panes_in_window_(window.count / pane_events_),
      panes_in_hop_((window.hop == 0 ? window.count : window.hop) / pane_events_) {}

WindowStep CountWindows::add(Event event) {
  if (!filling_) filling_.emplace(options_, event.time, std::nullopt);
  filling_->add(event);
  WindowStep step;
  if (filling_->count() < pane_events_) return step;
  Aggregate full = *std::move(filling_);
  filling_.reset();
  if (skip_ > 0) {
    --skip_;
    return step;
  }
  panes_.push_back(std::move(full));
  if (panes_.size() < panes_in_window_) return step;
  Aggregate all = panes_.front();
  for (std::size_t i = 1; i < panes_.size(); ++i) {
    // From the last event of one part to the first one of the next the value is held.
    all.end(panes_[i].first().time);
    all.merge(panes_[i]);
  }
  const WallTime begin = all.first().time;
  step.ended.push_back({begin, all.last().time, std::move(all)});
  const std::size_t gone = std::min(panes_in_hop_, panes_.size());
  panes_.erase(panes_.begin(), panes_.begin() + static_cast<std::ptrdiff_t>(gone));
  skip_ = panes_in_hop_ - gone;
  return step;
}

WindowStep CountWindows::close() {
  panes_.clear();
  filling_.reset();
  skip_ = 0;
  return {};
}

std::optional<WallTime> CountWindows::latest() const {
  return filling_ ? filling_->last().time : latest_of(panes_);
}

void CountWindows::save(store::ByteWriter& out) const {
  out.varint(skip_);
  save_panes(out, panes_);
  out.byte(filling_ ? 1 : 0);
  if (filling_) filling_->save(out);
}

void CountWindows::load(store::ByteReader& in) {
  skip_ = in.varint();
  panes_ = load_panes(in, options_, panes_in_window_ - 1);
  const std::uint8_t there = in.byte();
  if (there > 1 || skip_ > panes_in_hop_) in.broken();
  if (there == 1) filling_ = Aggregate::load(options_, in);
  if (in.ok() && !is_sane()) in.broken();
}

/// Full parts one after the other, and one behind them that is not.
bool CountWindows::is_sane() const {
  if (filling_ && (filling_->count() == 0 || filling_->count() >= pane_events_)) return false;
  std::optional<WallTime> last;
  const auto follows = [&last](const Aggregate& part) {
    const bool is_later = !last || part.first().time > *last;
    last = part.last().time;
    return is_later;
  };
  for (const Aggregate& pane : panes_)
    if (pane.count() != pane_events_ || !follows(pane)) return false;
  return !filling_ || follows(*filling_);
}

}  // namespace dunlin::analytics
