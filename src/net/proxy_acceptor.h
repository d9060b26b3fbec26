#pragma once
// The PROXY header below TLS: who may send one, and whose address the connection then has.

#include "net/net_metrics.h"
#include "net/network.h"

namespace dunlin::net {

/// Takes TcpConnections and gives each to `accept` once its header has been read. A header without an
/// address (LOCAL, UNKNOWN, UNSPEC) leaves the proxy's own address; where that is loopback, only LOCAL is
/// taken, and a proxy elsewhere cannot claim a loopback address: both would lend the rights of this machine
/// to whoever comes through the proxy.
AcceptHandler accept_with_proxy(const ProxyProtocol& options, NetMetrics& metrics, AcceptHandler accept);

}  // namespace dunlin::net
