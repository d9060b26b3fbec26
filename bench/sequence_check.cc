#include "bench/sequence_check.h"

namespace dunlin::bench {

void SequenceCheck::take_out_of_turn(std::uint32_t number) {
  if (number > next_) {
    for (; next_ < number; ++next_) missing_.insert(missing_.end(), next_);
    ++next_;
  } else if (missing_.erase(number) == 1) {
    ++reordered_;
  } else {
    ++doubled_;
  }
}

}  // namespace dunlin::bench
