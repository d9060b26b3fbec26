#include "service/analytics/detector.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "service/analytics/limits.h"

namespace dunlin::analytics {
namespace {

constexpr double kErrorRate = 0.01;  // of the forecasts' errors
constexpr double kBandDeviations = 3;
constexpr double kWarmUp = 10;      // values before distances are told
constexpr double kLongWarmUp = 20;  // before outliers are told from the rest
constexpr double kSlotDays = 20;    // in the mean of a half hour of the day
constexpr std::uint8_t kVersion = 2;
constexpr std::uint8_t kFirstVersion = 1;
constexpr std::size_t kFirstVersionBytes = 2661;

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

// From what is usual at this time of the day, as far as that is known.
double Detector::residual(double value, std::size_t slot) const {
  if (count_ < 1) return 0;
  const Slot& here = slots_[slot];
  return value - (here.count > 2 ? here.mean : mean_);
}

// How far beyond all values so far, in usual sizes of a residual, as all that follow.
double Detector::outside(double value) const {
  if (count_ <= kWarmUp) return 0;
  return std::max({0.0, value - high_, low_ - value}) / (usual_size_ + tiny());
}

// How far the recent values are to one side of what is usual.
double Detector::shift() const {
  return std::abs(recent_residual_) / (usual_size_ + tiny());
}

// By how much more, or less, they vary.
double Detector::change_of_size() const {
  const double ratio = (recent_size_ + tiny()) / (usual_size_ + tiny());
  return std::max(ratio, 1 / ratio) - 1;
}

void Detector::learn_range(double value) {
  if (count_ < 1) low_ = high_ = last_ = mean_ = value;
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
  if (here.count < 255) ++here.count;
  here.mean += std::max(1 / kSlotDays, 1.0 / here.count) * (value - here.mean);
}

void Detector::learn_level(double value) {
  count_ += 1;
  mean_ += std::max(1 / kUsualValues, 1 / count_) * (value - mean_);
  fast_ += std::max(1 / tuning_->recent_values, 1 / count_) * (value - fast_);
  last_ = value;
}

void Detector::learn_residual(double residual) {
  const double recent_rate = std::max(1 / tuning_->recent_values, 1 / count_);
  const double size = std::abs(residual);
  recent_residual_ += recent_rate * (residual - recent_residual_);
  recent_size_ += recent_rate * (size - recent_size_);
  usual_size_ += std::max(1 / kUsualValues, 1 / count_) * (size - usual_size_);
}

Verdict Detector::add(WallTime time, double value) {
  const std::size_t slot = slot_of(time);
  Verdict verdict{0, expected(slot)};
  if (!std::isfinite(value)) return verdict;
  value = std::clamp(value, -kMostValue, kMostValue);

  const double outside = this->outside(value);
  const double residual = this->residual(value, slot);
  learn_forecasts(value, slot);
  learn_range(value);
  const double position = high_ > low_ ? (value - low_) / (high_ - low_) : 0;
  const double novelty = novelty_.add(position, tuning_->recent_values);
  learn_slot(value, slot);
  learn_level(value);
  learn_residual(residual);

  // Fisher's method: were the parts independent, their probabilities would multiply.
  const std::array parts{outside, shift(), change_of_size(), novelty};
  double total = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) total += rarities_[i].add(parts[i], count_);

  const double alarm = tuning_->alarm_decades;
  const double left = total / (1 + cool_);
  cool_ = std::max(cool_ * (1 - 1 / tuning_->quiet_values), left >= alarm ? total : 0);
  verdict.score = left / (left + alarm);
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
    constexpr double kSize = 3e150;
    constexpr double kSquare = 1e302;
    return std::to_array<Field<Number>>({{&self.count_, 0, 1e15},
                                         {&self.low_, -kMostValue, self.high_},
                                         {&self.high_, -kMostValue, kMostValue},
                                         {&self.last_, -kMostValue, kMostValue},
                                         {&self.mean_, -kMostValue, kMostValue},
                                         {&self.fast_, -kMostValue, kMostValue},
                                         {&self.recent_residual_, -kSize, kSize},
                                         {&self.recent_size_, 0, kSize},
                                         {&self.usual_size_, 0, kSize},
                                         {&self.cool_, 0, 100},
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
  for (const Rarity& rarity : rarities_) rarity.save(out);
  return out.take();
}

Result<Detector> Detector::load(std::string_view bytes) {
  const auto corrupt = [] { return fail(Errc::corrupt, "the saved state of a detector is damaged"); };
  store::ByteReader in(bytes);
  const std::uint8_t version = in.byte();
  if (version == kFirstVersion && bytes.size() == kFirstVersionBytes) return Detector();
  if (version != kVersion) return corrupt();
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
  for (Rarity& rarity : made.rarities_) rarity.load(in);
  if (!in.at_end()) return corrupt();
  return made;
}

}  // namespace dunlin::analytics
