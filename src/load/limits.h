#pragma once
// Every bound of this room. The README explains what happens at each.

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"

namespace dunlin::load {

inline constexpr std::size_t kStampBytes = 16;  // the least payload
inline constexpr std::size_t kMaxPayloadBytes = 16 * 1024 * 1024;
inline constexpr std::size_t kMaxConnections = 19'000;  // below the descriptors that a process usually has
inline constexpr std::size_t kMaxConnecting = 128;      // connections being set up at once
/// Publishers times subscribers where every subscriber follows every publisher.
inline constexpr std::size_t kMaxStreams = 1'000'000;
/// Gaps in one publisher's numbers that one subscriber remembers.
inline constexpr std::size_t kMaxGaps = 65'536;

inline constexpr std::size_t kQos0Window = 1000;  // the usual windows
inline constexpr std::size_t kQos12Window = 100;
/// Of a publisher; below the number of packet identifiers, so that none is used twice at once.
inline constexpr std::size_t kMaxWindow = 60'000;
/// Of all publishers together, for the usual window.
inline constexpr std::size_t kMaxDeliveriesInFlight = 20'000;
inline constexpr std::size_t kMaxBytesInFlight = 256 * 1024 * 1024;
/// With a rate: a publisher with more output waiting than this sends later.
inline constexpr std::size_t kMaxOutputBacklog = 1024 * 1024;

inline constexpr double kMaxRate = 10'000'000;  // messages a second of all publishers
inline constexpr Duration kMaxDuration = std::chrono::hours{24};
inline constexpr std::size_t kMaxRetained = 1'000'000;
inline constexpr std::size_t kMaxSubscriptions = 1'000'000;  // further ones, beside those of the mode
inline constexpr std::size_t kSubscriptionsPerClient = 10'000;
inline constexpr std::size_t kFiltersPerPacket = 50;
inline constexpr std::size_t kMaxTopicPrefixBytes = 256;
inline constexpr std::size_t kMaxCredentialBytes = 64 * 1024;  // of a file

inline constexpr Duration kStallLimit = std::chrono::seconds{5};  // the usual patience
inline constexpr Duration kDialDeadline = std::chrono::seconds{10};
inline constexpr Duration kRedialPause = std::chrono::milliseconds{100};  // churn, after a failure

/// `bench tls`: clients at once; handshakes of one kind in a round; rounds; and how long one round's may
/// take.
inline constexpr std::size_t kTlsBenchLanes = 8;
inline constexpr std::uint64_t kMaxTlsBenchHandshakes = 100'000;
inline constexpr std::uint64_t kMaxTlsBenchRounds = 1000;
inline constexpr Duration kTlsBenchPatience = std::chrono::minutes{5};

/// `bench storm`: what a device asks for, so that no ping is due while it lasts.
inline constexpr std::uint16_t kStormKeepAlive = 600;
/// Of the file with the devices.
inline constexpr std::size_t kMaxDeviceFileBytes = 256 * 1024 * 1024;

/// Of the null forwarder: output that waits for a subscriber before its publishers are held.
inline constexpr std::size_t kMaxForwardBacklog = 4 * 1024 * 1024;

}  // namespace dunlin::load
