#include "service/analytics/forecaster.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "service/analytics/condition.h"
#include "service/analytics/limits.h"
#include "service/analytics/season_length.h"

namespace dunlin::analytics {
namespace {

constexpr std::size_t kFirstTimes = 17;  // sixteen distances
constexpr Duration kShortestStep = std::chrono::milliseconds{1};
constexpr Duration kLongestStep = std::chrono::hours{24 * 366};
constexpr Duration kLongestSeries = std::chrono::hours{24 * 366 * 100};
constexpr double kErrorRate = 0.02;
constexpr double kFewErrors = 3;           // of a lead before it is judged by them
constexpr double kBandDeviations = 1.645;  // nine of ten, of a normal distribution
constexpr std::array<std::size_t, 3> kSeasonLooks{64, 256, kMaxForecastHistory};

struct Shape {
  Smoothing smoothing;
  enum class Season : std::uint8_t { none, found } season;
};
/// From quick to slow; the last one is the seasonal naive forecast.
constexpr std::array<Shape, 8> kShapes{{{{.level = 0.5, .trend = 0, .season = 0}, Shape::Season::none},
                                        {{.level = 0.3, .trend = 0.02, .season = 0}, Shape::Season::none},
                                        {{.level = 0.5, .trend = 0, .season = 0.1}, Shape::Season::found},
                                        {{.level = 0.1, .trend = 0.001, .season = 0.2}, Shape::Season::found},
                                        {{.level = 0.1, .trend = 0, .season = 0.2}, Shape::Season::found},
                                        {{.level = 0.02, .trend = 0, .season = 0.2}, Shape::Season::found},
                                        {{.level = 0.002, .trend = 0, .season = 0.2}, Shape::Season::found},
                                        {{.level = 0, .trend = 0, .season = 1}, Shape::Season::found}}};

std::size_t lead_of(std::size_t ahead) {
  // The nearest power of two by its logarithm: 3 is with 4, 5 with 4, 6 with 8.
  const auto floor = static_cast<std::size_t>(std::bit_width(ahead) - 1);
  const double over = static_cast<double>(ahead) / static_cast<double>(std::size_t{1} << floor);
  return floor + (over > 1.4142135623730951 ? 1 : 0);
}

/// The hour, day or week, in steps, where the season found is nearly that: noise and trends move it a little.
std::size_t natural(std::size_t season, Duration step) {
  using std::chrono::hours;
  for (const Duration length : {Duration{hours{1}}, Duration{hours{24}}, Duration{hours{24 * 7}}}) {
    const double steps = static_cast<double>(length.count()) / static_cast<double>(step.count());
    const bool whole = length % step == Duration::zero() && steps >= 2 && steps <= kMaxForecastSeason;
    if (whole && std::abs(static_cast<double>(season) - steps) <= steps / 16)
      return static_cast<std::size_t>(steps);
  }
  return season;
}

}  // namespace

std::int64_t Forecaster::step_of(WallTime time) const {
  const double steps =
      static_cast<double>(between(origin_, time).count()) / static_cast<double>(step_.count());
  return std::llround(steps);
}

// The median of the first distances.
void Forecaster::learn_step(WallTime time) {
  times_.push_back(time);
  if (times_.size() < kFirstTimes) return;
  std::vector<Duration> distances;
  for (std::size_t i = 1; i < times_.size(); ++i) distances.push_back(between(times_[i - 1], times_[i]));
  std::ranges::sort(distances);
  step_ = std::clamp(distances[distances.size() / 2], kShortestStep, kLongestStep);
  origin_ = times_.front();
  phase_ = Phase::season;
  use_season(1);
  for (std::size_t i = 0; i < times_.size(); ++i) take(step_of(times_[i]), first_values_[i]);
  times_ = {};
  first_values_ = {};
}

void Forecaster::add(WallTime time, double value) {
  if (!std::isfinite(value)) return;
  value = std::clamp(value, -kMostValue, kMostValue);
  // Steps are counted from the origin, and times past the last one are still times.
  if (phase_ != Phase::step) {
    const bool countable =
        between(origin_, time) < kLongestSeries && between(time, WallTime::max()) > 2 * step_;
    if (countable) take(step_of(time), value);
    return;
  }
  if (!times_.empty() && (time <= times_.back() || between(times_.front(), time) >= kLongestSeries)) return;
  first_values_.push_back(value);
  learn_step(time);
}

void Forecaster::take(std::int64_t step, double value) {
  if (last_step_ && step <= *last_step_) return;
  learn(step, value);
  last_step_ = step;
  last_value_ = value;
  if (phase_ != Phase::season) return;
  if (history_.empty()) history_start_ = step;
  // Missing steps have the value before them; past a gap that is too long a season cannot be seen.
  const std::int64_t missing = step - history_start_ - static_cast<std::int64_t>(history_.size());
  if (missing > static_cast<std::int64_t>(kMaxForecastHistory / 8)) {
    history_.clear();
    history_start_ = step;
  } else if (missing > 0) {
    history_.insert(history_.end(), static_cast<std::size_t>(missing), history_.back());
  }
  history_.push_back(value);
  look_for_season();
}

void Forecaster::look_for_season() {
  const bool look = history_.size() >= kMaxForecastHistory ||
                    std::ranges::find(kSeasonLooks, history_.size()) != kSeasonLooks.end();
  if (!look) return;
  const std::size_t found = natural(find_season(history_), step_);
  if (found != season_) {
    use_season(found);
    for (std::size_t i = 0; i < history_.size(); ++i)
      learn(history_start_ + static_cast<std::int64_t>(i), history_[i]);
  }
  if (history_.size() < kMaxForecastHistory) return;
  phase_ = Phase::running;
  history_ = {};
}

void Forecaster::use_season(std::size_t season) {
  season_ = season;
  models_.clear();
  for (const Shape& shape : kShapes)
    models_.emplace_back(shape.season == Shape::Season::found ? season : 1, shape.smoothing);
  leads_ = {};
}

void Forecaster::learn(std::int64_t step, double value) {
  settle(step, value);
  for (HoltWinters& model : models_) model.add(step, value);
  ask(step);
}

// Judges what was foretold of this step, and forgets what was foretold of steps without a value.
void Forecaster::settle(std::int64_t step, double value) {
  for (Lead& lead : leads_) {
    for (Pending& pending : lead.pending) {
      if (pending.state == Pending::State::free || pending.step > step) continue;
      pending.state = Pending::State::free;
      if (pending.step < step) continue;
      lead.count += 1;
      const double rate = std::max(kErrorRate, 1 / lead.count);
      const double off = value - together(lead, pending.values);
      lead.square += rate * (off * off - lead.square);
      for (std::size_t i = 0; i < kModels; ++i)
        lead.sizes[i] += rate * (std::abs(value - pending.values[i]) - lead.sizes[i]);
    }
  }
}

// A model that is off by twice as much counts a sixteenth.
double Forecaster::together(const Lead& lead, const std::array<double, kModels>& values) {
  const double least = *std::ranges::min_element(lead.sizes);
  double sum = 0;
  double weights = 0;
  for (std::size_t i = 0; i < kModels; ++i) {
    const double ratio = lead.sizes[i] > 0 ? least / lead.sizes[i] : 1;
    const double weight = ratio * ratio * ratio * ratio;
    sum += weight * values[i];
    weights += weight;
  }
  return sum / weights;
}

std::array<double, Forecaster::kModels> Forecaster::forecasts(std::int64_t step) const {
  std::array<double, kModels> values{};
  for (std::size_t i = 0; i < kModels; ++i) {
    const double value = models_[i].forecast(step).value_or(last_value_);
    values[i] = std::clamp(value, -kMostValue, kMostValue);
  }
  return values;
}

void Forecaster::ask(std::int64_t step) {
  if (!models_.back().forecast(step + 1)) return;
  for (std::size_t i = 0; i < kLeads; ++i) {
    const auto ahead = std::int64_t{1} << i;
    // Spread over the time that one of them waits.
    if (step % std::max<std::int64_t>(1, ahead / static_cast<std::int64_t>(kPending)) != 0) continue;
    const auto free = std::ranges::find(leads_[i].pending, Pending::State::free, &Pending::state);
    if (free == leads_[i].pending.end()) continue;
    free->state = Pending::State::waiting;
    free->step = step + ahead;
    free->values = forecasts(free->step);
  }
}

std::optional<Forecast> Forecaster::at(std::int64_t step) const {
  const auto ahead = static_cast<std::size_t>(step - *last_step_);
  std::size_t lead = std::min(lead_of(ahead), kLeads - 1);
  while (lead > 0 && leads_[lead].count < kFewErrors) --lead;
  if (leads_[lead].count < kFewErrors) return std::nullopt;
  const double value = together(leads_[lead], forecasts(step));
  // Where no error of that distance is known yet, errors are taken to grow as those of a random walk do.
  const double known = static_cast<double>(std::size_t{1} << lead);
  const double growth = std::max(1.0, std::sqrt(static_cast<double>(ahead) / known / 1.5));
  const double margin = kBandDeviations * growth * std::sqrt(leads_[lead].square);
  return Forecast{origin_ + step_ * step, value, {value - margin, value + margin}};
}

std::vector<Forecast> Forecaster::next(std::size_t steps) const {
  std::vector<Forecast> found;
  if (phase_ == Phase::step || !last_step_) return found;
  // No time is past the end of times.
  const std::int64_t room = between(origin_, WallTime::max()) / step_ - *last_step_;
  const auto most = static_cast<std::int64_t>(std::min(steps, kMaxForecastSteps));
  for (std::int64_t i = 1; i <= std::min(most, room - 1); ++i) {
    const auto forecast = at(*last_step_ + i);
    if (!forecast) break;
    found.push_back(*forecast);
  }
  return found;
}

LimitForecast Forecaster::reach(double limit, std::size_t steps) const {
  LimitForecast found;
  const auto past = [this, limit](double value) {
    return last_value_ <= limit ? value > limit : value < limit;
  };
  for (const Forecast& forecast : next(steps)) {
    if (!found.earliest && (past(forecast.band.low) || past(forecast.band.high)))
      found.earliest = forecast.time;
    if (past(forecast.value)) {
      found.expected = forecast.time;
      break;
    }
  }
  return found;
}

struct Forecaster::Codec {
  static constexpr std::uint8_t kVersion = 1;

