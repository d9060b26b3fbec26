#include "load/dial.h"

#include <utility>

#include "net/websocket/client.h"
#include "net/websocket/stream.h"

namespace dunlin::load {
namespace {

net::ConnectOptions connect_options(const LoadOptions& options) {
  net::ConnectOptions connect;
  connect.endpoint = options.server.endpoint;
  connect.tls = options.tls;
  connect.deadline = kDialDeadline;
  return connect;
}

void dial_websocket(net::Network& network, Executor& executor, Rng& rng, const LoadOptions& options,
                    net::ConnectHandler done) {
  net::websocket::OpenRequest request;
  request.connect = connect_options(options);
  if (options.server.transport == Transport::websocket) request.connect.tls = nullptr;
  request.target = options.server.path;
  request.subprotocols = {"mqtt"};  // MQTT 5.0 section 6.0
  request.deadline = kDialDeadline;
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

void dial(net::Network& network, Executor& executor, Rng& rng, const LoadOptions& options,
          net::ConnectHandler done) {
  switch (options.server.transport) {
    case Transport::tcp:
    case Transport::tls: {
      net::ConnectOptions connect = connect_options(options);
      if (options.server.transport == Transport::tcp) connect.tls = nullptr;
      if (connect.tls) connect.application_protocols = {"mqtt"};
      return network.connect(executor, std::move(connect), std::move(done));
    }
    case Transport::websocket:
    case Transport::websocket_tls:
      return dial_websocket(network, executor, rng, options, std::move(done));
  }
}

}  // namespace dunlin::load
