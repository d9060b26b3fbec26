#pragma once
// Every bound of the WebSocket room.

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"

namespace dunlin::net::websocket {

inline constexpr std::uint64_t kDefaultMaxMessageBytes = 1024 * 1024;  // a message past it: close 1009
inline constexpr std::size_t kMaxFragments = 4096;                     // frames of one message: close 1008
inline constexpr std::size_t kMaxControlPayload = 125;                 // RFC 6455 section 5.5: close 1002
inline constexpr std::size_t kMaxCloseReason = 123;                    // what fits beside the code
inline constexpr std::size_t kMaxPongBacklog = 64 * 1024;  // with more output waiting a ping is not answered
inline constexpr std::size_t kMaxBatchBytes = 64 * 1024;   // writes of a stream joined into one frame
inline constexpr std::size_t kMaxSubprotocols = 16;        // offered in a handshake; more are refused

inline constexpr Duration kCloseDeadline = std::chrono::seconds{5};  // for the peer's close frame
inline constexpr Duration kPingInterval = std::chrono::seconds{30};  // without a byte from the peer

}  // namespace dunlin::net::websocket