  static bool sane(double value) { return std::abs(value) <= kMostValue; }

  static void save(store::ByteWriter& out, const Lead& lead) {
    out.number(lead.count);
    out.number(lead.square);
    for (const double size : lead.sizes) out.number(size);
    for (const Pending& pending : lead.pending) {
      out.byte(static_cast<std::uint8_t>(pending.state));
      if (pending.state == Pending::State::free) continue;
      out.signed_varint(pending.step);
      for (const double value : pending.values) out.number(value);
    }
  }
  static Lead load_lead(store::ByteReader& in) {
    Lead lead;
    lead.count = in.number();
    lead.square = in.number();
    for (double& size : lead.sizes) {
      size = in.number();
      if (!(size >= 0 && size <= 2 * kMostValue)) in.broken();
    }
    for (Pending& pending : lead.pending) {
      const std::uint8_t state = in.byte();
      if (state > 1) in.broken();
      if (state != 1) continue;
      pending.state = Pending::State::waiting;
      pending.step = in.signed_varint();
      for (double& value : pending.values) {
        value = in.number();
        if (!sane(value)) in.broken();
      }
    }
    if (!(lead.count >= 0 && lead.count <= 1e15 && lead.square >= 0 && lead.square <= 1e302)) in.broken();
    return lead;
  }

