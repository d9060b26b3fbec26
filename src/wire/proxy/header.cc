#include "wire/proxy/header.h"

#include <algorithm>
#include <optional>

#include "base/core/crc32c.h"
#include "wire/proxy/address_text.h"

namespace dunlin::proxy {
namespace {

using Status = HeaderResult::Status;

// Section 2.2: the first bytes of version 2, which begin no other protocol.
constexpr std::array<std::uint8_t, 12> kSignature{0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D,
                                                  0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A};
constexpr std::string_view kLineBegin = "PROXY ";
constexpr std::size_t kFixedBytes = 16;       // of version 2
constexpr std::uint8_t kChecksumType = 0x03;  // PP2_TYPE_CRC32C
constexpr std::size_t kFieldHeadBytes = 3;

HeaderResult refuse(std::string_view why) {
  return {Status::error, 0, {}, why};
}

HeaderResult complete(std::size_t length, const Header& header) {
  return {Status::complete, length, header, {}};
}

bool begins_alike(ByteView stream, ByteView wanted) {
  const std::size_t common = std::min(stream.size(), wanted.size());
  return std::equal(wanted.begin(), wanted.begin() + static_cast<std::ptrdiff_t>(common), stream.begin());
}

// ---- version 1 ----

/// Cuts the text up to the next space off the front.
std::string_view take_word(std::string_view& rest) {
  const std::size_t space = rest.find(' ');
  const std::string_view word = rest.substr(0, space);
  rest = space == std::string_view::npos ? std::string_view{} : rest.substr(space + 1);
  return word;
}

HeaderResult read_words(std::string_view line, std::size_t length) {
  Header header;
  header.version = 1;
  std::string_view rest = line.substr(kLineBegin.size());
  const std::string_view protocol = take_word(rest);
  // Section 2.1: whatever follows UNKNOWN up to the end of the line is ignored.
  if (protocol == "UNKNOWN") return complete(length, header);
  if (protocol != "TCP4" && protocol != "TCP6") return refuse("the protocol is not TCP4, TCP6 or UNKNOWN");
  header.family = protocol == "TCP4" ? Family::ipv4 : Family::ipv6;
  header.transport = Transport::stream;
  const auto read = header.family == Family::ipv4 ? read_ipv4 : read_ipv6;
  const auto source = read(take_word(rest));
  const auto destination = read(take_word(rest));
  if (!source || !destination) return refuse("an address is not one of the named family");
  const auto source_port = read_number(take_word(rest), 65535);
  // What is left must be the number alone: no space may follow.
  const auto destination_port = read_number(rest, 65535);
  if (!source_port || !destination_port) return refuse("a port is not a number of 0 to 65535");
  header.source = {*source, static_cast<std::uint16_t>(*source_port)};
  header.destination = {*destination, static_cast<std::uint16_t>(*destination_port)};
  return complete(length, header);
}

HeaderResult read_line(ByteView stream) {
  const std::string_view text = as_text(stream.first(std::min(stream.size(), kMaxLineBytes)));
  const std::size_t end = text.find('\r');
  if (end == std::string_view::npos || end + 1 == text.size()) {
    if (text.size() == kMaxLineBytes) return refuse("the line of version 1 is too long");
    return {};
  }
  if (text[end + 1] != '\n') return refuse("the line of version 1 does not end in CRLF");
  if (end < kLineBegin.size()) return refuse("the line of version 1 is too short");
  return read_words(text.substr(0, end), end + 2);
}

// ---- version 2 ----

std::uint16_t number_at(ByteView bytes, std::size_t at) {
  return static_cast<std::uint16_t>(bytes[at] << 8 | bytes[at + 1]);
}

std::optional<std::size_t> address_bytes(Family family) {
  switch (family) {
    case Family::ipv4:
      return 4;
    case Family::ipv6:
      return 16;
    case Family::local_socket:
      return 108;
    case Family::unknown:
      break;
  }
  return std::nullopt;
}

/// Section 2.2.3: the sum over the whole header with the field's own value as zeros.
bool checksum_is_right(ByteView header, std::size_t value_at) {
  const std::array<std::uint8_t, 4> zeros{};
  std::uint32_t sum = crc32c_portable(0, header.first(value_at));
  sum = crc32c_portable(sum, zeros);
  sum = crc32c_portable(sum, header.subspan(value_at + zeros.size()));
  const auto high = static_cast<std::uint32_t>(number_at(header, value_at));
  return sum == (high << 16 | number_at(header, value_at + 2));
}

/// Why the fields after the addresses are wrong; empty if they are right.
std::string_view check_fields(ByteView header, std::size_t at) {
  bool checksum_seen = false;
  for (std::size_t count = 0; at < header.size(); ++count) {
    if (count == kMaxFields) return "too many type-length-value fields";
    if (header.size() - at < kFieldHeadBytes) return "a type-length-value field is cut off";
    const std::uint8_t type = header[at];
    const std::size_t length = number_at(header, at + 1);
    at += kFieldHeadBytes;
    if (length > header.size() - at) return "a type-length-value field is longer than its header";
    if (type == kChecksumType) {
      if (length != 4 || checksum_seen) return "the checksum is not one field of four bytes";
      checksum_seen = true;
      if (!checksum_is_right(header, at)) return "the checksum is wrong";
    }
    at += length;
  }
  return {};
}

HeaderResult read_binary_body(ByteView bytes, Header header) {
  // Section 2.2: of LOCAL and UNSPEC the block is skipped, whatever it holds.
  if (header.command == Header::Command::local) {
    header.family = Family::unknown;
    header.transport = Transport::unknown;
  }
  const auto size = address_bytes(header.family);
  if (!size) return complete(bytes.size(), header);
  const bool has_ports = header.family != Family::local_socket;
  const std::size_t addresses = 2 * *size + (has_ports ? 4 : 0);
  if (bytes.size() < kFixedBytes + addresses) return refuse("the header is too short for its addresses");
  if (has_ports) {
    const ByteView at = bytes.subspan(kFixedBytes);
    std::copy_n(at.begin(), *size, header.source.bytes.begin());
    std::copy_n(at.begin() + static_cast<std::ptrdiff_t>(*size), *size, header.destination.bytes.begin());
    header.source.port = number_at(at, 2 * *size);
    header.destination.port = number_at(at, 2 * *size + 2);
  }
  if (const auto why = check_fields(bytes, kFixedBytes + addresses); !why.empty()) return refuse(why);
  return complete(bytes.size(), header);
}

HeaderResult read_binary(ByteView stream) {
  if (stream.size() <= kSignature.size()) return {};
  const std::uint8_t version_and_command = stream[12];
  if (version_and_command >> 4 != 2) return refuse("the version is not 2");
  if ((version_and_command & 0x0FU) > 1) return refuse("the command is neither LOCAL nor PROXY");
  if (stream.size() < 14) return {};
  const unsigned family = stream[13] >> 4;
  const unsigned transport = stream[13] & 0x0FU;
  if (family > 3 || transport > 2) return refuse("the address family or transport is not known");
  if (stream.size() < kFixedBytes) return {};
  const std::size_t length = kFixedBytes + number_at(stream, 14);
  if (length > kMaxHeaderBytes) return refuse("the header is too long");
  if (stream.size() < length) return {};
  Header header;
  header.version = 2;
  header.command = (version_and_command & 0x0FU) == 0 ? Header::Command::local : Header::Command::proxy;
  header.family = static_cast<Family>(family);
  header.transport = static_cast<Transport>(transport);
  return read_binary_body(stream.first(length), header);
}

}  // namespace

HeaderResult read_header(ByteView stream) {
  if (begins_alike(stream, kSignature)) return read_binary(stream);
  if (!begins_alike(stream, as_bytes(kLineBegin))) return refuse("there is no PROXY header");
  return read_line(stream);
}

}  // namespace dunlin::proxy
