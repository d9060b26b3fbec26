#pragma once
// Where an MQTT server is, written as a URL, and how to get a connection to it.

#include <memory>
#include <string>
#include <string_view>

#include "base/rng.h"
#include "net/network.h"

namespace dunlin::transport {

enum class Transport : std::uint8_t { tcp, tls, websocket, websocket_tls };

struct ServerAddress {
  Transport transport = Transport::tcp;
  net::Endpoint endpoint{"127.0.0.1", 1883};
  std::string path;  // of a WebSocket
  bool is_websocket() const {
    return transport == Transport::websocket || transport == Transport::websocket_tls;
  }
  bool is_tls() const { return transport == Transport::tls || transport == Transport::websocket_tls; }
};
/// "mqtt://host:1883", "mqtts://host:8883", "ws://host:8080/mqtt", "wss://host:8443/mqtt"; the port and the
/// path may be left out. Errors: invalid_argument, with what is expected.
Result<ServerAddress> parse_server_address(std::string_view text);
/// As it is read.
std::string to_string(const ServerAddress& address);

struct DialOptions {
  ServerAddress address;
  std::shared_ptr<net::TlsClientContext> tls;  // shared: by all connections. Not used without TLS
  std::string server_name;                     // for the check of the certificate; empty: the address' host
  Duration deadline = std::chrono::seconds{10};
};

/// Calls `done` once, later, on `executor`; that thread only. `rng` masks WebSocket frames and outlives the
/// connection. Errors: those of net::Network::connect and net::websocket::open_websocket.
void dial(net::Network& network, Executor& executor, Rng& rng, const DialOptions& options,
          net::ConnectHandler done);

}  // namespace dunlin::transport