  static void save_values(store::ByteWriter& out, const std::vector<double>& values) {
    out.varint(values.size());
    for (const double value : values) out.number(value);
  }
  static std::vector<double> load_values(store::ByteReader& in, std::size_t most) {
    std::vector<double> values;
    const std::uint64_t count = in.varint();
    if (count > most) in.broken();
    for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
      values.push_back(in.number());
      if (!sane(values.back())) in.broken();
    }
    return values;
  }

  static void load_first(store::ByteReader& in, Forecaster& made) {
    made.first_values_ = load_values(in, kFirstTimes - 1);
    for (std::size_t i = 0; i < made.first_values_.size(); ++i) {
      made.times_.push_back(from_unix_nanoseconds(in.signed_varint()));
      if (i > 0 && made.times_[i] <= made.times_[i - 1]) in.broken();
    }
  }
  static void load_running(store::ByteReader& in, Forecaster& made) {
    made.step_ = Duration{in.signed_varint()};
    made.origin_ = from_unix_nanoseconds(in.signed_varint());
    made.last_step_ = in.signed_varint();
    made.last_value_ = in.number();
    made.history_ = load_values(in, kMaxForecastHistory - 1);
    made.history_start_ = in.signed_varint();
    const std::uint64_t season = in.varint();
    // Steps are of some size, and the last one is a time with two more after it.
    const bool sane_step = made.step_ >= kShortestStep && made.step_ <= kLongestStep &&
                           *made.last_step_ >= 0 && *made.last_step_ <= kLongestSeries / made.step_ + 1 &&
                           made.history_start_ >= 0 && made.history_start_ <= *made.last_step_ &&
                           between(made.origin_, WallTime::max()) / made.step_ > *made.last_step_ + 1;
    if (!sane_step || !sane(made.last_value_) || season < 1 || season > kMaxForecastSeason) in.broken();
    if (!in.ok()) return;
    made.use_season(season);
    for (HoltWinters& model : made.models_) {
      model.load(in);
      if (model.last_step() != *made.last_step_) in.broken();  // all learn every step
    }
    for (Lead& lead : made.leads_) lead = load_lead(in);
  }
};

std::string Forecaster::save() const {
  store::ByteWriter out;
  out.byte(Codec::kVersion);
  out.byte(static_cast<std::uint8_t>(phase_));
  if (phase_ == Phase::step) {
    Codec::save_values(out, first_values_);
    for (const WallTime time : times_) out.signed_varint(unix_nanoseconds(time));
    return out.take();
  }
  out.signed_varint(step_.count());
  out.signed_varint(unix_nanoseconds(origin_));
  out.signed_varint(*last_step_);
  out.number(last_value_);
  Codec::save_values(out, history_);
  out.signed_varint(history_start_);
  out.varint(season_);
  for (const HoltWinters& model : models_) model.save(out);
  for (const Lead& lead : leads_) Codec::save(out, lead);
  return out.take();
}

Result<Forecaster> Forecaster::load(std::string_view bytes) {
  store::ByteReader in(bytes);
  Forecaster made;
  const bool known = in.byte() == Codec::kVersion;
  const std::uint8_t phase = in.byte();
  made.phase_ = phase == 0 ? Phase::step : phase == 1 ? Phase::season : Phase::running;
  if (phase == 0) Codec::load_first(in, made);
  if (phase == 1 || phase == 2) Codec::load_running(in, made);
  if (!known || phase > 2 || !in.at_end())
    return fail(Errc::corrupt, "the saved state of a forecaster is damaged");
  return made;
}

}  // namespace dunlin::analytics
