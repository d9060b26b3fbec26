#pragma once
// An open-addressing table of small values, for indexes with millions of entries: no node for each of them.

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace dunlin::hub {

/// Linear probing, at most three quarters full; erasing moves the followers up, so there are no tombstones,
/// and a table that has become sparse is made smaller. `Traits::is_empty(const T&)` tells a free place (a
/// value-initialised T); the traits' `hash(const T&)` spreads over all bits and should depend on a secret
/// where peers choose the keys. Pointers to entries are valid until the next insert or erase. One thread.
template <class T, class Traits>
class FlatTable {
 public:
  explicit FlatTable(Traits traits = {}) : traits_(traits) {}

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  /// The entry with that hash that `matches` accepts, or null.
  template <class Matches>
  T* find(std::uint64_t hash, const Matches& matches) {
    if (size_ == 0) return nullptr;
    for (std::size_t at = hash & mask();; at = (at + 1) & mask()) {
      if (Traits::is_empty(slots_[at])) return nullptr;
      if (matches(slots_[at])) return &slots_[at];
    }
  }
  template <class Matches>
  const T* find(std::uint64_t hash, const Matches& matches) const {
    return const_cast<FlatTable*>(this)->find(hash, matches);
  }

  /// The caller has made sure that it is not there yet.
  T& insert(T value) {
    if ((size_ + 1) * 4 > slots_.size() * 3) resize(slots_.empty() ? kLeast : slots_.size() * 2);
    ++size_;
    return place(std::move(value));
  }

  void erase(T* entry) {
    [[maybe_unused]] const T gone = std::move(*entry);  // dies when the table is in order
    std::size_t hole = static_cast<std::size_t>(entry - slots_.data());
    for (std::size_t at = (hole + 1) & mask(); !Traits::is_empty(slots_[at]); at = (at + 1) & mask()) {
      const std::size_t home = traits_.hash(slots_[at]) & mask();
      if (((at - home) & mask()) < ((at - hole) & mask())) continue;  // it would come before its home
      slots_[hole] = std::move(slots_[at]);
      hole = at;
    }
    slots_[hole] = T{};
    --size_;
    if (slots_.size() > kLeast && size_ * 8 < slots_.size()) resize(slots_.size() / 2);
  }

  template <class Visit>
  void for_each(const Visit& visit) const {
    for (const T& value : slots_) {
      if (!Traits::is_empty(value)) visit(value);
    }
  }

 private:
  static constexpr std::size_t kLeast = 8;
  std::size_t mask() const { return slots_.size() - 1; }

  T& place(T value) {
    std::size_t at = traits_.hash(value) & mask();
    while (!Traits::is_empty(slots_[at])) at = (at + 1) & mask();
    slots_[at] = std::move(value);
    return slots_[at];
  }
  void resize(std::size_t count) {
    std::vector<T> old(count);
    old.swap(slots_);
    for (T& value : old) {
      if (!Traits::is_empty(value)) place(std::move(value));
    }
  }

  Traits traits_;
  std::vector<T> slots_;  // none, or a power of two
  std::size_t size_ = 0;
};

}  // namespace dunlin::hub
