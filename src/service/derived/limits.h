#pragma once
// The limits of this room. See README.md for what happens past each.

#include <chrono>
#include <cstddef>

#include "base/clock.h"

namespace dunlin::derived {

inline constexpr std::size_t kMaxDefinitions = 500;
inline constexpr std::size_t kMaxExpressionBytes = 4096;
inline constexpr std::size_t kMaxUnitBytes = 32;
/// Channels that one definition reads, and values that it takes of them.
inline constexpr std::size_t kMaxInputs = 16;
inline constexpr std::size_t kMaxFormulaColumns = 64;
/// Pairs of definition and device whose state is kept.
inline constexpr std::size_t kMaxStates = 20'000;
/// Samples of a device that wait for their order.
inline constexpr std::size_t kMaxWaiting = 4096;
/// Values of another device's channel that are remembered.
inline constexpr std::size_t kMaxForeignValues = 64;
/// A text that is kept of a channel.
inline constexpr std::size_t kMaxKeptTextBytes = 1024;
/// A window within an expression; values in it (further ones push out the oldest) are
/// analytics::kMaxWindowEvents.
inline constexpr Duration kMaxSlidingWindow = std::chrono::hours{24 * 31};
inline constexpr Duration kMaxLateness = std::chrono::hours{24};
/// A sample that is so much ahead of our clock is not computed with.
inline constexpr Duration kMaxAhead = std::chrono::minutes{1};
/// What is known of devices is saved so often; a crash has that much computed again.
inline constexpr Duration kSaveInterval = std::chrono::seconds{10};
inline constexpr Duration kLookInterval = std::chrono::seconds{1};
/// A silent device's samples that wait for their order are computed with after this time, beyond its
/// lateness.
inline constexpr Duration kIdle = std::chrono::seconds{60};
/// History: what is read before its beginning so that values that were known then are known; points of a
/// series in one of the store's windows, which is read at once; results of a test.
inline constexpr Duration kLookBack = std::chrono::hours{24};
inline constexpr std::size_t kMaxSlicePoints = 1'000'000;
inline constexpr std::size_t kMaxTestResults = 1000;
/// Runs over history at once.
inline constexpr std::size_t kMaxHistories = 2;

}  // namespace dunlin::derived
