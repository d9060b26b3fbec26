#pragma once
// Numeric addresses in the kernel's form and in ours.

#include <netinet/in.h>
#include <sys/socket.h>

#include <optional>

#include "net/connection.h"

namespace dunlin::net {

/// An IPv4 or IPv6 address with port.
struct SocketAddress {
  union {
    sockaddr base;
    sockaddr_in v4;
    sockaddr_in6 v6;
  };
  socklen_t length = 0;

  SocketAddress() : v6{} {}
  int family() const { return base.sa_family; }
  /// An IPv4 address mapped into IPv6 is shown as IPv4.
  Endpoint endpoint() const;
};

/// Nothing, if the host is not a numeric address. An IPv6 zone ("fe80::1%eth0") is understood.
std::optional<SocketAddress> parse_address(const Endpoint& endpoint);

/// The local address of a socket.
Endpoint local_endpoint(int fd);

}  // namespace dunlin::net
