#pragma once
// Points of every kind that a chunk may meet, from random numbers. For tests.

#include <algorithm>
#include <bit>
#include <limits>
#include <string>

#include "base/rng.h"
#include "store/chunk/chunk.h"
#include "store/chunk/reference_walks.h"

namespace dunlin::store {

/// Regular, jittered, gapped or wild times, ascending.
inline std::vector<std::int64_t> random_times(Rng& rng, std::size_t count) {
  std::vector<std::int64_t> times;
  const std::uint64_t kind = rng.below(4);
  if (kind == 3) {
    while (times.size() < count) {
      times.push_back(static_cast<std::int64_t>(rng.next()));
      std::ranges::sort(times);
      times.erase(std::unique(times.begin(), times.end()), times.end());
    }
    return times;
  }
  std::int64_t time = static_cast<std::int64_t>(rng.below(4'000'000'000)) * 1'000'000'000;
  const std::int64_t unit = std::int64_t{1} << rng.below(40);
  for (std::size_t i = 0; i < count; ++i) {
    times.push_back(time);
    time += unit;
    if (kind == 1) time += static_cast<std::int64_t>(rng.below(1000)) * 1'000'000;
    if (kind == 2 && rng.below(20) == 0) time += static_cast<std::int64_t>(rng.below(1'000'000'000'000));
  }
  return times;
}

inline double random_double(Rng& rng) {
  constexpr double kOdd[] = {-0.0,
                             std::numeric_limits<double>::quiet_NaN(),
                             std::numeric_limits<double>::infinity(),
                             -std::numeric_limits<double>::infinity(),
                             std::numeric_limits<double>::denorm_min(),
                             std::numeric_limits<double>::max(),
                             9e15,
                             0.1 + 0.2};
  return rng.below(4) == 0 ? kOdd[rng.below(std::size(kOdd))] : std::bit_cast<double>(rng.next());
}

inline std::vector<double> random_doubles(Rng& rng, std::size_t count) {
  const std::uint64_t kind = rng.below(4);
  std::vector<double> values;
  Walk walk(static_cast<unsigned>(rng.below(kWalks)), rng);
  while (values.size() < count) {
    const bool odd = kind == 0 || (kind == 1 && rng.below(10) == 0);
    values.push_back(odd ? random_double(rng) : kind == 3 ? walk.next() / 3 : walk.next());
  }
  return values;
}

inline std::vector<std::int64_t> random_integers(Rng& rng, std::size_t count) {
  const std::uint64_t bits = rng.below(65);
  std::vector<std::int64_t> values;
  std::int64_t counter = 0;
  while (values.size() < count) {
    const std::uint64_t word = bits == 0 ? 0 : rng.next() >> (64 - bits);
    counter += static_cast<std::int64_t>(word % 100);
    values.push_back(bits % 2 == 0 ? static_cast<std::int64_t>(word) : counter);
  }
  return values;
}

inline ChunkPoints random_points(Rng& rng) {
  const std::size_t count = 1 + rng.below(rng.below(10) == 0 ? 2000 : 150);
  ChunkPoints points;
  points.type = static_cast<ChunkType>(rng.below(6));
  points.times = random_times(rng, count);
  if (points.type == ChunkType::number) {
    points.values = random_doubles(rng, count);
  } else if (points.type == ChunkType::integer) {
    points.values = random_integers(rng, count);
  } else if (points.type == ChunkType::truth) {
    std::vector<std::int64_t> values;
    while (values.size() < count) values.push_back(static_cast<std::int64_t>(rng.below(2)));
    points.values = std::move(values);
  } else {
    std::vector<std::string> texts;
    while (texts.size() < count)
      texts.push_back(std::string(rng.below(20), static_cast<char>('a' + rng.below(4))));
    points.values = std::move(texts);
  }
  if (rng.below(3) == 0) {
    for (std::size_t i = 0; i < count; ++i)
      points.marks.push_back(static_cast<std::uint8_t>(rng.below(3) == 0 ? rng.below(256) : 0));
  }
  return points;
}

/// Bit for bit, so that NaN equals itself and 0.0 is not -0.0; marks that are all 0 equal none.
inline bool same_points(const ChunkPoints& a, const ChunkPoints& b) {
  const auto marks = [](const ChunkPoints& points) {
    return std::ranges::all_of(points.marks, [](auto mark) { return mark == 0; })
               ? std::vector<std::uint8_t>()
               : points.marks;
  };
  if (a.type != b.type || a.times != b.times || marks(a) != marks(b)) return false;
  const auto* numbers = std::get_if<std::vector<double>>(&a.values);
  if (numbers == nullptr) return a.values == b.values;
  const auto& others = std::get<std::vector<double>>(b.values);
  return std::ranges::equal(
      *numbers, others, {}, [](double value) { return std::bit_cast<std::uint64_t>(value); },
      [](double value) { return std::bit_cast<std::uint64_t>(value); });
}

}  // namespace dunlin::store
