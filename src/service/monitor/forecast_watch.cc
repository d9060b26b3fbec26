#include "service/monitor/forecast_watch.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "service/analytics/limits.h"

namespace dunlin::monitor {
namespace {

constexpr std::uint8_t kVersion = 1;
/// It looks ahead after so much of the time that it looks ahead has passed: that is long work.
constexpr int kLooksAhead = 64;

}  // namespace

Result<void> check(const ForecastOptions& options) {
  if (!options.low && !options.high)
    return fail(Errc::invalid_argument, "a lower or an upper limit is needed: \"low\" or \"high\"");
  if (options.low && options.high && !(*options.low < *options.high))
    return fail(Errc::invalid_argument, "\"low\" must be below \"high\"");
  if (options.within < std::chrono::seconds{1})
    return fail(Errc::invalid_argument, "\"within_seconds\" is missing: how far ahead, such as 10800");
  if (options.within > analytics::kMaxWatchTime)
    return fail(Errc::limit_exceeded, "\"within_seconds\" is more than a year");
  // The same rules as for other watches hold for its times.
  return analytics::check({analytics::MissingOptions{}, options.hold});
}

ForecastWatch::ForecastWatch(ForecastOptions options) : options_(options), condition_(options.hold) {}

std::optional<Reach> ForecastWatch::look_for(double limit, WallTime time) const {
  const Duration step = forecaster_.step();
  if (step <= Duration::zero()) return std::nullopt;
  const Duration ahead = std::min(options_.within, analytics::between(*first_, time));
  const auto steps = static_cast<std::size_t>(ahead / step) + 1;
  const auto found = forecaster_.reach(limit, std::min(steps, analytics::kMaxForecastSteps));
  if (!found.expected || *found.expected > time + ahead) return std::nullopt;
  return Reach{limit, std::max(*found.expected, time), found.earliest};
}

std::optional<Reach> ForecastWatch::look_ahead(WallTime time, double value) const {
  if (options_.high && value > *options_.high) return Reach{*options_.high, time};
  if (options_.low && value < *options_.low) return Reach{*options_.low, time};
  std::optional<Reach> high, low;
  if (options_.high) high = look_for(*options_.high, time);
  if (options_.low) low = look_for(*options_.low, time);
  if (!high || (low && low->expected < high->expected)) return low;
  return high;
}

std::optional<analytics::WatchEvent> ForecastWatch::add(WallTime time, double value) {
  if (!std::isfinite(value) || (last_ && time <= *last_)) return std::nullopt;
  first_ = first_.value_or(time);
  last_ = time;
  forecaster_.add(time, value);
  const bool is_past = (options_.high && value > *options_.high) || (options_.low && value < *options_.low);
  const bool due = !looked_ || analytics::between(*looked_, time) >= options_.within / kLooksAhead;
  if (!due && !is_past && reach_) {
    if (reach_->expected < time) reach_.reset();  // it did not come to that
  } else if (due || is_past) {
    looked_ = time;
    reach_ = look_ahead(time, value);
  }
  const auto zone = reach_ ? analytics::Zone::unusual : analytics::Zone::usual;
  const WallTime since = condition_.pending_since().value_or(time);
  const auto change = condition_.update(time, zone);
  if (change == analytics::Change::none) return std::nullopt;
  constexpr double kNone = std::numeric_limits<double>::infinity();
  analytics::Judgement judgement{zone, value, std::nullopt};
  if (reach_) {
    judgement.value = std::chrono::duration<double>(reach_->expected - time).count();
    const bool is_high = options_.high && reach_->limit == *options_.high;
    judgement.expected =
        is_high ? analytics::Band{-kNone, reach_->limit} : analytics::Band{reach_->limit, kNone};
  }
  return analytics::WatchEvent{change, kForecastKind, time, since, judgement};
}

std::string ForecastWatch::save() const {
  store::ByteWriter out;
  out.byte(kVersion);
  out.counted_text(forecaster_.save());
  condition_.save(out);
  analytics::save_time(out, first_);
  analytics::save_time(out, last_);
  return out.take();
}

Result<ForecastWatch> ForecastWatch::load(ForecastOptions options, std::string_view bytes) {
  const auto corrupt = [] { return fail(Errc::corrupt, "the saved state of a forecast is damaged"); };
  store::ByteReader in(bytes);
  if (in.byte() != kVersion) return corrupt();
  ForecastWatch made(options);
  const std::string_view forecaster = in.counted_text();
  if (!in.ok()) return corrupt();
  DUNLIN_TRY(made.forecaster_, analytics::Forecaster::load(forecaster));
  made.condition_.load(in);
  made.first_ = analytics::load_time(in);
  made.last_ = analytics::load_time(in);
  if (!in.at_end() || made.first_.has_value() != made.last_.has_value()) return corrupt();
  return made;
}

}  // namespace dunlin::monitor
