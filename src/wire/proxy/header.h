#pragma once
// The header by which a proxy tells whom it speaks for: the PROXY protocol, versions 1 and 2.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/core/bytes.h"
#include "wire/proxy/limits.h"

namespace dunlin::proxy {

/// What the two addresses of a header are.
enum class Family : std::uint8_t {
  unknown,  // none: the proxy speaks for itself (LOCAL) or cannot say for whom (UNKNOWN, UNSPEC)
  ipv4,
  ipv6,
  local_socket,  // paths of Unix sockets
};

enum class Transport : std::uint8_t { unknown, stream, datagram };

/// In network byte order; an IPv4 address is in the first four bytes.
struct Address {
  std::array<std::uint8_t, 16> bytes{};
  std::uint16_t port = 0;
  friend bool operator==(const Address&, const Address&) = default;
};

/// Source and destination are set for IPv4 and IPv6 only.
struct Header {
  std::uint8_t version = 0;  // 1 or 2
  enum class Command : std::uint8_t { local, proxy } command = Command::proxy;
  Family family = Family::unknown;
  Transport transport = Transport::unknown;
  Address source;
  Address destination;
  friend bool operator==(const Header&, const Header&) = default;
};

struct HeaderResult {
  enum class Status : std::uint8_t { need_more, complete, error } status = Status::need_more;
  std::size_t length = 0;  // complete: bytes of the header; what follows belongs to the connection
  Header header;
  std::string_view why;  // error: static text
};

/// Reads the header at the front of a stream. Never needs more than kMaxHeaderBytes. An error is final: no
/// further bytes mend it. Type-length-value fields of version 2 are checked in their lengths and skipped, but
/// for the checksum (CRC-32C), which must be right where there is one; those of LOCAL and UNSPEC headers are
/// not looked at.
HeaderResult read_header(ByteView stream);

}  // namespace dunlin::proxy
