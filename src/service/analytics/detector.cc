#include "service/analytics/detector.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "service/analytics/limits.h"

namespace dunlin::analytics {
namespace {

constexpr double kErrorRate = 0.01;  // of the forecasts' errors
constexpr double kBandDeviations = 3;
constexpr double kWarmUp = 10;         // values before distances are told
constexpr double kLongWarmUp = 20;     // before rarities are
constexpr double kMostSurprise = 1e4;  // where nothing has ever moved, any distance is infinite
constexpr std::uint8_t kVersion = 1;

constexpr std::int64_t kSlotSeconds = 1800;

std::size_t slot_of(WallTime time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  return static_cast<std::size_t>(std::chrono::floor<std::chrono::seconds>(time - day).count() /
                                  kSlotSeconds);
}

double square(double x) {
  return x * x;
}

}  // namespace

static_assert(sizeof(Detector) <= 4096, "the memory of one series");

// What is taken for no difference at all.
double Detector::tiny() const {
  return 1e-6 * std::max(std::abs(mean_), high_ - low_) + std::numeric_limits<double>::min();
}

std::array<double, Detector::kForecasts> Detector::forecasts(std::size_t slot) const {
  const Slot& here = slots_[slot];
  return {last_, fast_, mean_, here.count > 0 ? here.mean : last_};
}

std::optional<Band> Detector::expected(std::size_t slot) const {
  if (count_ < 1) return std::nullopt;
  if (count_ < kWarmUp) return Band{low_, high_};
  const std::size_t best = static_cast<std::size_t>(std::ranges::min_element(errors_) - errors_.begin());
  const double middle = forecasts(slot)[best];
  const double margin = kBandDeviations * std::sqrt(errors_[best]) + tiny();
  return Band{middle - margin, middle + margin};
}

// How far the value is from everything that is usual, each part in its own deviations.
double Detector::distance(double value, std::size_t slot) const {
  if (count_ <= kWarmUp) return 0;
  const double outside = std::max({0.0, value - high_, low_ - value}) / (high_ - low_ + tiny());
  const double from_mean = std::abs(value - mean_) / (std::sqrt(variance_) + tiny());
  const Slot& here = slots_[slot];
  const double from_slot =
      here.count > 2 ? std::abs(value - here.mean) / (std::sqrt(slot_error_) + tiny()) : 0;
  return tuning_->distance_weight * from_mean + tuning_->outside_weight * outside +
         tuning_->slot_weight * from_slot;
}

void Detector::learn_range(double value) {
  if (count_ < 1) low_ = high_ = last_ = value;
  low_ = std::min(low_, value);
  high_ = std::max(high_, value);
}

// An outlier counts as four deviations: a band that it has widened would hide the next one.
void Detector::learn_forecasts(double value, std::size_t slot) {
  if (count_ < 1) return;
  const auto values = forecasts(slot);
  const double rate = std::max(kErrorRate, 1 / count_);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double error = square(value - values[i]);
    const double learned = count_ < kLongWarmUp ? error : std::min(error, 16 * (errors_[i] + square(tiny())));
    errors_[i] += rate * (learned - errors_[i]);
  }
}

void Detector::learn_slot(double value, std::size_t slot) {
  Slot& here = slots_[slot];
  if (here.count > 2) {
    slot_count_ += 1;
    slot_error_ += (square(value - here.mean) - slot_error_) / slot_count_;
  }
  if (here.count < 255) ++here.count;
  here.mean += std::max(tuning_->slot_rate, 1.0 / here.count) * (value - here.mean);
}

void Detector::learn_level(double value) {
  count_ += 1;
  const double rate = std::max(tuning_->slow_rate, 1 / count_);
  const double error = value - mean_;
  mean_ += rate * error;
  variance_ = (1 - rate) * (variance_ + rate * square(error));
  fast_ += (count_ < 2 ? 1 : tuning_->fast_rate) * (value - fast_);
  last_ = value;
}

