#pragma once
// What a subscriber knows of one publisher's numbered messages.

#include <cstdint>
#include <set>

namespace dunlin::bench {

/// Follows the numbers 0, 1, 2 ... of one publisher as one subscriber sees them.
class SequenceCheck {
 public:
  void take(std::uint32_t number) {
    if (number == next_) {
      ++next_;
    } else {
      take_out_of_turn(number);
    }
  }
  /// Of the first `sent` numbers, those that have not come.
  std::uint64_t lost(std::uint32_t sent) const { return missing_.size() + (sent - next_); }
  /// Numbers that came more than once.
  std::uint64_t doubled() const { return doubled_; }
  /// Numbers that came after a higher one.
  std::uint64_t reordered() const { return reordered_; }

 private:
  void take_out_of_turn(std::uint32_t number);

  std::uint32_t next_ = 0;
  std::set<std::uint32_t> missing_;  // below next_; at most the publisher's window in a run that works
  std::uint64_t doubled_ = 0;
  std::uint64_t reordered_ = 0;
};

}  // namespace dunlin::bench
