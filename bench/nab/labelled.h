#pragma once
// Series with labelled anomalies, and what the detector's alarms over them are worth by the rules of the
// Numenta Anomaly Benchmark 1.1, standard profile: tests/nab/README.md.

#include <cstddef>
#include <string>
#include <vector>

#include "base/clock.h"
#include "service/analytics/tuning.h"

namespace dunlin::nab {

struct Point {
  WallTime time;
  double value;
};
/// Numbers of points, both inside.
struct Window {
  std::size_t left = 0;
  std::size_t right = 0;
};
struct Series {
  std::string folder;
  std::vector<Point> points;
  std::vector<Window> windows;  // ascending, apart
};

/// Sums over series.
struct Outcome {
  double gain = 0;  // over never raising an alarm; perfect is 2 a window
  std::size_t windows = 0;
  std::size_t false_alarms = 0;
  std::size_t outside = 0;  // points outside of windows that were judged

  void add(const Outcome& other);
  /// 0: nothing found, 100: each window at its beginning and no false alarm.
  double score() const;
};

Outcome judge(const Series& series, const analytics::Tuning& tuning);

}  // namespace dunlin::nab
