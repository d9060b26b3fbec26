#pragma once
// What a subscriber knows of one publisher's numbered messages.

#include <cstdint>
#include <map>

namespace dunlin::load {

/// Follows the numbers 0, 1, 2 ... of one publisher as they arrive. Remembers kMaxGaps gaps; past it the
/// oldest is given up: its numbers stay lost, and one that still comes counts as doubled.
class SequenceCheck {
 public:
  enum class Arrival : std::uint8_t { in_turn, out_of_turn, doubled };

  Arrival take(std::uint64_t number) {
    if (number != next_) return take_out_of_turn(number);
    ++next_;
    return Arrival::in_turn;
  }
  /// Of the first `sent` numbers, those that have not come.
  std::uint64_t lost(std::uint64_t sent) const { return missing_ + (sent > next_ ? sent - next_ : 0); }
  /// Numbers that came more than once.
  std::uint64_t doubled() const { return doubled_; }
  /// Numbers that came after a higher one.
  std::uint64_t reordered() const { return reordered_; }

 private:
  Arrival take_out_of_turn(std::uint64_t number);
  void open_gap(std::uint64_t begin, std::uint64_t end);
  bool fill(std::uint64_t number);

  std::uint64_t next_ = 0;
  std::uint64_t missing_ = 0;                    // below next_, in gaps_ or given up
  std::map<std::uint64_t, std::uint64_t> gaps_;  // first missing number to the one behind the last
  std::uint64_t doubled_ = 0;
  std::uint64_t reordered_ = 0;
};

}  // namespace dunlin::load
