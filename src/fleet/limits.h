#pragma once
// Every bound of a simulated site.

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"

namespace dunlin::fleet {

inline constexpr std::size_t kMaxDevices = 100'000;       // of a site
inline constexpr std::size_t kMaxChannelsPerDevice = 64;  // and as many actuators
inline constexpr std::size_t kMaxTermsPerChannel = 16;    // quantities that one channel follows
inline constexpr std::size_t kMaxNameBytes = 128;         // of a project, site, type, device or channel
inline constexpr std::size_t kMaxEndpoints = 64;          // of [connect] endpoints
inline constexpr std::size_t kMaxQueuedSamples = 10'000;  // of one device while it is offline
inline constexpr std::size_t kMaxQueuedBytes = 4 << 20;   // of one device while it is offline
inline constexpr std::size_t kMaxHeldBytes = 1 << 20;     // written to a connection without signal
inline constexpr std::size_t kMaxHeldConnections =
    16;  // dead ones of one device, kept until the signal is back
inline constexpr std::size_t kMaxShadowBytes = 16 * 1024;      // of a shadow message to a device
inline constexpr std::size_t kMaxSeriesRows = 1'000'000;       // of an embedded series
inline constexpr std::size_t kMaxCredentialBytes = 64 * 1024;  // of a token, certificate or key file
inline constexpr int kMaxPictureSide = 2048;                   // pixels
inline constexpr Duration kLeastInterval = std::chrono::milliseconds{10};
inline constexpr Duration kActuatorStep =
    std::chrono::milliseconds{200};  // how often a moving actuator moves on
inline constexpr Duration kShadowSyncDelay =
    std::chrono::milliseconds{100};  // between CONNACK and the first report
inline constexpr Duration kStopDeadline = std::chrono::seconds{5};

}  // namespace dunlin::fleet
