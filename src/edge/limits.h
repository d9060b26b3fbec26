#pragma once
// Every bound of the gateway; those of its parts are in their rooms.

#include <cstddef>
#include <cstdint>

namespace dunlin::edge {

inline constexpr std::size_t kMaxDevices = 10'000;    // [[device]] tables
inline constexpr std::size_t kMaxPemBytes = 1024 * 1024;
inline constexpr std::size_t kMaxLocalPacketBytes = 512 * 1024;  // half of what the platform takes: stamps and marks make a message longer
inline constexpr std::uint64_t kMinSegmentBytes = 64 * 1024;
inline constexpr std::uint64_t kMaxSegmentBytes = 16 * 1024 * 1024;

}  // namespace dunlin::edge
