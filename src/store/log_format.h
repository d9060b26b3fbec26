#pragma once
// The bytes of the journal's segments: docs/formats/journal.md. Pure functions, any thread.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/core/bytes.h"
#include "base/result.h"
#include "store/log.h"

namespace dunlin::store {

inline constexpr std::size_t kSegmentHeaderBytes = 32;
inline constexpr std::size_t kLinkBytes = 24;
inline constexpr std::size_t kGroupHeaderBytes = 24;
inline constexpr std::size_t kRecordHeaderBytes = 9;
/// The file that waits to become the next segment.
inline constexpr std::string_view kNextSegmentName = "next.segment";

struct SegmentHeader {
  std::uint32_t salt = 0;  // of the whole log; seeds every checksum
};

/// First in a segment's first write: what the segment before it holds, so that a lost one is noticed.
struct Link {
  Position previous_first = 0;  // 0: there was none
  std::uint64_t previous_bytes = 0;
};

/// Before the records of one commit.
struct GroupHeader {
  Position first = 0;       // position of its first record
  std::uint32_t bytes = 0;  // of its records with their headers
  std::uint32_t count = 0;
};

std::vector<std::uint8_t> encode_segment_header(const SegmentHeader& header);
/// Errors: corrupt, unsupported (a later version).
Result<SegmentHeader> decode_segment_header(ByteView bytes);

std::vector<std::uint8_t> encode_link(std::uint32_t salt, const Link& link);
/// Writes kGroupHeaderBytes to `to`.
void encode_group_header(std::uint32_t salt, const GroupHeader& header, std::uint8_t* to);
/// Writes kRecordHeaderBytes and the bytes to `to`.
void encode_record(std::uint32_t salt, Position position, std::uint8_t kind, ByteView bytes,
                   std::uint8_t* to);

struct RecordView {
  std::uint8_t kind = 0;
  ByteView bytes;
};
struct Frame {
  enum class Type {
    record,  // checked when it was parsed
    group,
    link,
    incomplete,  // `size` bytes are needed to tell
    damaged,
  } type = Type::damaged;
  std::size_t size = 0;
  RecordView record;
  GroupHeader group;
  Link link;
};

/// What `bytes` begin with. `position` is the one that a record here would have; checked are length, checksum
/// and place.
Frame parse_frame(std::uint32_t salt, Position position, ByteView bytes);

/// The first offset at which a valid group header with a first position of at least `least` begins.
std::optional<std::size_t> find_group(std::uint32_t salt, Position least, ByteView bytes);

std::string segment_name(Position first);
/// The first position that a segment's name tells; nullopt for the name of another file.
std::optional<Position> parse_segment_name(std::string_view name);
/// Of the file of a segment that nobody needs any more, kept to be written anew.
std::string spare_name(Position first);
bool is_spare_name(std::string_view name);

}  // namespace dunlin::store
