#include "base/quantile_sketch.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace dunlin {
namespace {

constexpr double kGamma = (1 + QuantileSketch::kRelativeError) / (1 - QuantileSketch::kRelativeError);
constexpr double kSmallest = 1e-300;  // nearer to zero is zero

std::int32_t key_of(double distance) {
  static const double kScale = 1 / std::log(kGamma);
  return static_cast<std::int32_t>(std::ceil(std::log(distance) * kScale));
}

/// The middle of a bucket, as far from its one bound as from the other by ratio.
double value_of(std::int32_t key) {
  return 2 * std::pow(kGamma, key) / (kGamma + 1);
}

}  // namespace

void QuantileSketch::Buckets::add(std::int32_t key, std::uint64_t count) {
  constexpr auto kMost = static_cast<std::int32_t>(kMaxBuckets);
  if (counts.empty()) first = key;
  const std::int32_t last = first + static_cast<std::int32_t>(counts.size()) - 1;
  if (!counts.empty() && key < first) {
    const std::int32_t lowest = std::max(key, last - kMost + 1);
    counts.insert(counts.begin(), static_cast<std::size_t>(first - lowest), 0);
    first = lowest;
    key = lowest;
  } else if (key > last || counts.empty()) {
    // Those that are too far below become one with the lowest that is kept.
    const std::int32_t lowest = std::max(first, key - kMost + 1);
    std::uint64_t below = 0;
    const std::size_t gone = std::min(counts.size(), static_cast<std::size_t>(lowest - first));
    for (std::size_t i = 0; i < gone; ++i) below += counts[i];
    counts.erase(counts.begin(), counts.begin() + static_cast<std::ptrdiff_t>(gone));
    first = lowest;
    counts.resize(static_cast<std::size_t>(key - first) + 1);
    counts.front() += below;
  }
  counts[static_cast<std::size_t>(key - first)] += count;
}

void QuantileSketch::add(double value) {
  if (std::isnan(value)) return;
  constexpr double kMost = std::numeric_limits<double>::max();
  value = std::clamp(value, -kMost, kMost);
  min_ = count_ == 0 ? value : std::min(min_, value);
  max_ = count_ == 0 ? value : std::max(max_, value);
  ++count_;
  if (is_spread_) return add_to_bucket(value);
  exact_.push_back(value);
  if (exact_.size() > kExactValues) spread();
}

void QuantileSketch::add_to_bucket(double value) {
  if (std::abs(value) < kSmallest) {
    ++zeros_;
  } else {
    (value > 0 ? positive_ : negative_).add(key_of(std::abs(value)), 1);
  }
}

void QuantileSketch::spread() {
  is_spread_ = true;
  for (const double value : exact_) add_to_bucket(value);
  exact_ = {};
}

void QuantileSketch::merge(const QuantileSketch& other) {
  if (other.count_ == 0) return;
  if (!other.is_spread_) {
    for (const double value : std::vector<double>(other.exact_)) add(value);
    return;
  }
  if (!is_spread_) spread();
  const auto add_all = [](Buckets& into, const Buckets& from) {
    for (std::size_t i = from.counts.size(); i-- > 0;) {
      if (from.counts[i] != 0) into.add(from.first + static_cast<std::int32_t>(i), from.counts[i]);
    }
  };
  if (&other == this) {
    const QuantileSketch copy = other;
    return merge(copy);
  }
  add_all(positive_, other.positive_);
  add_all(negative_, other.negative_);
  zeros_ += other.zeros_;
  min_ = count_ == 0 ? other.min_ : std::min(min_, other.min_);
  max_ = count_ == 0 ? other.max_ : std::max(max_, other.max_);
  count_ += other.count_;
}

double QuantileSketch::quantile(double q) const {
  if (count_ == 0) return 0;
  const double rank = std::clamp(q, 0.0, 1.0) * static_cast<double>(count_ - 1);
  if (!is_spread_) {
    std::vector<double> sorted = exact_;
    std::ranges::sort(sorted);
    const auto below = static_cast<std::size_t>(rank);
    const double part = rank - static_cast<double>(below);
    if (part == 0) return sorted[below];
    return sorted[below] * (1 - part) + sorted[below + 1] * part;
  }
  if (rank <= 0) return min_;
  if (rank >= static_cast<double>(count_ - 1)) return max_;
  std::uint64_t seen = 0;
  const auto within = [this](double value) { return std::clamp(value, min_, max_); };
  for (std::size_t i = negative_.counts.size(); i-- > 0;) {
    seen += negative_.counts[i];
    if (static_cast<double>(seen) > rank)
      return within(-value_of(negative_.first + static_cast<std::int32_t>(i)));
  }
  seen += zeros_;
  if (static_cast<double>(seen) > rank) return within(0);
  for (std::size_t i = 0; i < positive_.counts.size(); ++i) {
    seen += positive_.counts[i];
    if (static_cast<double>(seen) > rank)
      return within(value_of(positive_.first + static_cast<std::int32_t>(i)));
  }
  return max_;
}

std::size_t QuantileSketch::bytes() const {
  return (exact_.capacity() + positive_.counts.capacity() + negative_.counts.capacity()) * 8;
}

}  // namespace dunlin
