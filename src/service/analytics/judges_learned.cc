// The judges that learn what is usual: by the median of a window, by the season.
#include <algorithm>
#include <cmath>
#include <limits>

#include "service/analytics/judges.h"

namespace dunlin::analytics {
namespace {

constexpr std::size_t kFewest = 16;            // values before a median is trusted
constexpr double kDeviationOfMedian = 1.4826;  // of a normal distribution, by its median absolute deviation
constexpr double kDeviationOfMean = 1.2533;    // and by its mean absolute deviation

/// What is no difference at all, beside values of that size.
double tiny(double size) {
  return 1e-9 * std::abs(size) + std::numeric_limits<double>::min();
}

Judgement by_deviations(double value, double middle, double deviation, double unusual, double usual) {
  const double distance = std::abs(value - middle) / (deviation + tiny(middle));
  const Zone zone = distance >= unusual ? Zone::unusual : distance < usual ? Zone::usual : Zone::between;
  const double margin = unusual * deviation + tiny(middle);
  return {zone, value, Band{middle - margin, middle + margin}};
}

/// The k-th smallest distance (from 0) of ascending values from one among them: from the middle outwards.
double nth_distance(const std::vector<double>& sorted, double middle, std::size_t k) {
  auto right = std::ranges::lower_bound(sorted, middle);
  auto left = right;
  double distance = 0;
  for (std::size_t i = 0; i <= k; ++i) {
    const bool take_left =
        right == sorted.end() || (left != sorted.begin() && middle - *(left - 1) <= *right - middle);
    distance = take_left ? middle - *--left : *right++ - middle;
  }
  return distance;
}

}  // namespace

double RobustJudge::median() const {
  const std::size_t half = sorted_.size() / 2;
  return sorted_.size() % 2 == 1 ? sorted_[half] : (sorted_[half - 1] + sorted_[half]) / 2;
}

double RobustJudge::deviation(double median) const {
  const double of_median = kDeviationOfMedian * nth_distance(sorted_, median, sorted_.size() / 2);
  if (of_median > 0) return of_median;
  // More than half of the values are the same: the others have to speak for themselves.
  double sum = 0;
  for (const double value : sorted_) sum += std::abs(value - median) / static_cast<double>(sorted_.size());
  return kDeviationOfMean * sum;
}

void RobustJudge::learn(double value) {
  if (in_order_.size() == options_.window) {
    sorted_.erase(std::ranges::lower_bound(sorted_, in_order_[oldest_]));
    in_order_[oldest_] = value;
    oldest_ = (oldest_ + 1) % options_.window;
  } else {
    in_order_.push_back(value);
  }
  sorted_.insert(std::ranges::upper_bound(sorted_, value), value);
}

Judgement RobustJudge::judge(WallTime /*time*/, double value) {
  Judgement judgement{Zone::usual, value, std::nullopt};
  if (sorted_.size() >= std::min(kFewest, options_.window)) {
    const double middle = median();
    judgement =
        by_deviations(value, middle, deviation(middle), options_.deviations, options_.clear_deviations);
  }
  learn(value);
  return judgement;
}

void RobustJudge::save(store::ByteWriter& out) const {
  out.varint(in_order_.size());
  for (std::size_t i = 0; i < in_order_.size(); ++i) out.number(in_order_[(oldest_ + i) % in_order_.size()]);
}

void RobustJudge::load(store::ByteReader& in) {
  const std::uint64_t count = in.varint();
  if (count > options_.window) in.broken();
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    const double value = in.number();
    if (!(std::abs(value) <= kMostValue)) in.broken();
    if (in.ok()) learn(value);
  }
}

SeasonalJudge::SeasonalJudge(const SeasonalOptions& options)
    : options_(options), model_(options.season, Smoothing{}) {}

Judgement SeasonalJudge::judge(WallTime time, double value) {
  const std::int64_t length = options_.step.count();
  const std::int64_t at = unix_nanoseconds(time);
  const std::int64_t step = at / length - (at % length < 0 ? 1 : 0);
  Judgement judgement{Zone::usual, value, std::nullopt};
  if (const auto expected = model_.forecast(step)) {
    judged_ += 1;
    // The errors of the first values are no measure yet.
    if (judged_ > static_cast<double>(kFewest))
      judgement = by_deviations(value, *expected, std::sqrt(model_.error()), options_.deviations,
                                options_.clear_deviations);
  }
  // Of several values in one step the first is learned.
  if (!last_step_ || step > *last_step_) {
    model_.add(step, value);
    last_step_ = step;
  }
  return judgement;
}

void SeasonalJudge::save(store::ByteWriter& out) const {
  model_.save(out);
  out.byte(last_step_ ? 1 : 0);
  if (last_step_) out.signed_varint(*last_step_);
  out.number(judged_);
}

void SeasonalJudge::load(store::ByteReader& in) {
  model_.load(in);
  const std::uint8_t there = in.byte();
  if (there > 1) in.broken();
  if (there == 1) last_step_ = in.signed_varint();
  judged_ = in.number();
  if (!(judged_ >= 0 && judged_ <= 1e15)) in.broken();
}

}  // namespace dunlin::analytics
