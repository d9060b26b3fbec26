#pragma once

#include <chrono>
#include <cstddef>

#include "base/clock.h"

namespace dunlin::transport {

inline constexpr std::size_t kMaxJsonDepth = 32;
inline constexpr std::size_t kMaxApiBodyBytes = 1024 * 1024;
/// How long caches may keep revocation lists, OCSP answers and authorities. What is revoked meanwhile they do
/// not know.
inline constexpr Duration kMaxStatusAge = std::chrono::minutes{5};
/// A body of the line protocol when it is unpacked.
inline constexpr std::size_t kMaxUnpackedLineBytes = 8 * 1024 * 1024;
/// Bytes of one upload that wait for the disk; past it the sender is held back.
inline constexpr std::size_t kMaxPendingBlobBytes = 1024 * 1024;
inline constexpr std::size_t kMaxLivePages = 256;
inline constexpr Duration kPageExpiryLook = std::chrono::minutes{1};  // whether its session has ended
inline constexpr std::size_t kMaxSeriesPerPage = 20'000;
inline constexpr std::size_t kMaxSamplesPerFrame =
    5'000;  // past it only the newest value of each series is kept
inline constexpr std::size_t kMaxLiveBacklogBytes =
    1024 * 1024;  // a page that is this far behind gets no new frames until it has read
inline constexpr std::size_t kMaxLiveRequestBytes = 64 * 1024;
inline constexpr std::size_t kQueryPieceBytes = 64 * 1024;  // of an answer that is sent while it is made
inline constexpr Duration kWaitingLook =
    std::chrono::milliseconds{250};  // whether somebody waits for an answer still
inline constexpr Duration kQueryRetry = std::chrono::milliseconds{5};  // until a page has taken its frames
inline constexpr std::size_t kMaxPictureBytes = 512 * 1024;
inline constexpr std::size_t kMaxKeptPictures = 64;  // newest ones, for pages that come late
inline constexpr std::size_t kMaxKeptPictureBytes = 16 * 1024 * 1024;  // of these together
inline constexpr Duration kLiveInterval = std::chrono::milliseconds{100};
inline constexpr Duration kPictureInterval = std::chrono::milliseconds{400};  // per device and page

}  // namespace dunlin::transport
