#include "service/analytics/holt_winters.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/core/assert.h"
#include "service/analytics/limits.h"

namespace dunlin::analytics {
namespace {

constexpr double kErrorRate = 0.01;
constexpr double kWarmUp = 20;            // errors before outliers are told
constexpr double kMostTrendSteps = 1000;  // a longer gap carries a trend no further

}  // namespace

HoltWinters::HoltWinters(std::size_t season, Smoothing smoothing)
    : smoothing_(smoothing), offsets_(season, std::numeric_limits<double>::quiet_NaN()) {
  DUNLIN_ASSERT(season >= 1 && season <= kMaxSeason);
}

std::size_t HoltWinters::slot(std::int64_t step) const {
  const auto length = static_cast<std::int64_t>(offsets_.size());
  return static_cast<std::size_t>(((step % length) + length) % length);
}

std::optional<double> HoltWinters::forecast(std::int64_t step) const {
  if (phase_ == Phase::first_season) return std::nullopt;
  const double offset = offsets_[slot(step)];
  const double ahead = std::min(static_cast<double>(step) - static_cast<double>(last_), kMostTrendSteps);
  return level_ + trend_ * ahead + (std::isnan(offset) ? 0 : offset);
}

// The first season is kept as it comes; then its mean is the level.
void HoltWinters::begin(std::int64_t step, double value) {
  if (count_ < 1) first_ = step;
  count_ += 1;
  level_ += (value - level_) / count_;
  last_ = step;
  offsets_[slot(step)] = value;
  std::int64_t seen = 0;
  if (!__builtin_sub_overflow(step, first_, &seen) && seen < static_cast<std::int64_t>(offsets_.size()) - 1)
    return;
  for (double& offset : offsets_) offset -= level_;
  phase_ = Phase::running;
  count_ = 0;
}

void HoltWinters::add(std::int64_t step, double value) {
  value = std::clamp(value, -kMostValue, kMostValue);
  if (phase_ == Phase::first_season) return begin(step, value);
  double& offset = offsets_[slot(step)];
  if (std::isnan(offset)) offset = value - level_;
  double missed = value - *forecast(step);
  const double ahead = std::min(static_cast<double>(step) - static_cast<double>(last_), kMostTrendSteps);
  count_ += 1;
  if (count_ > kWarmUp) {
    const double most = 4 * std::sqrt(error_) + 1e-9 * std::abs(level_) + std::numeric_limits<double>::min();
    missed = std::clamp(missed, -most, most);
  }
  error_ += std::max(kErrorRate, 1 / count_) * (missed * missed - error_);
  level_ += trend_ * ahead + smoothing_.level * missed;
  trend_ += smoothing_.trend * missed;
  offset += smoothing_.season * missed;
  level_ = std::clamp(level_, -kMostValue, kMostValue);
  trend_ = std::clamp(trend_, -kMostValue, kMostValue);
  offset = std::clamp(offset, -2 * kMostValue, 2 * kMostValue);
  last_ = step;
}

void HoltWinters::save(store::ByteWriter& out) const {
  for (const double number : {level_, trend_, error_, count_}) out.number(number);
  out.signed_varint(first_);
  out.signed_varint(last_);
  out.byte(static_cast<std::uint8_t>(phase_));
  out.varint(offsets_.size());
  for (const double offset : offsets_) out.number(offset);
}

void HoltWinters::load(store::ByteReader& in) {
  for (double* number : {&level_, &trend_, &error_, &count_}) *number = in.number();
  first_ = in.signed_varint();
  last_ = in.signed_varint();
  const std::uint8_t phase = in.byte();
  phase_ = phase == 0 ? Phase::first_season : Phase::running;
  const bool sane = std::abs(level_) <= kMostValue && std::abs(trend_) <= kMostValue && error_ >= 0 &&
                    error_ <= 1e307 && count_ >= 0 && count_ <= 1e15 && first_ <= last_ && phase <= 1;
  if (!sane || in.varint() != offsets_.size()) in.broken();
  for (double& offset : offsets_) {
    offset = in.number();
    if (std::abs(offset) > 2 * kMostValue) in.broken();
  }
}

}  // namespace dunlin::analytics
