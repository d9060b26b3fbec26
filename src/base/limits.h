#pragma once
// The limits of this room. See README.md for what happens past each.

#include <chrono>
#include <cstddef>

namespace dunlin {

/// Bytes of one log message or value that are written; the rest is cut and marked.
inline constexpr std::size_t kMaxLogValueBytes = 1024;
/// Pairs of message and peer that log::refusal() tells apart within one window.
inline constexpr std::size_t kMaxRefusalEntries = 4096;
/// A refusal of one message to one peer is written once in this time.
inline constexpr std::chrono::seconds kRefusalWindow{60};
/// Label sets of one metric. Further ones share the label value "other".
inline constexpr std::size_t kMaxSeriesPerMetric = 1000;
/// Bytes of a configuration file.
inline constexpr std::size_t kMaxConfigBytes = 1024 * 1024;
/// Tables in one [[array]] of a configuration file.
inline constexpr std::size_t kMaxConfigRows = 10'000;
/// Characters of an RFC 3339 time.
inline constexpr std::size_t kMaxTimeTextBytes = 64;

/// Bytes of a folder's snapshot that are kept in memory because they are overwritten before they are read,
/// and files of one.
inline constexpr std::size_t kMaxSnapshotBytes = 64UL * 1024 * 1024;
inline constexpr std::size_t kMaxSnapshotFiles = 1'000'000;

/// Of the memory budget: where a level begins, and where it ends again.
inline constexpr unsigned kTightPercent = 85;
inline constexpr unsigned kTightEndsPercent = 75;
inline constexpr unsigned kCriticalPercent = 95;
inline constexpr unsigned kCriticalEndsPercent = 88;

}  // namespace dunlin
