#pragma once
// Every bound of the bridges.

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"

namespace dunlin::bridge {

inline constexpr std::size_t kMaxBridges = 64;
inline constexpr std::size_t kMaxTopicsPerBridge = 256;
inline constexpr std::size_t kMaxNameBytes = 64;
inline constexpr std::size_t kMaxPrefixBytes = 1024;
inline constexpr std::size_t kMaxSecretBytes = 64 * 1024;  // of a password, key or certificate file
inline constexpr std::size_t kMaxHops = 8;                 // servers that a message may have passed
inline constexpr std::size_t kMaxInFlight = 100;           // QoS 1 and 2 on their way to the peer
inline constexpr std::size_t kMaxPrepared = 1000;   // messages in memory on their way out, of one bridge
inline constexpr std::size_t kMaxBatch = 256;       // read from the journal at once
inline constexpr std::size_t kMaxWaiting = 10'000;  // not journalled and waiting; past it the oldest go
inline constexpr std::uint64_t kMinQueueBytes = 1024 * 1024;
inline constexpr Duration kRetryInterval = std::chrono::seconds{1};
inline constexpr Duration kSaveInterval = std::chrono::milliseconds{200};
inline constexpr Duration kReliefInterval = std::chrono::seconds{2};
inline constexpr Duration kProbeDeadline = std::chrono::seconds{20};

}  // namespace dunlin::bridge
