#pragma once
// How seldom a deviation is as large as this one, by those that the series has had before.

#include "store/chunk/bytes_io.h"

namespace dunlin::analytics {

/// One kind of deviation of one series. The logarithm of one more than it is taken for normally distributed:
/// tails of most series are too heavy for the deviation itself. Constant memory; one thread.
class Rarity {
 public:
  /// `deviation`: 0 or more, no unit; the `count`th of them. Learns it, and answers in decades: 3 is a
  /// deviation that is as large once in a thousand values. 0 where nothing can be said yet or it is smaller
  /// than usual; at most 8.7.
  double add(double deviation, double count);

  void save(store::ByteWriter& out) const;
  /// Leaves the reader broken where the bytes are none of save().
  void load(store::ByteReader& in);

 private:
  double mean_ = 0;  // of the logarithm
  double variance_ = 0;
};

}  // namespace dunlin::analytics
