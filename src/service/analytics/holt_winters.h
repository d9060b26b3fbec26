#pragma once
// Additive Holt-Winters: a level, its trend, and what each step of the season adds to it.

#include <cstdint>
#include <optional>
#include <vector>

#include "base/result.h"
#include "store/chunk/bytes_io.h"

namespace dunlin::analytics {

/// Shares of an error that are learned: by the level, by its trend, by the step of the season.
struct Smoothing {
  double level = 0.1;
  double trend = 0.0;
  double season = 0.1;
};

/// Values at numbered steps, ascending, of which some may be missing. One series; memory by the length of the
/// season. One thread.
class HoltWinters {
 public:
  /// `season`: in steps, 1 (none) to kMaxSeason.
  HoltWinters(std::size_t season, Smoothing smoothing);

  /// What is expected at a step after the last one; nothing until a season has been seen.
  std::optional<double> forecast(std::int64_t step) const;
  /// Mean square error of the forecasts of the next step.
  double error() const { return error_; }

  /// `step`: after all before. An outlier counts as four deviations.
  void add(std::int64_t step, double value);

  std::size_t season() const { return offsets_.size(); }
  std::int64_t last_step() const { return last_; }

  void save(store::ByteWriter& out) const;
  /// Leaves the reader broken where the bytes are none of save(), or of another season.
  void load(store::ByteReader& in);

 private:
  std::size_t slot(std::int64_t step) const;
  void begin(std::int64_t step, double value);

  Smoothing smoothing_;
  double level_ = 0;
  double trend_ = 0;
  double error_ = 0;
  double count_ = 0;  // values
  std::int64_t first_ = 0;
  std::int64_t last_ = 0;
  std::vector<double> offsets_;  // NaN: nothing seen yet
  enum class Phase : std::uint8_t { first_season, running } phase_ = Phase::first_season;
};

}  // namespace dunlin::analytics
