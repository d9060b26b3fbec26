#pragma once
// The data that engines are compared with: four kinds of sensors with one decimal, a point a minute.

#include <cmath>
#include <cstdint>
#include <vector>

#include "base/rng.h"
#include "store/chunk/chunk.h"

namespace dunlin::store {

inline constexpr unsigned kWalks = 4;

/// One sensor. Values are tenths.
class Walk {
 public:
  /// `kind`: 0 temperature, 1 humidity, 2 power, 3 battery.
  Walk(unsigned kind, Rng& rng)
      : kind_(kind), rng_(rng), tenths_(150 + static_cast<std::int64_t>(rng.below(200))) {}

  double next() {
    if (kind_ == 0 && rng_.below(2) == 0) tenths_ += rng_.below(2) == 0 ? 1 : -1;
    if (kind_ == 1) tenths_ += static_cast<std::int64_t>(rng_.below(11)) - 5;
    if (kind_ == 2) tenths_ = 1200 + static_cast<std::int64_t>(rng_.below(101)) - 50;
    if (kind_ == 3 && rng_.below(50) == 0) --tenths_;
    return static_cast<double>(tenths_) / 10;
  }

 private:
  unsigned kind_;
  Rng& rng_;
  std::int64_t tenths_;
};

/// `count` points a minute apart, from 2026 on.
inline ChunkPoints walk_points(unsigned kind, std::size_t count, Rng& rng) {
  constexpr std::int64_t kStart = 1'767'225'600'000'000'000;
  constexpr std::int64_t kMinute = 60'000'000'000;
  Walk walk(kind, rng);
  ChunkPoints points;
  std::vector<double> values;
  for (std::size_t i = 0; i < count; ++i) {
    points.times.push_back(kStart + static_cast<std::int64_t>(i) * kMinute);
    values.push_back(walk.next());
  }
  points.values = std::move(values);
  return points;
}

}  // namespace dunlin::store
