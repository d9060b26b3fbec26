#pragma once
// The limits of this room. See README.md for what happens past each.

#include <cstddef>

namespace dunlin::analytics {

/// Bytes of one line of a CSV file, without its end.
inline constexpr std::size_t kMaxLineBytes = 4096;
/// Columns of a CSV file; those past them are not looked at.
inline constexpr std::size_t kMaxColumns = 256;

}  // namespace dunlin::analytics
