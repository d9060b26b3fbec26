#pragma once
// Says of each point of a series how unusual it is, in one pass and constant memory, without labels. Method:
// README.md; saved state: docs/formats/analytics.md.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "service/analytics/novelty.h"
#include "service/analytics/rarity.h"
#include "service/analytics/tuning.h"

namespace dunlin::analytics {

/// From what score on a point is an anomaly.
inline constexpr double kAlarmScore = 0.5;

/// Where a value is expected to be.
struct Band {
  double low = 0;
  double high = 0;
  friend bool operator==(const Band&, const Band&) = default;
};

struct Verdict {
  double score = 0;              // 0 (as ever) to 1; kAlarmScore is where one would be woken up
  std::optional<Band> expected;  // as known before the value came; none before the first value
};

/// One series. What it knows is of bounded size (4 KiB) and the same whatever the values' unit: scaled values
/// get the same scores. Pure; one thread.
class Detector {
 public:
  /// `tuning` outlives the detector; others than kTuning are for whoever measures them.
  explicit Detector(const Tuning& tuning = kTuning) : tuning_(&tuning) {}

  /// Judges the value by what came before, then learns it. `time` gives the time of day (UTC) only. A value
  /// that is not finite is no anomaly (score 0) and nothing is learned from it.
  Verdict add(WallTime time, double value);

  /// How many values it has learned.
  double values() const { return count_; }

  std::string save() const;
  /// What an earlier version has saved is a detector that begins anew. Errors: corrupt.
  static Result<Detector> load(std::string_view bytes);

 private:
  /// A half hour of the day.
  struct Slot {
    double mean = 0;
    std::uint8_t count = 0;  // stays at 255
  };
  static constexpr std::size_t kSlots = 48;
  static constexpr std::size_t kForecasts = 4;
  struct Codec;

  std::optional<Band> expected(std::size_t slot) const;
  std::array<double, kForecasts> forecasts(std::size_t slot) const;
  double residual(double value, std::size_t slot) const;
  double outside(double value) const;
  void learn_range(double value);
  void learn_forecasts(double value, std::size_t slot);
  void learn_level(double value);
  void learn_residual(double residual);
  void learn_slot(double value, std::size_t slot);
  double shift() const;
  double change_of_size() const;
  double tiny() const;

  const Tuning* tuning_;
  double count_ = 0;
  double low_ = 0;  // of all values so far
  double high_ = 0;
  double last_ = 0;
  double mean_ = 0;             // of what is usual
  double fast_ = 0;             // mean of the recent values
  double recent_residual_ = 0;  // means
  double recent_size_ = 0;      // of residuals without their sign
  double usual_size_ = 0;
  double cool_ = 0;  // what the last alarms have left
  std::array<double, kForecasts> errors_{};
  std::array<Slot, kSlots> slots_{};
  Novelty novelty_;
  std::array<Rarity, 4> rarities_{};  // of the parts in the order in which add() asks them
};

}  // namespace dunlin::analytics
