#pragma once
// Every bound of this room. A line over one is refused by itself.

#include <cstddef>

namespace dunlin::line_protocol {

inline constexpr std::size_t kMaxLineBytes = 64 * 1024;
inline constexpr std::size_t kMaxFields = 512;     // of a line
inline constexpr std::size_t kMaxTags = 64;        // of a line
inline constexpr std::size_t kMaxNameBytes = 256;  // a measurement, a key, a tag's value; as written

}  // namespace dunlin::line_protocol
