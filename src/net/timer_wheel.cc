#include "net/timer_wheel.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace dunlin::net {

std::uint32_t TimerWheel::slot_of(std::uint64_t due) const {
  // The level is that of the highest digit in which `due` differs from the present; lower digits are still to
  // be counted down.
  const std::uint64_t difference = due ^ current_;
  for (int level = 0; level < kLevels; ++level) {
    if ((difference >> (kBits * (level + 1))) != 0 && level + 1 < kLevels) continue;
    const auto digit = static_cast<std::uint32_t>((due >> (kBits * level)) & (kSlots - 1));
    return static_cast<std::uint32_t>(level) * kSlots + digit;
  }
  return kNone;
}

TimerId TimerWheel::schedule(std::uint64_t due, Task task) {
  // Past the reach of the top wheel (174 years at 5 ms) a timer would land in the wrong turn of it.
  constexpr std::uint64_t kReach = std::uint64_t{1} << (kBits * kLevels);
  const std::uint64_t turn_end = (current_ | (kReach - 1));
  due = std::clamp(due, current_ + 1, std::max(turn_end, current_ + 1));
  std::uint32_t index = free_;
  if (index == kNone) {
    index = static_cast<std::uint32_t>(nodes_.size());
    nodes_.emplace_back();
  } else {
    free_ = nodes_[index].next;
  }
  Node& node = nodes_[index];
  node.task = std::move(task);
  node.due = due;
  link(index);
  ++size_;
  return TimerId{(std::uint64_t{node.generation} << 32) | (index + 1)};
}

void TimerWheel::link(std::uint32_t index) {
  Node& node = nodes_[index];
  node.slot = slot_of(node.due);
  node.previous = kNone;
  node.next = heads_[node.slot];
  if (node.next != kNone) nodes_[node.next].previous = index;
  heads_[node.slot] = index;
  occupied_[node.slot / 64] |= std::uint64_t{1} << (node.slot % 64);
}

void TimerWheel::unlink(std::uint32_t index) {
  Node& node = nodes_[index];
  if (node.previous != kNone) nodes_[node.previous].next = node.next;
  if (node.next != kNone) nodes_[node.next].previous = node.previous;
  if (heads_[node.slot] == index) heads_[node.slot] = node.next;
  if (heads_[node.slot] == kNone) occupied_[node.slot / 64] &= ~(std::uint64_t{1} << (node.slot % 64));
  node.slot = kNone;
}

Task TimerWheel::release(std::uint32_t index) {
  unlink(index);
  Node& node = nodes_[index];
  Task task = std::move(node.task);
  node.task = nullptr;
  ++node.generation;
  node.next = free_;
  free_ = index;
  --size_;
  return task;
}

bool TimerWheel::cancel(TimerId id) {
  const auto position = static_cast<std::uint32_t>(id.value & 0xffffffffU);
  if (position == 0 || position > nodes_.size()) return false;
  const Node& node = nodes_[position - 1];
  if (node.slot == kNone || node.generation != static_cast<std::uint32_t>(id.value >> 32)) return false;
  // What the task owns may cancel other timers as it dies, so it dies after the wheel is in order.
  const Task dying = release(position - 1);
  return true;
}

void TimerWheel::cascade(int level) {
  const auto digit = static_cast<std::uint32_t>((current_ >> (kBits * level)) & (kSlots - 1));
  const std::uint32_t slot = static_cast<std::uint32_t>(level) * kSlots + digit;
  std::uint32_t index = std::exchange(heads_[slot], kNone);
  occupied_[slot / 64] &= ~(std::uint64_t{1} << (slot % 64));
  while (index != kNone) {
    const std::uint32_t next = nodes_[index].next;
    link(index);
    index = next;
  }
}

std::size_t TimerWheel::fire_current() {
  const auto slot = static_cast<std::uint32_t>(current_ & (kSlots - 1));
  std::size_t count = 0;
  while (heads_[slot] != kNone) {
    Task task = release(heads_[slot]);
    ++count;
    task();
  }
  return count;
}

std::size_t TimerWheel::advance(std::uint64_t now) {
  std::size_t count = 0;
  while (current_ < now) {
    const std::uint64_t next = next_tick();
    if (next > now) {
      current_ = now;
      break;
    }
    current_ = next;
    for (int level = kLevels - 1; level > 0; --level) {
      const std::uint64_t lower = (std::uint64_t{1} << (kBits * level)) - 1;
      if ((current_ & lower) == 0) cascade(level);
    }
    count += fire_current();
  }
  return count;
}

std::uint64_t TimerWheel::next_tick() const {
  if (size_ == 0) return kNever;
  for (int level = 0; level < kLevels; ++level) {
    const auto digit = static_cast<std::uint32_t>((current_ >> (kBits * level)) & (kSlots - 1));
    // Occupied slots of a level always lie after the present digit, within the present turn of that wheel.
    for (std::uint32_t slot = digit + 1; slot < kSlots;) {
      const std::uint32_t at = static_cast<std::uint32_t>(level) * kSlots + slot;
      const std::uint64_t word = occupied_[at / 64] >> (at % 64);
      if (word == 0) {
        slot += 64 - at % 64;
        continue;
      }
      slot += static_cast<std::uint32_t>(std::countr_zero(word));
      const std::uint64_t upper = (current_ >> (kBits * (level + 1))) << kBits;
      return (upper | slot) << (kBits * level);
    }
  }
  return kNever;
}

}  // namespace dunlin::net
