#pragma once

#include <chrono>
#include <cstddef>

#include "base/clock.h"
#include "store/blob/limits.h"

namespace dunlin::blob {

/// How long a blob may be kept, but for ever.
inline constexpr Duration kLongestKeep = std::chrono::hours{24 * 365 * 100};
inline constexpr std::size_t kMaxKeepRules = 100;
/// Of one sender, at once.
inline constexpr std::size_t kMaxUploadsOfOne = 8;
inline constexpr std::size_t kMaxDownloadsOfOne = 32;
inline constexpr std::size_t kMaxDownloads = 256;  // of all
/// What has expired is looked for so often, and after an error.
inline constexpr Duration kSweepInterval = std::chrono::seconds{10};
inline constexpr Duration kSweepRetry = std::chrono::minutes{1};

}  // namespace dunlin::blob
