#include "load/sequence_check.h"

#include <iterator>

#include "load/limits.h"

namespace dunlin::load {

SequenceCheck::Arrival SequenceCheck::take_out_of_turn(std::uint64_t number) {
  if (number > next_) {
    open_gap(next_, number);
    next_ = number + 1;
    return Arrival::in_turn;
  }
  if (fill(number)) {
    ++reordered_;
    return Arrival::out_of_turn;
  }
  ++doubled_;
  return Arrival::doubled;
}

void SequenceCheck::open_gap(std::uint64_t begin, std::uint64_t end) {
  if (gaps_.size() == kMaxGaps) gaps_.erase(gaps_.begin());
  gaps_.emplace_hint(gaps_.end(), begin, end);
  missing_ += end - begin;
}

bool SequenceCheck::fill(std::uint64_t number) {
  auto gap = gaps_.upper_bound(number);
  if (gap == gaps_.begin()) return false;
  --gap;
  const auto [begin, end] = *gap;
  if (number >= end) return false;
  gaps_.erase(gap);
  if (begin < number) gaps_.emplace(begin, number);
  // One more gap than before at most: past the limit the oldest goes.
  if (number + 1 < end) gaps_.emplace(number + 1, end);
  if (gaps_.size() > kMaxGaps) gaps_.erase(gaps_.begin());
  --missing_;
  return true;
}

}  // namespace dunlin::load
