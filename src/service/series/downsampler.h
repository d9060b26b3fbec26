#pragma once
// A range of a series in at most so many parts.

#include <cstddef>
#include <vector>

#include "service/series/point.h"
#include "store/chunk/chunk.h"

namespace dunlin::series {

/// Keeps the points while they are few, and parts of the range of equal length from then on. What is added
/// ascends by time.
class Downsampler {
 public:
  Downsampler(WallTime from, WallTime to, std::size_t buckets);

  void add(WallTime time, double value);
  /// Takes a whole chunk by its summary; false if its points are needed.
  bool add_whole(const store::ChunkSummary& chunk);
  /// Likewise, whatever it costs in exactness: what is left of a time whose points are gone. It counts for
  /// the part of the range that it begins in.
  void add_rest(const store::ChunkSummary& part);
  std::vector<Bucket> take();
  /// Nanoseconds of the range that one part is of, at least 1.
  std::int64_t part_length() const { return static_cast<std::int64_t>(length_); }

 private:
  std::size_t part_of(WallTime time) const;
  void spread();
  void add_bucket(std::size_t part, const Bucket& bucket);
  Bucket& bucket_for(std::size_t part, WallTime time);
  void add_to_part(WallTime time, double value);

  WallTime from_;
  std::size_t most_;
  double length_;  // of a part, in nanoseconds
  std::size_t part_ = 0;
  std::vector<Bucket> points_;
  std::vector<Bucket> parts_;
};

}  // namespace dunlin::series
