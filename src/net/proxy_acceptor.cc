#include "net/proxy_acceptor.h"

#include <cstring>
#include <memory>

#include "base/log.h"
#include "net/tcp_connection.h"
#include "wire/proxy/header.h"

namespace dunlin::net {
namespace {

using Verdict = FirstBytes::Verdict;

Verdict refuse(std::string_view why) {
  return {Verdict::Status::refuse, 0, nullptr, why};
}

SocketAddress source_of(const proxy::Header& header) {
  SocketAddress address;
  const auto& [bytes, port] = header.source;
  if (header.family == proxy::Family::ipv4) {
    address.v4 = sockaddr_in{};
    address.v4.sin_family = AF_INET;
    address.v4.sin_port = htons(port);
    std::memcpy(&address.v4.sin_addr, bytes.data(), 4);
    address.length = sizeof address.v4;
    return address;
  }
  address.v6.sin6_family = AF_INET6;
  address.v6.sin6_port = htons(port);
  std::memcpy(&address.v6.sin6_addr, bytes.data(), bytes.size());
  address.length = sizeof address.v6;
  return address;
}

/// Gives the connection the address that the header names. Why it may not have it; empty: it has it.
std::string_view adopt(TcpConnection& connection, const proxy::Header& header) {
  const bool proxy_is_local = connection.peer().address.is_loopback();
  if (header.command == proxy::Header::Command::local) return {};
  if (header.transport == proxy::Transport::datagram) return "the header is one for datagrams";
  if (header.family != proxy::Family::ipv4 && header.family != proxy::Family::ipv6)
    return proxy_is_local ? "a proxy on this machine does not say for whom it speaks" : "";
  const SocketAddress source = source_of(header);
  if (source.endpoint().is_loopback() && !proxy_is_local)
    return "a proxy on another machine names a loopback address";
  connection.set_peer_address(source);
  return {};
}

class ProxyAcceptor {
 public:
  ProxyAcceptor(const ProxyProtocol& options, NetMetrics& metrics, AcceptHandler accept)
      : trusted_(options.trusted),
        metrics_(metrics),
        accept_(std::move(accept)),
        headers_(
            {options.deadline, options.max_waiting, proxy::kMaxHeaderBytes},
            [this](Connection& connection, ByteView bytes) { return judge(connection, bytes); },
            [this](const PeerInfo& peer, FirstBytes::Refusal refusal, std::string_view why) {
              refused(peer, refusal, why);
            }) {}

  void take(std::unique_ptr<Connection> connection) {
    const Endpoint& peer = connection->peer().address;
    if (contains(trusted_, peer)) return headers_.add(std::move(connection));
    metrics_.proxy_untrusted.add();
    metrics_.tell(RefusalKind::first_bytes, peer, "the peer is not among the trusted proxies");
    log::refusal("net", "connection refused: the peer is not among the trusted proxies", peer.host);
  }

 private:
  Verdict judge(Connection& connection, ByteView bytes) {
    const proxy::HeaderResult read = proxy::read_header(bytes);
    using Status = proxy::HeaderResult::Status;
    if (read.status == Status::need_more) return {};
    if (read.status == Status::error) return refuse(read.why);
    // Only a TcpListener feeds this.
    const std::string_view why = adopt(static_cast<TcpConnection&>(connection), read.header);
    if (!why.empty()) return refuse(why);
    metrics_.proxy_headers.add();
    return {Verdict::Status::take, read.length, &accept_, {}};
  }

  void refused(const PeerInfo& peer, FirstBytes::Refusal refusal, std::string_view why) {
    metrics_.proxy_refused[static_cast<std::size_t>(refusal)]->add();
    metrics_.tell(RefusalKind::first_bytes, peer.address, why);
    log::refusal("net", "connection refused: " + std::string(why), peer.address.host,
                 {{"proxy_header", refusal_name(refusal)}});
  }

  std::vector<AddressRange> trusted_;
  NetMetrics& metrics_;
  AcceptHandler accept_;
  FirstBytes headers_;
};

}  // namespace

AcceptHandler accept_with_proxy(const ProxyProtocol& options, NetMetrics& metrics, AcceptHandler accept) {
  return [acceptor = std::make_unique<ProxyAcceptor>(options, metrics, std::move(accept))](
             std::unique_ptr<Connection> connection) { acceptor->take(std::move(connection)); };
}

}  // namespace dunlin::net
