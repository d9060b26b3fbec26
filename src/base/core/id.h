#pragma once
// Strong identifiers: two ids of different tags never mix.

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace dunlin {

/// A number that names one thing of the kind `Tag`. Zero means "none".
template <class Tag, class Representation = std::uint64_t>
struct Id {
  Representation value = 0;

  constexpr explicit operator bool() const { return value != 0; }
  friend constexpr auto operator<=>(const Id&, const Id&) = default;
};

}  // namespace dunlin

template <class Tag, class Representation>
struct std::hash<dunlin::Id<Tag, Representation>> {
  std::size_t operator()(const dunlin::Id<Tag, Representation>& id) const noexcept {
    return std::hash<Representation>{}(id.value);
  }
};
