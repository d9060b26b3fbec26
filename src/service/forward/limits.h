#pragma once
// Every bound of store-and-forward and of aggregation.

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"

namespace dunlin::forward {

inline constexpr std::size_t kMaxFilters = 256;             // of what goes up; likewise of aggregation rules
inline constexpr std::size_t kMaxAggregatedChannels = 10'000;  // further ones are counted and not summarised
inline constexpr std::uint64_t kMaxWindowCount = 1'000'000;
inline constexpr Duration kMaxWindow = std::chrono::hours{24};
inline constexpr Duration kWindowGrace = std::chrono::seconds{1};  // a window of time closes this late at most

inline constexpr std::size_t kMaxInFlight = 100;     // publishes without the platform's acknowledgement
inline constexpr std::size_t kMaxPrepared = 512;     // messages in memory before the next batch is asked for
inline constexpr std::size_t kMaxBatch = 256;        // of the journal's consumers
inline constexpr std::size_t kMaxWaiting = 1024;     // messages of a consumer in memory; the rest is on the disk
inline constexpr std::size_t kSaveEvery = 1000;      // acknowledged messages between two saves of the cursor ...
inline constexpr Duration kSaveInterval = std::chrono::seconds{1};   // ... or this much time
inline constexpr Duration kRetryInterval = std::chrono::seconds{1};
inline constexpr Duration kReliefInterval = std::chrono::seconds{2};  // between two rounds of dropping
inline constexpr std::uint64_t kMinJournalBytes = 1024 * 1024;
inline constexpr std::size_t kMaxChildren = 10'000;  // things behind one gateway whose presence is told
/// A clock that is set back by more than this starts the stamps anew; by less, they go on behind the last.
inline constexpr std::int64_t kMaxStampLeadMicroseconds = 1'000'000;

}  // namespace dunlin::forward
