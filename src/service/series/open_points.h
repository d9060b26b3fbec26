#pragma once
// The points of one window that are not sealed yet.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "service/series/point.h"
#include "store/chunk/chunk.h"

namespace dunlin::series {

/// Ascending by time; of two points at one time the one that was put later stays. Numbers stand in columns
/// (16 bytes a point); when another type comes, all become points.
class OpenPoints {
 public:
  void put(Point point);
  /// Where both have a point at one time, the present one stays.
  void put_below(OpenPoints older);

  /// Takes out those with from <= time < to; to == max: those at that time, too.
  void erase(WallTime from, WallTime to);

  bool empty() const { return size() == 0; }
  std::size_t size() const { return times_.size() + mixed_.size(); }
  /// What they take in memory, about.
  std::size_t bytes() const { return bytes_; }
  /// Of at least one point.
  WallTime first() const;
  WallTime last() const;

  std::vector<Point> points() const;
  /// Those with from <= time < to, each as it can stand in one chunk.
  std::vector<store::ChunkPoints> columns(WallTime from = WallTime::min(),
                                          WallTime to = WallTime::max()) const;

 private:
  void put_number(const Point& point);
  void append_number(std::int64_t time, double value, std::uint8_t mark);
  void put_mixed(Point point);
  void set_mark(std::size_t at, std::uint8_t mark);

  std::vector<std::int64_t> times_;
  std::int64_t newest_ = 0;  // the last of them, here because looking there waits for memory at most points
  std::vector<double> values_;
  std::vector<std::uint8_t> marks_;  // empty: all are 0
  std::vector<Point> mixed_;         // if not empty, the columns are
  std::size_t bytes_ = 0;
};

}  // namespace dunlin::series
