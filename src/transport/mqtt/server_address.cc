#include "transport/mqtt/server_address.h"

#include <algorithm>
#include <array>
#include <utility>

#include "net/websocket/client.h"
#include "net/websocket/stream.h"

namespace dunlin::transport {
namespace {

struct Scheme {
  std::string_view name;
  Transport transport;
  std::string_view port;  // where none is written
};
constexpr std::array<Scheme, 4> kSchemes{{{"mqtt://", Transport::tcp, "1883"},
                                          {"mqtts://", Transport::tls, "8883"},
                                          {"ws://", Transport::websocket, "8080"},
                                          {"wss://", Transport::websocket_tls, "8443"}}};
constexpr std::string_view kDefaultPath = "/mqtt";

net::ConnectOptions connect_options(const DialOptions& options) {
  net::ConnectOptions connect;
  connect.endpoint = options.address.endpoint;
  if (options.address.is_tls()) connect.tls = options.tls;
  connect.server_name = options.server_name;
  connect.deadline = options.deadline;
  return connect;
}

void dial_websocket(net::Network& network, Executor& executor, Rng& rng, const DialOptions& options,
                    net::ConnectHandler done) {
  net::websocket::OpenRequest request;
  request.connect = connect_options(options);
  request.target = options.address.path;
  request.subprotocols = {"mqtt"};  // MQTT 5.0 section 6.0
  request.deadline = options.deadline;
  net::websocket::open_websocket(
      network, executor, rng, std::move(request),
      [&rng, done = std::move(done)](Result<net::websocket::Opened> opened) mutable {
        if (!opened) return done(std::unexpected(std::move(opened.error())));
        net::websocket::WebSocketOptions settings;
        settings.mask_keys = &rng;
        done(std::make_unique<net::websocket::WebSocketStream>(std::move(opened->connection),
                                                               net::websocket::Role::client, settings));
      });
}

}  // namespace

Result<ServerAddress> parse_server_address(std::string_view text) {
  const auto* scheme =
      std::ranges::find_if(kSchemes, [&](const Scheme& one) { return text.starts_with(one.name); });
  if (scheme == kSchemes.end())
    return fail(Errc::invalid_argument, "\"" + std::string(text) +
                                            "\" is no server: write mqtt://host:1883, mqtts://host:8883, "
                                            "ws://host:8080/mqtt or wss://host:8443/mqtt");
  ServerAddress address;
  address.transport = scheme->transport;
  text.remove_prefix(scheme->name.size());
  const std::size_t slash = std::min(text.find('/'), text.size());
  address.path = std::string(text.substr(slash));
  if (!address.is_websocket() && address.path.size() > 1)
    return fail(Errc::invalid_argument, std::string(scheme->name) + " takes no path");
  if (address.path.size() <= 1) address.path = address.is_websocket() ? kDefaultPath : "";
  std::string endpoint(text.substr(0, slash));
  const bool has_port = endpoint.rfind(':') != std::string::npos && !endpoint.ends_with(']');
  if (!has_port) endpoint += ":" + std::string(scheme->port);
  DUNLIN_TRY(address.endpoint, net::parse_endpoint(endpoint));
  return address;
}

std::string to_string(const ServerAddress& address) {
  return std::string(kSchemes.at(static_cast<std::size_t>(address.transport)).name) +
         address.endpoint.to_string() + address.path;
}

void dial(net::Network& network, Executor& executor, Rng& rng, const DialOptions& options,
          net::ConnectHandler done) {
  if (options.address.is_websocket()) return dial_websocket(network, executor, rng, options, std::move(done));
  net::ConnectOptions connect = connect_options(options);
  if (connect.tls) connect.application_protocols = {"mqtt"};
  network.connect(executor, std::move(connect), std::move(done));
}

}  // namespace dunlin::transport
