#pragma once
// A first-in, first-out queue that owns no memory while it is empty for long: most sessions are idle.

#include <cstddef>
#include <utility>
#include <vector>

#include "base/core/assert.h"

namespace dunlin::hub {

/// Grows by doubling, never shrinks by itself; clear() gives the memory back. One thread.
template <class T>
class RingQueue {
 public:
  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }

  void push(T&& value) {
    if (size_ == slots_.size()) grow();
    slots_[(head_ + size_) & (slots_.size() - 1)] = std::move(value);
    ++size_;
  }
  T& front() { return (*this)[0]; }
  T& back() { return (*this)[size_ - 1]; }
  T& operator[](std::size_t index) { return slots_[(head_ + index) & (slots_.size() - 1)]; }
  const T& operator[](std::size_t index) const { return slots_[(head_ + index) & (slots_.size() - 1)]; }

  T pop() {
    DUNLIN_ASSERT(size_ > 0);
    T value = std::move(slots_[head_]);
    slots_[head_] = T{};
    head_ = (head_ + 1) & (slots_.size() - 1);
    --size_;
    return value;
  }
  /// Takes one out of the line. Takes time for each element before it.
  T take(std::size_t index) {
    T value = std::move((*this)[index]);
    for (; index > 0; --index) (*this)[index] = std::move((*this)[index - 1]);
    drop();
    return value;
  }
  /// pop() for a value that nobody wants.
  void drop() {
    DUNLIN_ASSERT(size_ > 0);
    slots_[head_] = T{};
    head_ = (head_ + 1) & (slots_.size() - 1);
    --size_;
  }
  void clear() {
    slots_ = {};
    head_ = size_ = 0;
  }

 private:
  void grow() {
    std::vector<T> larger(slots_.empty() ? 4 : slots_.size() * 2);
    for (std::size_t index = 0; index < size_; ++index) larger[index] = std::move((*this)[index]);
    slots_ = std::move(larger);
    head_ = 0;
  }

  std::vector<T> slots_;  // the size is a power of two
  std::size_t head_ = 0;
  std::size_t size_ = 0;
};

}  // namespace dunlin::hub
