#pragma once
// A list that most owners leave empty or short, where there are very many owners.

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <new>
#include <span>
#include <type_traits>
#include <utility>

namespace dunlin {

/// Of a size that is given when it is made. Empty it is a pointer; otherwise one block with the size in
/// front. One thread while it changes.
template <class T>
class CompactList {
 public:
  using value_type = T;
  using iterator = const T*;
  using const_iterator = const T*;

  CompactList() = default;
  CompactList(std::initializer_list<T> items) : CompactList(std::span(items.begin(), items.size())) {}
  template <std::ranges::sized_range R>
    requires(!std::same_as<std::remove_cvref_t<R>, CompactList>)
  CompactList(R&& items) {  // NOLINT: a vector or a map becomes one by itself
    if (std::ranges::empty(items)) return;
    static_assert(alignof(T) <= alignof(std::max_align_t));
    block_ = static_cast<std::byte*>(::operator new(kHead + std::ranges::size(items) * sizeof(T)));
    new (block_) std::size_t(std::ranges::size(items));
    std::uninitialized_copy(std::ranges::begin(items), std::ranges::end(items), data());
  }
  CompactList(const CompactList& other) : CompactList(std::span(other.begin(), other.size())) {}
  CompactList(CompactList&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  CompactList& operator=(CompactList other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~CompactList() {
    std::destroy_n(data(), size());
    ::operator delete(block_);
  }

  std::size_t size() const {
    return block_ == nullptr ? 0 : *std::launder(reinterpret_cast<const std::size_t*>(block_));
  }
  bool empty() const { return block_ == nullptr; }
  const T* begin() const { return data(); }
  const T* end() const { return data() + size(); }
  const T& operator[](std::size_t index) const { return data()[index]; }

  template <std::ranges::range R>
  friend bool operator==(const CompactList& list, const R& other) {
    return std::ranges::equal(list, other);
  }

 private:
  static constexpr std::size_t kHead = std::max(sizeof(std::size_t), alignof(T));
  T* data() const { return block_ == nullptr ? nullptr : reinterpret_cast<T*>(block_ + kHead); }

  std::byte* block_ = nullptr;
};

}  // namespace dunlin
