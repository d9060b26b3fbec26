#pragma once
// Every bound of the room in one place; the README repeats them as a table.

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"

namespace dunlin::store {

/// No record of the journal is larger, whatever the options say: lengths are stored in 31 bits and groups
/// in 32.
inline constexpr std::size_t kMaxRecordBytes = 1024UL * 1024 * 1024;
/// Files of removed segments that are kept for next ones; never more than were begun since the last removal.
inline constexpr std::size_t kMaxSpareSegments = 8;
/// How far ahead of its end a segment is written with zeros, in steps of half of it or more.
inline constexpr std::size_t kClearedAhead = 2 * 1024 * 1024;
/// Zeros that the next segment is written with at a time, while the one before it is filled.
inline constexpr std::size_t kClearedStep = 1024 * 1024;
/// Bytes of a commit that are written at a time, and the memory for it.
inline constexpr std::size_t kMaxWriteBytes = 256 * 1024;
/// Recent records of the journal that are kept in memory for consumers that keep up.
inline constexpr std::size_t kTailBytes = 4 * 1024 * 1024;
/// What the tail shrinks to when nothing was appended for kIdleDelay.
inline constexpr std::size_t kIdleTailBytes = 64 * 1024;
inline constexpr Duration kIdleDelay = std::chrono::seconds{1};
/// Group buffers larger than this are not kept for the next group.
inline constexpr std::size_t kKeptBufferBytes = 8 * 1024 * 1024;
/// Cursors of one journal, and the length of a cursor's name.
inline constexpr std::size_t kMaxCursors = 1'000'000;
inline constexpr std::size_t kMaxCursorName = 1024;
/// Cursors are saved at most this long after they moved.
inline constexpr Duration kCheckpointDelay = std::chrono::seconds{1};
/// Every so many bytes of a segment the journal remembers where a record begins.
inline constexpr std::size_t kMarkSpacing = 64 * 1024;
inline constexpr std::size_t kTailMarkSpacing = 8 * 1024;
/// Places where readers of old records stopped, so that the next read goes on there.
inline constexpr std::size_t kReadHints = 64;

/// Keyed: one key, one value, the keys and values of one batch.
inline constexpr std::size_t kMaxKeyBytes = 64 * 1024;
inline constexpr std::size_t kMaxValueBytes = 256UL * 1024 * 1024 + 64 * 1024;
inline constexpr std::size_t kMaxBatchBytes = 512UL * 1024 * 1024;

/// Repository: changes of one write, answers of one find(), a document's id, body, index fields and their
/// names and values.
inline constexpr std::size_t kMaxChanges = 10'000;
inline constexpr std::size_t kMaxFound = 10'000;
inline constexpr std::size_t kMaxDocumentId = 1024;
inline constexpr std::size_t kMaxDocumentBytes = 16UL * 1024 * 1024;
inline constexpr std::size_t kMaxIndexFields = 64;
inline constexpr std::size_t kMaxIndexText = 4096;
/// Documents in a repository's cache, and the longest of them.
inline constexpr std::size_t kCachedDocuments = 4096;
inline constexpr std::size_t kMaxCachedBytes = 4096;

}  // namespace dunlin::store
