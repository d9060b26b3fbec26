#pragma once
// Certificates, options and one handshake over loopback for the tests of TLS.

#include <gtest/gtest.h>

#include <memory>
#include <optional>

#include "net/test_support.h"
#include "net/tls_context.h"
#include "net/tls_test_pki.h"

namespace dunlin::net::test {

inline const Identity& authority() {
  static const Identity made = make_authority("Test Root");
  return made;
}
inline const Identity& server_identity() {
  static const Identity made = make_identity(authority(), "server.test");
  return made;
}
inline const Identity& device_identity() {
  static const Identity made = make_identity(authority(), "device-1");
  return made;
}

inline TlsServerOptions server_options(ClientCertificate mode = ClientCertificate::none) {
  TlsServerOptions options;
  options.certificate_chain_pem = server_identity().certificate_pem;
  options.private_key_pem = server_identity().key_pem;
  options.client_certificate = mode;
  if (mode != ClientCertificate::none) options.client_ca_pem = authority().certificate_pem;
  options.application_protocols = {"mqtt", "http/1.1"};
  return options;
}

inline TlsClientOptions client_options(const Identity* identity = nullptr) {
  TlsClientOptions options;
  options.trusted_ca_pem = authority().certificate_pem;
  if (identity != nullptr) {
    options.certificate_chain_pem = identity->certificate_pem;
    options.private_key_pem = identity->key_pem;
  }
  return options;
}

inline ListenOptions listen_with(const TlsServerOptions& options) {
  ListenOptions listen = on_loopback();
  listen.tls = *make_tls_server_context(options);
  return listen;
}

inline ConnectOptions connect_with(const Endpoint& to, std::shared_ptr<TlsClientContext> context) {
  ConnectOptions connect = test::to(to);
  connect.tls = std::move(context);
  connect.server_name = "server.test";
  connect.application_protocols = {"mqtt"};
  return connect;
}
inline ConnectOptions connect_with(const Endpoint& to, const TlsClientOptions& options) {
  return connect_with(to, *make_tls_client_context(options));
}

// One handshake over loopback.
struct Attempt {
  Attempt(const TlsServerOptions& server_side, const TlsClientOptions& client_side) {
    listener = *loop.network.listen(loop.reactor, listen_with(server_side),
                                    [this](std::unique_ptr<Connection> c) { server.take(std::move(c)); });
    connect = connect_with(listener->local(), client_side);
  }
  void run() {
    loop.network.connect(loop.reactor, connect, [this](Result<std::unique_ptr<Connection>> result) {
      if (result) {
        client.take(*std::move(result));
      } else {
        error = result.error();
      }
    });
    EXPECT_TRUE(loop.run_until(
        [this] { return (client.connection && server.connection) || error || failures() > 0; }));
    loop.run_until([this] { return client.closed(); }, std::chrono::milliseconds{failures() > 0 ? 500 : 1});
  }
  double failures() const { return loop.registry.value("dunlin_net_tls_handshake_failures_total"); }
  Loop loop;
  Recorder server;
  Recorder client;
  std::unique_ptr<Listener> listener;
  ConnectOptions connect;
  std::optional<Error> error;
};

}  // namespace dunlin::net::test
