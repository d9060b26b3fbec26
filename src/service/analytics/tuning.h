#pragma once
// The numbers of the detector: few and round, the same for every series. README.md says how they were found.

namespace dunlin::analytics {

/// Rates are shares of a new value in a running mean; weights are those of the parts of a surprise.
struct Tuning {
  double slow_rate = 0.00025;  // of the slow mean: some four thousand values
  double fast_rate = 0.02;     // of the fast one: some fifty
  double slot_rate = 0.05;     // of a half hour's mean: some twenty days
  double recent_rate = 0.04;   // of the share of new sequences now
  double usual_rate = 0.002;   // of what is usual of it

  double distance_weight = 0.3;
  double outside_weight = 400;
  double slot_weight = 0.5;
  double shift_weight = 0.1;
  double novelty_weight = 0.5;

  double plain_share = 0.02;  // of the surprise itself beside its rarity
  double rarity_power = 3.5;
  double alarm_rarity = 10;  // what scores kAlarmScore
  double cool_weight = 2;
  double cool_rate = 0.01;  // a hundred values after an alarm a third of it is left
};

inline constexpr Tuning kTuning;

}  // namespace dunlin::analytics
