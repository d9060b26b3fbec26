#include "net/socket_address.h"

#include <arpa/inet.h>
#include <net/if.h>

#include <array>
#include <cstring>

namespace dunlin::net {

Endpoint SocketAddress::endpoint() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (family() == AF_INET) {
    ::inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
    return {text.data(), ntohs(v4.sin_port)};
  }
  if (family() == AF_UNIX) return {"unix:uid=" + std::to_string(local.user), 0};
  if (family() != AF_INET6) return {};
  if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
    ::inet_ntop(AF_INET, &v6.sin6_addr.s6_addr[12], text.data(), text.size());
    return {text.data(), ntohs(v6.sin6_port)};
  }
  ::inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
  return {text.data(), ntohs(v6.sin6_port)};
}

std::optional<SocketAddress> parse_address(const Endpoint& endpoint) {
  SocketAddress address;
  if (::inet_pton(AF_INET, endpoint.host.c_str(), &address.v4.sin_addr) == 1) {
    address.v4.sin_family = AF_INET;
    address.v4.sin_port = htons(endpoint.port);
    address.length = sizeof address.v4;
    return address;
  }
  address = SocketAddress{};
  std::string host = endpoint.host;
  const auto zone = host.find('%');
  if (zone != std::string::npos) {
    address.v6.sin6_scope_id = ::if_nametoindex(host.c_str() + zone + 1);
    host.resize(zone);
    if (address.v6.sin6_scope_id == 0) return std::nullopt;
  }
  if (::inet_pton(AF_INET6, host.c_str(), &address.v6.sin6_addr) != 1) return std::nullopt;
  address.v6.sin6_family = AF_INET6;
  address.v6.sin6_port = htons(endpoint.port);
  address.length = sizeof address.v6;
  return address;
}

Endpoint local_endpoint(int fd) {
  SocketAddress address;
  address.length = sizeof address.v6;
  if (::getsockname(fd, &address.base, &address.length) != 0 || address.family() == AF_UNIX) return {};
  return address.endpoint();
}

SocketAddress local_peer(int fd) {
  ucred credentials{};
  socklen_t length = sizeof credentials;
  SocketAddress address;
  address.local = LocalPeer{};
  address.length = sizeof address.local;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) == 0) {
    address.local.process = credentials.pid;
    address.local.user = credentials.uid;
    address.local.group = credentials.gid;
  }
  return address;
}

}  // namespace dunlin::net
