#pragma once
// Every bound of the HTTP room. Past one the peer gets the status named here and the connection ends.

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"
#include "net/limits.h"

namespace dunlin::net::http {

inline constexpr std::size_t kMaxHeaderBytes = 16 * 1024;          // start line and fields together: 431
inline constexpr std::size_t kMaxHeaderFields = 100;               // 431
inline constexpr std::size_t kMaxTargetBytes = 8 * 1024;           // request target as sent: 414
inline constexpr std::size_t kMaxPathSegments = 32;                // 414
inline constexpr std::size_t kMaxQueryParameters = 64;             // 414
inline constexpr std::size_t kMaxChunkExtensionBytes = 256;        // one chunk's extensions: 400
inline constexpr std::size_t kMaxChunkExtensionBytesInAll = 4096;  // all chunks of a message: 400
inline constexpr std::size_t kMaxTrailerBytes =
    4096;  // a chunk header line, or the last one with its trailers: 400
inline constexpr std::size_t kMaxEmptyLines = 4;  // before a request line (RFC 9112 section 2.2): 400
inline constexpr std::size_t kMaxPipelined = 8;   // requests of one connection in work; more wait unread
inline constexpr std::size_t kMaxCookies = 32;    // further ones are not looked at

inline constexpr std::uint64_t kDefaultMaxBodyBytes = 1024 * 1024;          // request: 413
inline constexpr std::uint64_t kDefaultMaxResponseBytes = 8 * 1024 * 1024;  // client side
inline constexpr std::size_t kDefaultMaxConnections = 4096;  // one server; more are closed at once

// A body is cut off here until the peer takes more; above the high mark, so that on_output_drained follows.
inline constexpr std::size_t kWriteAheadBytes = kOutputHighMark + 64 * 1024;
inline constexpr std::size_t kWritePieceBytes = 64 * 1024;
inline constexpr std::size_t kMaxPooledPerEndpoint = 4;  // idle client connections kept
inline constexpr std::size_t kMaxPooled = 64;            // likewise, of one client

inline constexpr Duration kHeaderDeadline = std::chrono::seconds{10};  // first byte to end of header: 408
inline constexpr Duration kBodyDeadline = std::chrono::seconds{30};    // end of header to end of body: 408
// A body that is read while it comes may take as long as it likes, but must bring so much in each body
// deadline: 408. Time for which it was held back does not count.
inline constexpr std::uint64_t kLeastBodyProgress = 4 * 1024;
inline constexpr std::size_t kSourcePieceBytes = 256 * 1024;  // asked of a body that is made while it is sent
inline constexpr Duration kIdleDeadline =
    std::chrono::seconds{75};  // between requests: closed without an answer
inline constexpr Duration kWriteStallDeadline = std::chrono::seconds{30};  // the peer takes no byte: cut off
inline constexpr Duration kWriteRetryInterval = std::chrono::milliseconds{100};
// A body that waits for "100 Continue" goes without one after this (RFC 9110 section 10.1.1).
inline constexpr Duration kContinueDelay = std::chrono::seconds{1};
inline constexpr Duration kPoolIdleDeadline = std::chrono::seconds{15};

}  // namespace dunlin::net::http
