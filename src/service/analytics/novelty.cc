#include "service/analytics/novelty.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "service/analytics/tuning.h"

namespace dunlin::analytics {
namespace {

constexpr double kLeastDeviation = 0.02;
constexpr double kWarmUp = 20;  // values before anything is judged

// Every bit of the hash depends on every bit of the number.
std::uint64_t mix(std::uint64_t number) {
  number ^= number >> 32U;
  number *= 0x9e3779b97f4a7c15ULL;
  number ^= number >> 29U;
  number *= 0xd6e8feb86659fd93ULL;
  return number ^ (number >> 32U);
}

}  // namespace

bool Novelty::remember(std::uint64_t hash) {
  const std::uint64_t bit = hash % kBits;
  const auto mask = static_cast<std::uint8_t>(1U << (bit & 7U));
  std::uint8_t& byte = seen_[bit >> 3U];
  const bool known = (byte & mask) != 0;
  byte |= mask;
  return known;
}

double Novelty::new_share(double position) {
  unsigned fresh = 0;
  for (std::size_t i = 0; i < kSteps.size(); ++i) {
    auto& symbols = symbols_[i];
    std::shift_right(symbols.begin(), symbols.end(), 1);
    symbols[0] = static_cast<std::uint8_t>(std::min(kSteps[i] - 1.0, std::floor(position * kSteps[i])));
    std::uint64_t hash = i + 1;
    for (std::size_t length = 0; length < kLongest; ++length) {
      hash = mix(hash * 31 + symbols[length] + 7 * length + 1);
      if (!remember(hash)) ++fresh;
    }
  }
  return fresh / static_cast<double>(kSteps.size() * kLongest);
}

double Novelty::add(double position, double recent_values) {
  const double share = new_share(std::clamp(position, 0.0, 1.0));
  recent_ += (share - recent_) / recent_values;
  const double above = recent_ - usual_;
  const double deviations =
      count_ < kWarmUp ? 0 : std::max(0.0, above) / (std::sqrt(variance_) + kLeastDeviation);
  count_ += 1;
  const double rate = std::max(1 / kUsualValues, 1 / count_);
  usual_ += rate * (share - usual_);
  variance_ += rate * (above * above - variance_);
  return deviations;
}

void Novelty::save(store::ByteWriter& out) const {
  for (const double number : {count_, recent_, usual_, variance_}) out.number(number);
  for (const auto& symbols : symbols_) {
    for (const std::uint8_t symbol : symbols) out.byte(symbol);
  }
  out.text({reinterpret_cast<const char*>(seen_.data()), seen_.size()});
}

void Novelty::load(store::ByteReader& in) {
  for (double* number : {&count_, &recent_, &usual_, &variance_}) *number = in.number();
  const bool sane = count_ >= 0 && recent_ >= 0 && recent_ <= 1 && usual_ >= 0 && usual_ <= 1 &&
                    variance_ >= 0 && variance_ <= 1 && std::isfinite(count_);
  if (!sane) in.broken();
  for (std::size_t i = 0; i < kSteps.size(); ++i) {
    for (std::uint8_t& symbol : symbols_[i]) {
      symbol = in.byte();
      if (symbol >= kSteps[i]) in.broken();
    }
  }
  const std::string_view bits = in.text(seen_.size());
  if (bits.size() == seen_.size()) std::memcpy(seen_.data(), bits.data(), bits.size());
}

}  // namespace dunlin::analytics
