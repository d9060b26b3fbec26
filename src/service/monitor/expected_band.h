#pragma once
// Where the values of a stored series were expected, and how unusual they were: the detector over its past.

#include <optional>
#include <vector>

#include "base/clock.h"
#include "service/analytics/detector.h"

namespace dunlin::monitor {

/// Learns from every point and keeps what was expected from a time on, in parts of equal length. One thread.
class ExpectedBand {
 public:
  struct Part {
    WallTime time;   // of its first point
    double low = 0;  // means
    double high = 0;
    double score = 0;  // the largest
  };

  /// `to` is behind `from`; `parts` is above 0.
  ExpectedBand(WallTime from, WallTime to, std::size_t parts);

  /// In order of time.
  void add(WallTime time, double value);
  /// Those with points, ascending.
  std::vector<Part> take();

 private:
  WallTime from_;
  Duration length_;
  analytics::Detector detector_;
  std::vector<Part> parts_;
  std::int64_t part_ = -1;  // of parts_.back()
  double count_ = 0;        // of its points
};

}  // namespace dunlin::monitor
