#pragma once
// What one query may cost.

#include <chrono>
#include <cstddef>

#include "base/clock.h"

namespace dunlin::query {

inline constexpr std::size_t kMaxQueryBytes = 64 * 1024;
inline constexpr std::size_t kMaxNodes = 1000;            // operands and operators of a whole query
inline constexpr std::size_t kMaxBound = 20 * kMaxNodes;  // the same with aliases written out
inline constexpr std::size_t kMaxDepth = 64;              // nested expressions
inline constexpr std::size_t kMaxSelectDepth = 8;         // sub-selects in sub-selects
inline constexpr std::size_t kMaxColumns = 256;           // of a result, of a table that is read
inline constexpr std::size_t kBatchRows = 4096;           // rows that go through the operators at once
inline constexpr std::size_t kMaxGroups = 1'000'000;
inline constexpr std::size_t kAnswerRows = 10'000;      // where the request names no other limit
inline constexpr std::size_t kMaxAnswerRows = 100'000;  // further rows are left out, and the answer says so
inline constexpr std::size_t kMaxAnswerBytes = 16 * 1024 * 1024;  // likewise
inline constexpr std::size_t kMaxTextBytes = 4096;                // of a text that an expression makes
inline constexpr std::size_t kMaxPatternBytes = 128;              // of LIKE
inline constexpr std::size_t kMaxGapBuckets = 100'000;            // of one value of the other keys
inline constexpr std::size_t kMaxQueryMemory = 256 * 1024 * 1024;
inline constexpr Duration kMaxQueryTime = std::chrono::seconds{60};
inline constexpr Duration kMaxStreamTime = std::chrono::hours{1};  // of one whose rows are taken as they come
inline constexpr std::size_t kStreamAheadBytes = 256 * 1024;       // made before they are taken
inline constexpr std::size_t kMaxQueriesPerTenant = 4;
inline constexpr std::size_t kMaxQueryThreads = 16;       // that read and group, for all queries together
inline constexpr std::size_t kMaxQueryIdBytes = 64;       // of the id that a caller gives to a query
inline constexpr std::size_t kSeriesAtOnce = 64;          // that one scan reads
inline constexpr std::size_t kPointsAtOnce = 256 * 1024;  // of such a scan
inline constexpr std::size_t kReadAheadPoints =
    4 * kBatchRows;                                  // of a channel before it waits for the others
inline constexpr std::size_t kBatchesPerSlice = 16;  // before others have their turn

}  // namespace dunlin::query
