#pragma once
// Where a series is going: forecasts with bands, and when a limit is reached. It finds the distance of the
// values and the length of the season itself, and weighs several models by how good each has
// been at that distance ahead. Saved state: docs/formats/analytics.md.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "service/analytics/detector.h"
#include "service/analytics/holt_winters.h"

namespace dunlin::analytics {

/// What is expected at a time, and where nine of ten values will be.
struct Forecast {
  WallTime time;
  double value = 0;
  Band band;
};

/// When a limit is reached; nothing where it is not within what was asked.
struct LimitForecast {
  std::optional<WallTime> expected;  // by the forecast itself
  std::optional<WallTime> earliest;  // by the band
};

/// One series whose values come at about equal distances; gaps are allowed. Memory by the season: eight
/// tables of at most kMaxForecastSeason numbers. One thread.
class Forecaster {
 public:
  /// Values that are not finite, and times before the last one, are not learned; of several values in one
  /// step the first one is.
  void add(WallTime time, double value);

  /// The next `steps` (to kMaxForecastSteps) steps; none until some twenty values were seen.
  std::vector<Forecast> next(std::size_t steps) const;
  /// When the value goes past `limit`, from the side on which it is now, in the next `steps` steps.
  LimitForecast reach(double limit, std::size_t steps) const;

  /// Between values; zero while it is not known.
  Duration step() const { return step_; }
  /// In steps; 1: none found (yet).
  std::size_t season() const { return season_; }

  std::string save() const;
  /// Errors: corrupt.
  static Result<Forecaster> load(std::string_view bytes);

 private:
  static constexpr std::size_t kModels = 8;
  static constexpr std::size_t kLeads = 10;   // 1, 2, 4 ... 512 steps ahead
  static constexpr std::size_t kPending = 4;  // forecasts of a lead that wait for their value
  struct Pending {
    std::int64_t step = 0;
    std::array<double, kModels> values{};
    enum class State : std::uint8_t { free, waiting } state = State::free;
  };
  struct Lead {
    std::array<Pending, kPending> pending{};
    std::array<double, kModels> sizes{};  // mean of the errors' sizes
    double square = 0;                    // mean square error of all models together
    double count = 0;
  };
  struct Codec;

  /// The models' forecasts as one.
  static double together(const Lead& lead, const std::array<double, kModels>& values);
  std::array<double, kModels> forecasts(std::int64_t step) const;
  void learn_step(WallTime time);
  void take(std::int64_t step, double value);
  void learn(std::int64_t step, double value);
  void settle(std::int64_t step, double value);
  void ask(std::int64_t step);
  void look_for_season();
  void use_season(std::size_t season);
  std::int64_t step_of(WallTime time) const;
  std::optional<Forecast> at(std::int64_t step) const;

  // Before the step is known: the first times and values.
  std::vector<WallTime> times_;
  std::vector<double> first_values_;
  Duration step_{};
  WallTime origin_{};
  std::optional<std::int64_t> last_step_;
  double last_value_ = 0;
  // While a season is looked for: a value for each step.
  std::vector<double> history_;
  std::int64_t history_start_ = 0;
  enum class Phase : std::uint8_t { step, season, running } phase_ = Phase::step;
  std::size_t season_ = 1;
  std::vector<HoltWinters> models_;
  std::array<Lead, kLeads> leads_{};
};

}  // namespace dunlin::analytics
