#pragma once
// Every bound of this room.

#include <cstddef>

namespace dunlin::proxy {

/// The longest line of version 1, with its CRLF (specification, section 2.1).
inline constexpr std::size_t kMaxLineBytes = 107;
/// A whole header of version 2. The format allows 65,551; what proxies add (TLVs) is far below this.
inline constexpr std::size_t kMaxHeaderBytes = 4096;
/// Type-length-value fields of one header.
inline constexpr std::size_t kMaxFields = 64;

}  // namespace dunlin::proxy
