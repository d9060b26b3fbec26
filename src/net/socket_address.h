#pragma once
// Numeric addresses in the kernel's form and in ours.

#include <netinet/in.h>
#include <sys/socket.h>

#include <optional>

#include "net/connection.h"

namespace dunlin::net {

/// Who is at the other end of a Unix socket (SO_PEERCRED, unix(7)). Begins as every address does.
struct LocalPeer {
  sa_family_t family = AF_UNIX;
  pid_t process = 0;
  uid_t user = 0;
  gid_t group = 0;
};

/// An IPv4 or IPv6 address with port, or the peer of a Unix socket.
struct SocketAddress {
  union {
    sockaddr base;
    sockaddr_in v4;
    sockaddr_in6 v6;
    LocalPeer local;
  };
  socklen_t length = 0;

  SocketAddress() : v6{} {}
  int family() const { return base.sa_family; }
  /// An IPv4 address mapped into IPv6 is shown as IPv4.
  Endpoint endpoint() const;
};

/// Nothing, if the host is not a numeric address. An IPv6 zone ("fe80::1%eth0") is understood.
std::optional<SocketAddress> parse_address(const Endpoint& endpoint);

/// The local address of a socket; of a Unix socket without its path.
Endpoint local_endpoint(int fd);

/// Asks the kernel who is at the other end of a connected Unix socket.
SocketAddress local_peer(int fd);

}  // namespace dunlin::net
