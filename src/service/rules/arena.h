#pragma once
// Memory of one evaluation: taken piece by piece, given back at once.

#include <cstddef>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace dunlin::rules {

/// One thread. What it gave is valid until reset().
class Arena {
 public:
  /// Gives no more than `limit` bytes between two resets.
  explicit Arena(std::size_t limit) : limit_(limit) {}

  /// Null past the limit. Aligned for Value and Member.
  void* take(std::size_t bytes) {
    bytes = (bytes + kAlign - 1) & ~(kAlign - 1);
    if (bytes > left_ && !grow(bytes)) return nullptr;
    left_ -= bytes;
    return std::exchange(next_, next_ + bytes);
  }
  /// Room for `count` of them, not constructed beyond their defaults; empty past the limit.
  template <class Item>
  std::span<Item> items(std::size_t count) {
    static_assert(std::is_trivially_destructible_v<Item> && alignof(Item) <= kAlign);
    if (count > limit_ / sizeof(Item)) return {};
    void* const room = take(count * sizeof(Item));
    if (room == nullptr) return {};
    Item* const first = static_cast<Item*>(room);
    std::uninitialized_value_construct_n(first, count);
    return {first, count};
  }
  void reset();

 private:
  static constexpr std::size_t kAlign = 8;
  static constexpr std::size_t kFirstBlock = std::size_t{16} * 1024;

  bool grow(std::size_t bytes);

  std::size_t limit_;
  std::size_t taken_ = 0;  // in blocks
  std::byte* next_ = nullptr;
  std::size_t left_ = 0;
  std::vector<std::unique_ptr<std::byte[]>> blocks_;  // the first one is kept
};

}  // namespace dunlin::rules
