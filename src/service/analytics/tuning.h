#pragma once
// The numbers of the detector, the same for every series: three that were searched on labelled series, and
// those given by reason. docs/performance.md says what the search is worth.

namespace dunlin::analytics {

/// What bench/nab/left_out searches.
struct Tuning {
  double recent_values = 37;   // in what is going on now
  double quiet_values = 140;   // so long after an alarm 1/e of it is left
  double alarm_decades = 2.7;  // what scores kAlarmScore: chance makes it once in 10^2.7 values
};

inline constexpr Tuning kTuning;

/// In what is usual: two weeks of five minutes, in which every day of the week was seen twice.
inline constexpr double kUsualValues = 4032;

}  // namespace dunlin::analytics
