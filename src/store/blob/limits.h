#pragma once
// Every bound of the room; the README repeats them as a table.

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"

namespace dunlin::store {

inline constexpr std::size_t kMaxBlobDeviceBytes = 128;  // a thing's name
inline constexpr std::size_t kMaxBlobNameBytes = 255;
inline constexpr std::size_t kMaxMediaTypeBytes = 127;
/// Blobs that are coming in at once, of all tenants.
inline constexpr std::size_t kMaxUploads = 64;
/// Holders of one content within a tenant.
inline constexpr std::size_t kMaxHolders = 1000;
/// Rows of an index that one page of a list looks at.
inline constexpr std::size_t kMaxRowsLookedAt = 10'000;
inline constexpr std::size_t kRowsPerLook = 250;
/// Blobs that go in one write because their time is over.
inline constexpr std::size_t kExpiredAtOnce = 100;
/// What a write that failed has left on the disk is looked for after this.
inline constexpr Duration kSweepRetry = std::chrono::minutes{1};

}  // namespace dunlin::store
