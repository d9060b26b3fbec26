#include "store/log_format.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "store/crc32c.h"
#include "store/encoding.h"
#include "store/limits.h"

namespace dunlin::store {
namespace {

constexpr std::array<std::uint8_t, 8> kMagic{'D', 'U', 'N', 'L', 'I', 'N', 'J', 0x0A};
constexpr std::uint8_t kVersion = 1;
// Frames other than records have the top bit of their second word set, which no record's length has.
constexpr std::uint32_t kGroupTag = 0xD1470047U;
constexpr std::uint32_t kLinkTag = 0xD147004CU;
constexpr std::size_t kNameDigits = 20;
constexpr std::string_view kNameEnding = ".segment";
constexpr std::string_view kSpareEnding = ".spare";

std::uint32_t checksum_of_place(std::uint32_t salt, Position position) {
  std::array<std::uint8_t, sizeof position> bytes{};
  store_number(bytes.data(), position);
  return crc32c(salt, bytes);
}

/// Fills the checksum of a frame with fixed size: it covers everything behind itself.
void seal_fixed(std::uint32_t salt, std::uint8_t* frame, std::size_t size) {
  store_number(frame, crc32c(salt, {frame + 4, size - 4}));
}

bool fixed_is_valid(std::uint32_t salt, ByteView frame) {
  return load_number<std::uint32_t>(frame.data()) == crc32c(salt, frame.subspan(4));
}

std::string twenty_digits(Position position) {
  std::string digits = std::to_string(position);
  return std::string(kNameDigits - digits.size(), '0').append(digits);
}

Frame frame_of(Frame::Type type, std::size_t size) {
  Frame frame;
  frame.type = type;
  frame.size = size;
  return frame;
}

Frame parse_group(std::uint32_t salt, ByteView bytes) {
  if (bytes.size() < kGroupHeaderBytes) return frame_of(Frame::Type::incomplete, kGroupHeaderBytes);
  if (!fixed_is_valid(salt, bytes.first(kGroupHeaderBytes))) return {};
  Frame frame = frame_of(Frame::Type::group, kGroupHeaderBytes);
  frame.group.first = load_number<std::uint64_t>(bytes.data() + 8);
  frame.group.bytes = load_number<std::uint32_t>(bytes.data() + 16);
  frame.group.count = load_number<std::uint32_t>(bytes.data() + 20);
  return frame;
}

Frame parse_link(std::uint32_t salt, ByteView bytes) {
  if (bytes.size() < kLinkBytes) return frame_of(Frame::Type::incomplete, kLinkBytes);
  if (!fixed_is_valid(salt, bytes.first(kLinkBytes))) return {};
  Frame frame = frame_of(Frame::Type::link, kLinkBytes);
  frame.link.previous_first = load_number<std::uint64_t>(bytes.data() + 8);
  frame.link.previous_bytes = load_number<std::uint64_t>(bytes.data() + 16);
  return frame;
}

}  // namespace

std::vector<std::uint8_t> encode_segment_header(const SegmentHeader& header) {
  std::vector<std::uint8_t> bytes(kSegmentHeaderBytes);
  std::ranges::copy(kMagic, bytes.begin());
  bytes[8] = kVersion;
  store_number(bytes.data() + 12, header.salt);
  store_number(bytes.data() + 28, crc32c(0, ByteView{bytes}.first(28)));
  return bytes;
}

Result<SegmentHeader> decode_segment_header(ByteView bytes) {
  if (bytes.size() < kSegmentHeaderBytes) return fail(Errc::corrupt, "the segment's header is cut off");
  if (!std::ranges::equal(bytes.first(kMagic.size()), kMagic))
    return fail(Errc::corrupt, "not a journal segment");
  if (load_number<std::uint32_t>(bytes.data() + 28) != crc32c(0, bytes.first(28))) {
    return fail(Errc::corrupt, "the segment's header fails its checksum");
  }
  if (bytes[8] != kVersion) return fail(Errc::unsupported, "journal version " + std::to_string(bytes[8]));
  return SegmentHeader{load_number<std::uint32_t>(bytes.data() + 12)};
}

std::vector<std::uint8_t> encode_link(std::uint32_t salt, const Link& link) {
  std::vector<std::uint8_t> bytes(kLinkBytes);
  store_number(bytes.data() + 4, kLinkTag);
  store_number(bytes.data() + 8, link.previous_first);
  store_number(bytes.data() + 16, link.previous_bytes);
  seal_fixed(salt, bytes.data(), bytes.size());
  return bytes;
}

void encode_group_header(std::uint32_t salt, const GroupHeader& header, std::uint8_t* to) {
  store_number(to + 4, kGroupTag);
  store_number(to + 8, header.first);
  store_number(to + 16, header.bytes);
  store_number(to + 20, header.count);
  seal_fixed(salt, to, kGroupHeaderBytes);
}

void encode_record(std::uint32_t salt, Position position, std::uint8_t kind, ByteView bytes,
                   std::uint8_t* to) {
  store_number(to + 4, static_cast<std::uint32_t>(bytes.size()));
  to[8] = kind;
  if (!bytes.empty()) std::memcpy(to + kRecordHeaderBytes, bytes.data(), bytes.size());
  const std::uint32_t seed = checksum_of_place(salt, position);
  store_number(to, crc32c(seed, {to + 4, kRecordHeaderBytes - 4 + bytes.size()}));
}

Frame parse_frame(std::uint32_t salt, Position position, ByteView bytes) {
  if (bytes.size() < kRecordHeaderBytes) return frame_of(Frame::Type::incomplete, kRecordHeaderBytes);
  const auto length = load_number<std::uint32_t>(bytes.data() + 4);
  if (length == kGroupTag) return parse_group(salt, bytes);
  if (length == kLinkTag) return parse_link(salt, bytes);
  if (length > kMaxRecordBytes) return {};
  const std::size_t size = kRecordHeaderBytes + length;
  if (bytes.size() < size) return frame_of(Frame::Type::incomplete, size);
  const std::uint32_t expected = crc32c(checksum_of_place(salt, position), bytes.subspan(4, size - 4));
  if (load_number<std::uint32_t>(bytes.data()) != expected) return {};
  Frame frame = frame_of(Frame::Type::record, size);
  frame.record = {bytes[8], bytes.subspan(kRecordHeaderBytes, length)};
  return frame;
}

std::optional<std::size_t> find_group(std::uint32_t salt, Position least, ByteView bytes) {
  std::array<std::uint8_t, 4> tag{};
  store_number(tag.data(), kGroupTag);
  auto at = bytes.begin();
  while (true) {
    at = std::search(at, bytes.end(), tag.begin(), tag.end());
    if (at == bytes.end()) return std::nullopt;
    const auto tag_offset = static_cast<std::size_t>(at - bytes.begin());
    ++at;
    if (tag_offset < 4) continue;
    const Frame frame = parse_group(salt, bytes.subspan(tag_offset - 4));
    if (frame.type == Frame::Type::group && frame.group.first >= least) return tag_offset - 4;
  }
}

std::string segment_name(Position first) {
  return twenty_digits(first).append(kNameEnding);
}

std::string spare_name(Position first) {
  return twenty_digits(first).append(kSpareEnding);
}

bool is_spare_name(std::string_view name) {
  return name.size() == kNameDigits + kSpareEnding.size() && name.ends_with(kSpareEnding);
}

std::optional<Position> parse_segment_name(std::string_view name) {
  if (name.size() != kNameDigits + kNameEnding.size() || !name.ends_with(kNameEnding)) return std::nullopt;
  const std::string_view digits = name.substr(0, kNameDigits);
  Position first = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), first);
  if (error != std::errc{} || end != digits.data() + digits.size() || first == 0) return std::nullopt;
  return first;
}

}  // namespace dunlin::store
