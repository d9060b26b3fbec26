#include "service/analytics/watch.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/core/assert.h"

namespace dunlin::analytics {
namespace {

constexpr std::uint8_t kVersion = 1;

std::unexpected<Error> wrong(std::string what) {
  return fail(Errc::invalid_argument, std::move(what));
}

Result<void> check_time(Duration time, Duration least, const char* name) {
  if (time < least) return wrong(std::string(name) + " is too short");
  if (time > kMaxWatchTime) return fail(Errc::limit_exceeded, std::string(name) + " is longer than a year");
  return {};
}

Result<void> check_limits(std::optional<double> low, std::optional<double> high) {
  if (!low && !high) return wrong("a lower or an upper limit is needed");
  if ((low && !std::isfinite(*low)) || (high && !std::isfinite(*high)))
    return wrong("a limit is no finite number");
  if (low && high && *low >= *high) return wrong("the lower limit is not below the upper one");
  return {};
}

Result<void> check_deviations(double raise, double clear) {
  if (!(clear > 0 && clear <= raise && raise <= 1e6))
    return wrong("deviations: 0 < clear_deviations <= deviations <= 1000000");
  return {};
}

struct Check {
  Result<void> operator()(const ThresholdOptions& options) const {
    DUNLIN_CHECK(check_limits(options.low, options.high));
    if (!(options.hysteresis >= 0) || !std::isfinite(options.hysteresis))
      return wrong("the hysteresis is below 0 or no finite number");
    if (options.low && options.high && 2 * options.hysteresis >= *options.high - *options.low)
      return wrong("the hysteresis leaves no room between the limits");
    return {};
  }
  Result<void> operator()(const RateOptions& options) const {
    DUNLIN_CHECK(check_limits(options.falling, options.rising));
    return check_time(options.over, Duration::zero(), "the window of a rate");
  }
  Result<void> operator()(const FlatOptions& options) const {
    if (!(options.tolerance >= 0) || !std::isfinite(options.tolerance))
      return wrong("the tolerance is below 0 or no finite number");
    return check_time(options.after, Duration{1}, "the time of a flat line");
  }
  Result<void> operator()(const MissingOptions& options) const {
    return check_time(options.after, Duration::zero(), "the time without data");
  }
  Result<void> operator()(const RobustOptions& options) const {
    DUNLIN_CHECK(check_deviations(options.deviations, options.clear_deviations));
    if (options.window < 4 || options.window > kMaxRobustWindow)
      return wrong("the window is not from 4 to " + std::to_string(kMaxRobustWindow) + " values");
    return {};
  }
  Result<void> operator()(const SeasonalOptions& options) const {
    DUNLIN_CHECK(check_deviations(options.deviations, options.clear_deviations));
    if (options.season < 1 || options.season > kMaxSeason)
      return wrong("the season is not from 1 to " + std::to_string(kMaxSeason) + " steps");
    return check_time(options.step, std::chrono::milliseconds{1}, "a step of the season");
  }
};

struct Make {
  using Judge = std::variant<ThresholdJudge, RateJudge, FlatJudge, MissingJudge, RobustJudge, SeasonalJudge>;
  Judge operator()(const ThresholdOptions& options) const { return ThresholdJudge(options); }
  Judge operator()(const RateOptions& options) const { return RateJudge(options); }
  Judge operator()(const FlatOptions& options) const { return FlatJudge(options); }
  Judge operator()(const MissingOptions& options) const { return MissingJudge(options); }
  Judge operator()(const RobustOptions& options) const { return RobustJudge(options); }
  Judge operator()(const SeasonalOptions& options) const { return SeasonalJudge(options); }
};

}  // namespace

std::string_view kind_name(const WatchOptions& options) {
  constexpr std::array<std::string_view, 6> kNames{"threshold", "rate",   "flat",
                                                   "missing",   "robust", "seasonal"};
  return kNames[options.kind.index()];
}

Result<void> check(const WatchOptions& options) {
  DUNLIN_CHECK(check_time(options.hold.raise_after, Duration::zero(), "the time before an alarm"));
  DUNLIN_CHECK(check_time(options.hold.clear_after, Duration::zero(), "the time before its end"));
  return std::visit(Check{}, options.kind);
}

Watch::Watch(WatchOptions options)
    : options_(options), judge_(std::visit(Make{}, options.kind)), condition_(options.hold) {
  DUNLIN_ASSERT(check(options_).has_value());
}

std::optional<WatchEvent> Watch::take(WallTime time, const Judgement& judgement) {
  const WallTime since = condition_.pending_since().value_or(time);
  const Change change = condition_.update(time, judgement.zone);
  if (change == Change::none) return std::nullopt;
  return WatchEvent{change, kind_name(options_), time, since, judgement};
}

std::optional<WatchEvent> Watch::add(WallTime time, double value) {
  if (!std::isfinite(value) || (last_ && time < *last_)) return std::nullopt;
  last_ = time;
  value = std::clamp(value, -kMostValue, kMostValue);
  return take(time, std::visit([&](auto& judge) { return judge.judge(time, value); }, judge_));
}

std::optional<WatchEvent> Watch::look(WallTime now) {
  const auto* missing = std::get_if<MissingJudge>(&judge_);
  if (missing == nullptr || !last_ || now < *last_) return std::nullopt;
  return take(now, missing->judge_silence(now));
}

std::string Watch::save() const {
  store::ByteWriter out;
  out.byte(kVersion);
  out.byte(static_cast<std::uint8_t>(judge_.index()));
  condition_.save(out);
  save_time(out, last_);
  std::visit([&out](const auto& judge) { judge.save(out); }, judge_);
  return out.take();
}

Result<Watch> Watch::load(WatchOptions options, std::string_view bytes) {
  Watch made(options);
  store::ByteReader in(bytes);
  const bool same = in.byte() == kVersion && in.byte() == made.judge_.index();
  if (same) {
    made.condition_.load(in);
    made.last_ = load_time(in);
    std::visit([&in](auto& judge) { judge.load(in); }, made.judge_);
  }
  if (!same || !in.at_end()) return fail(Errc::corrupt, "the saved state of a watch is damaged");
  return made;
}

}  // namespace dunlin::analytics