// How unusual a surprise is among the series' own, by the deviation of its logarithm.
double Detector::rarity(double surprise) {
  const double logarithm = std::log(surprise + 0.1);
  const double above = logarithm - log_mean_;
  const double deviations =
      count_ <= kLongWarmUp ? 0 : std::max(0.0, above / (std::sqrt(log_variance_) + 0.05));
  log_mean_ += above / count_;
  log_variance_ += (above * (logarithm - log_mean_) - log_variance_) / count_;
  return std::pow(deviations, tuning_->rarity_power);
}

Verdict Detector::add(WallTime time, double value) {
  const std::size_t slot = slot_of(time);
  Verdict verdict{0, expected(slot)};
  if (!std::isfinite(value)) return verdict;
  value = std::clamp(value, -kMostValue, kMostValue);

  double surprise = distance(value, slot);
  learn_forecasts(value, slot);
  learn_range(value);
  surprise +=
      tuning_->novelty_weight * novelty_.add(high_ > low_ ? (value - low_) / (high_ - low_) : 0, *tuning_);
  learn_slot(value, slot);
  learn_level(value);

  const double shift = square(fast_ - mean_);
  if (count_ > kLongWarmUp)
    surprise += tuning_->shift_weight * std::sqrt(shift) / (std::sqrt(fast_error_) + tiny());
  const double usual = count_ < 50 ? shift : std::min(shift, 25 * fast_error_);
  fast_error_ += std::max(tuning_->slow_rate, 1 / count_) * (usual - fast_error_);

  surprise = std::min(surprise, kMostSurprise);
  const double total = tuning_->plain_share * surprise + rarity(surprise);
  const double left = total / (1 + tuning_->cool_weight * cool_);
  cool_ = std::max(cool_ * (1 - tuning_->cool_rate), left > tuning_->alarm_rarity ? total : 0);
  verdict.score = left / (left + tuning_->alarm_rarity);
  return verdict;
}

struct Detector::Codec {
  /// A number of the state and where it must be.
  template <class Number>
  struct Field {
    Number* number;
    double least;
    double most;
  };
  /// In the order of the saved form.
  template <class Self>
  static auto fields(Self& self) {
    using Number = std::remove_reference_t<decltype((self.count_))>;
    constexpr double kSquare = 1e302;
    return std::to_array<Field<Number>>({{&self.count_, 0, 1e15},
                                         {&self.low_, -kMostValue, self.high_},
                                         {&self.high_, -kMostValue, kMostValue},
                                         {&self.last_, -kMostValue, kMostValue},
                                         {&self.mean_, -kMostValue, kMostValue},
                                         {&self.variance_, 0, kSquare},
                                         {&self.fast_, -kMostValue, kMostValue},
                                         {&self.fast_error_, 0, kSquare},
                                         {&self.slot_error_, 0, kSquare},
                                         {&self.slot_count_, 0, 1e15},
                                         {&self.log_mean_, -10, 10},
                                         {&self.log_variance_, 0, 100},
                                         {&self.cool_, 0, 1e12},
                                         {&self.errors_[0], 0, kSquare},
                                         {&self.errors_[1], 0, kSquare},
                                         {&self.errors_[2], 0, kSquare},
                                         {&self.errors_[3], 0, kSquare}});
  }
};

std::string Detector::save() const {
  store::ByteWriter out;
  out.byte(kVersion);
  for (const auto& field : Codec::fields(*this)) out.number(*field.number);
  for (const Slot& slot : slots_) {
    out.number(slot.mean);
    out.byte(slot.count);
  }
  novelty_.save(out);
  return out.take();
}

Result<Detector> Detector::load(std::string_view bytes) {
  const auto corrupt = [] { return fail(Errc::corrupt, "the saved state of a detector is damaged"); };
  store::ByteReader in(bytes);
  if (in.byte() != kVersion) return corrupt();
  Detector made;
  for (const auto& field : Codec::fields(made)) *field.number = in.number();
  for (const auto& field : Codec::fields(made)) {
    if (!(*field.number >= field.least && *field.number <= field.most)) return corrupt();
  }
  for (Slot& slot : made.slots_) {
    slot.mean = in.number();
    slot.count = in.byte();
    if (!(std::abs(slot.mean) <= kMostValue)) return corrupt();
  }
  made.novelty_.load(in);
  if (!in.at_end()) return corrupt();
  return made;
}

}  // namespace dunlin::analytics
