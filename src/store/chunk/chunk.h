#pragma once
// Points of one series as bytes, and back: what is stored of measurements. Format: docs/formats/chunk.md.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"

namespace dunlin::store {

/// What the points of a chunk have; the texts are bytes of any kind.
enum class ChunkType : std::uint8_t { number, integer, truth, text, bytes, json };

/// One type for all. Truth values are 0 and 1.
using ChunkValues = std::variant<std::vector<double>, std::vector<std::int64_t>, std::vector<std::string>>;

/// Columns of one length, 1 to kMaxChunkPoints.
struct ChunkPoints {
  ChunkType type = ChunkType::number;
  std::vector<std::int64_t> times;  // nanoseconds since 1970, each after the one before
  ChunkValues values;               // double for number; int64 for integer and truth; text for the others
  std::vector<std::uint8_t> marks;  // a byte of the caller's for each point; empty: all are 0
};

/// What is known of a chunk without reading its points. Statistics are of numbers, integers and truth values
/// (as 0 and 1), without NaN.
struct ChunkSummary {
  ChunkType type = ChunkType::number;
  std::size_t points = 0;
  std::int64_t first_time = 0;
  std::int64_t last_time = 0;
  std::size_t numbers = 0;  // points that the statistics are of
  double first = 0;
  double last = 0;
  double min = 0;
  double max = 0;
  double sum = 0;
  double squares = 0;  // of the distances from the mean, summed: variance = squares / numbers
};

/// What `points` would say of themselves. Sums of decimal numbers are made of integers, so that the order of
/// the points and of later sums makes no difference.
ChunkSummary summarise(const ChunkPoints& points);

/// `points` are as described above, or the program ends.
std::string encode_chunk(const ChunkPoints& points);

/// `first_time` is the chunk's, which is kept beside it (in its key). Errors: corrupt, also of a later
/// version.
Result<ChunkSummary> read_chunk_summary(std::int64_t first_time, std::string_view chunk);

/// Exactly what was encoded, bit for bit. Errors: corrupt, also of a later version.
Result<ChunkPoints> decode_chunk(std::int64_t first_time, std::string_view chunk);

}  // namespace dunlin::store
