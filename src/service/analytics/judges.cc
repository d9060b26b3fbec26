#include "service/analytics/judges.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace dunlin::analytics {
namespace {

constexpr double kInfinite = std::numeric_limits<double>::infinity();

double seconds_of(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

/// `inner`: how far inside of the band a value is usual again.
Judgement in_band(double value, Band band, double inner) {
  const bool outside = value < band.low || value > band.high;
  const bool inside = value >= band.low + inner && value <= band.high - inner;
  return {outside ? Zone::unusual : inside ? Zone::usual : Zone::between, value, band};
}

}  // namespace

Judgement ThresholdJudge::judge(WallTime /*time*/, double value) {
  const Band band{options_.low.value_or(-kInfinite), options_.high.value_or(kInfinite)};
  return in_band(value, band, options_.hysteresis);
}

// Points are kept so far apart that those of the whole window have room.
void RateJudge::remember(WallTime time, double value) {
  const Duration apart = options_.over / static_cast<std::int64_t>(kMaxRatePoints - 2);
  if (!points_.empty() && options_.over > Duration::zero() && between(points_.back().time, time) < apart)
    return;
  points_.push_back({time, value});
  // The oldest one stays as long as the next is not old enough to measure by.
  while (points_.size() > 1 &&
         (points_.size() > kMaxRatePoints || between(points_[1].time, time) >= options_.over))
    points_.erase(points_.begin());
}

Judgement RateJudge::judge(WallTime time, double value) {
  const Band band{options_.falling.value_or(-kInfinite), options_.rising.value_or(kInfinite)};
  Judgement judgement{Zone::usual, 0, std::nullopt};
  if (!points_.empty()) {
    // Two values at one time are told apart by a nanosecond.
    const Duration span = std::max(between(points_.front().time, time), Duration{1});
    const bool enough = options_.over == Duration::zero() || span >= options_.over / 2;
    if (enough) judgement = in_band((value - points_.front().value) / seconds_of(span), band, 0);
  }
  remember(time, value);
  return judgement;
}

void RateJudge::save(store::ByteWriter& out) const {
  out.varint(points_.size());
  for (const Point& point : points_) {
    out.signed_varint(unix_nanoseconds(point.time));
    out.number(point.value);
  }
}

void RateJudge::load(store::ByteReader& in) {
  const std::uint64_t count = in.varint();
  if (count > kMaxRatePoints) in.broken();
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    const WallTime time = from_unix_nanoseconds(in.signed_varint());
    const double value = in.number();
    if (!(std::abs(value) <= kMostValue) || (i > 0 && time < points_.back().time)) in.broken();
    points_.push_back({time, value});
  }
}

Judgement FlatJudge::judge(WallTime time, double value) {
  const double low = std::min(low_, value);
  const double high = std::max(high_, value);
  if (!since_ || high - low > options_.tolerance) {
    since_ = time;
    low_ = high_ = value;
  } else {
    low_ = low;
    high_ = high;
  }
  const Duration flat = between(*since_, time);
  return {flat >= options_.after ? Zone::unusual : Zone::usual, seconds_of(flat),
          Band{0, seconds_of(options_.after)}};
}

void FlatJudge::save(store::ByteWriter& out) const {
  save_time(out, since_);
  out.number(low_);
  out.number(high_);
}

void FlatJudge::load(store::ByteReader& in) {
  since_ = load_time(in);
  low_ = in.number();
  high_ = in.number();
  if (!(low_ >= -kMostValue && low_ <= high_ && high_ <= kMostValue)) in.broken();
}

Duration MissingJudge::longest() const {
  constexpr double kFew = 10;  // intervals, before what is usual is known
  constexpr double kTimes = 10;
  if (options_.after > Duration::zero()) return options_.after;
  const double seconds = kTimes * usual_;
  const double most = seconds_of(kMaxWatchTime);
  if (count_ < kFew || seconds > most) return kMaxWatchTime;
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
}

Judgement MissingJudge::judge(WallTime time, double /*value*/) {
  if (last_) {
    constexpr double kRate = 0.05;
    count_ += 1;
    // One long silence is not what is usual from then on.
    const double silent = seconds_of(std::max(between(*last_, time), Duration::zero()));
    const double learned = count_ > 10 ? std::min(silent, 4 * usual_ + 1e-3) : silent;
    usual_ += std::max(kRate, 1 / count_) * (learned - usual_);
  }
  last_ = time;
  return {Zone::usual, 0, Band{0, seconds_of(longest())}};
}

Judgement MissingJudge::judge_silence(WallTime now) const {
  if (!last_) return {};
  const Duration silent = between(*last_, now);
  return {silent > longest() ? Zone::unusual : Zone::usual, seconds_of(silent),
          Band{0, seconds_of(longest())}};
}

void MissingJudge::save(store::ByteWriter& out) const {
  save_time(out, last_);
  out.number(usual_);
  out.number(count_);
}

void MissingJudge::load(store::ByteReader& in) {
  last_ = load_time(in);
  usual_ = in.number();
  count_ = in.number();
  if (!(usual_ >= 0 && usual_ <= 1e12 && count_ >= 0 && count_ <= 1e15)) in.broken();
}

}  // namespace dunlin::analytics
