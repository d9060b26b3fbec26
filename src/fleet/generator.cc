#include "fleet/generator.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <numbers>

#include "base/core/assert.h"

namespace dunlin::fleet {
namespace {

double seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace

Generator::Generator(const ChannelConfig& config, Origin origin, Plant& plant, Rng& rng)
    : config_(config), origin_(origin), rng_(rng), last_(origin.start) {
  for (const Term& term : config.follows)
    inputs_.push_back({&plant.quantity(term.quantity), term.coefficient});
  state_ = config.source == Source::integral ? config.base : 0;
}

Reading Generator::read(Instant now) {
  const double dt = std::max(0.0, seconds(now - last_));
  last_ = std::max(last_, now);
  Reading reading = source(now, dt);
  if (config_.noise > 0) reading.value += config_.noise * gaussian(rng_);
  reading.value = std::clamp(reading.value, config_.least, config_.most);
  return reading;
}

Reading Generator::source(Instant now, double dt) {
  const double inputs = followed(dt);
  switch (config_.source) {
    case Source::replay: {
      Reading reading = replay(now);
      reading.value += inputs;
      return reading;
    }
    case Source::sine:
      return {config_.base + config_.amplitude * std::sin(2 * std::numbers::pi * phase(now)) + inputs, {}};
    case Source::square: {
      const double level = phase(now) < 0.5 ? config_.amplitude : -config_.amplitude;
      return {config_.base + level + inputs, {}};
    }
    case Source::walk: {
      // Ornstein and Uhlenbeck, exact for any step.
      const double keep = std::exp(-dt / seconds(config_.period));
      state_ = state_ * keep + config_.amplitude * std::sqrt(1 - keep * keep) * gaussian(rng_);
      return {config_.base + state_ + inputs, {}};
    }
    case Source::integral:
      state_ = std::clamp(state_ + inputs * dt, config_.least, config_.most);
      return {state_, {}};
    default:
      return {config_.base + inputs, {}};
  }
}

Reading Generator::replay(Instant now) const {
  const Series& rows = series(config_.series);
  const double passed = seconds(now - origin_.start) * origin_.speed / seconds(rows.interval);
  const auto first = static_cast<std::uint64_t>(config_.start_row + config_.stagger * origin_.member);
  const std::size_t row = (first + static_cast<std::uint64_t>(std::max(passed, 0.0))) % rows.values.size();
  return {config_.base + config_.scale * rows.values[row], rows.times[row]};
}

double Generator::followed(double dt) {
  double sum = 0;
  for (const Input& input : inputs_) sum += *input.quantity * input.coefficient;
  if (config_.lag <= Duration::zero()) return sum;
  lagged_ += (sum - lagged_) * (1 - std::exp(-dt / seconds(config_.lag)));
  return lagged_;
}

double Generator::phase(Instant now) const {
  const double turns = seconds(now - origin_.start) / seconds(config_.period);
  return turns - std::floor(turns);
}

std::string Generator::to_text(double value, std::int64_t decimals) {
  const double power = std::pow(10.0, static_cast<double>(decimals));
  const double rounded = std::round(value * power) / power + 0.0;  // + 0.0: no minus zero
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), rounded);
  DUNLIN_ASSERT(end.ec == std::errc{});
  return {text.data(), end.ptr};
}

}  // namespace dunlin::fleet
