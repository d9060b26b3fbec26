#include "net/protocol_split.h"

#include <gtest/gtest.h>

#include "net/test_support.h"
#include "net/tls_test_pki.h"

namespace dunlin::net {
namespace {

using test::EchoServer;
using test::Loop;
using test::on_loopback;
using test::Recorder;
using test::to;

/// A listener whose connections are split; each owner echoes and is written down.
class Split : public testing::Test {
 protected:
  void listen(ListenOptions options = on_loopback(), ProtocolSplit::Options limits = {}) {
    split = std::make_unique<ProtocolSplit>(
        loop.registry, limits,
        ProtocolSplit::Owners{[this](std::unique_ptr<Connection> c) { own("mqtt", std::move(c)); },
                              [this](std::unique_ptr<Connection> c) { own("http", std::move(c)); }});
    auto made = loop.network.listen(loop.reactor, std::move(options),
                                    [this](std::unique_ptr<Connection> c) { split->accept(std::move(c)); });
    ASSERT_TRUE(made.has_value());
    listener = *std::move(made);
  }
  void own(const char* who, std::unique_ptr<Connection> connection) {
    owners.emplace_back(who);
    echo.add(std::move(connection));
  }
  Recorder& send(std::string text, ConnectOptions options) {
    Recorder& client = *clients.emplace_back(std::make_unique<Recorder>());
    loop.network.connect(loop.reactor, std::move(options),
                         [&client, text = std::move(text)](Result<std::unique_ptr<Connection>> result) {
                           ASSERT_TRUE(result.has_value()) << result.error().message;
                           client.take(*std::move(result));
                           if (!text.empty()) client.connection->write(text);
                         });
    return client;
  }
  Recorder& send(std::string text) { return send(std::move(text), to(listener->local())); }
  bool echoes(const Recorder& client, const std::string& text) {
    return loop.run_until([&] { return client.received == text; });
  }
  double refused(const char* reason) {
    return loop.registry.value("dunlin_net_split_refused_total", {{"reason", reason}});
  }

  Loop loop;
  EchoServer echo;
  std::vector<std::string> owners;
  std::vector<std::unique_ptr<Recorder>> clients;
  std::unique_ptr<ProtocolSplit> split;
  std::unique_ptr<Listener> listener;
};

TEST_F(Split, TheFirstBytesDecide) {
  listen();
  for (const std::string text : {"\x10\x0c", "GET / HTTP/1.1\r\n", "OPTIONS * HTTP/1.1\r\n", "PUT /x"}) {
    EXPECT_TRUE(echoes(send(text), text)) << text;
  }
  EXPECT_EQ(owners, (std::vector<std::string>{"mqtt", "http", "http", "http"}));
  EXPECT_EQ(loop.registry.value("dunlin_net_split_total", {{"protocol", "http"}}), 3);
  // As much as comes at once.
  const std::string much = "\x10" + std::string(300'000, 'm');
  EXPECT_TRUE(echoes(send(much), much));
}

TEST_F(Split, AMethodMayComeInPieces) {
  listen();
  Recorder& client = send("");
  ASSERT_TRUE(loop.run_until([&] { return client.connection != nullptr; }));
  for (const char* piece : {"D", "ELET", "E", " /"}) {
    EXPECT_TRUE(owners.empty());
    client.connection->write(std::string_view(piece));
    loop.run_until([] { return true; });
  }
  EXPECT_TRUE(echoes(client, "DELETE /"));
  EXPECT_EQ(owners, std::vector<std::string>{"http"});
}

TEST_F(Split, AnythingElseIsRefused) {
  listen();
  for (const std::string text : {"\x20\x02", "\x11\x02", "get / HTTP", "GETT", "SSH-2.0", "\x16\x03"}) {
    const double before = refused("bad");
    const Recorder& client = send(text);
    ASSERT_TRUE(loop.run_until([&] { return client.closed(); })) << text;
    EXPECT_EQ(refused("bad"), before + 1) << text;
  }
  EXPECT_TRUE(owners.empty());
}

TEST_F(Split, SilenceIsBoundedInTimeAndNumber) {
  listen(on_loopback(), {std::chrono::milliseconds{50}, 3});
  for (int i = 0; i < 5; ++i) send("");
  ASSERT_TRUE(loop.run_until([&] { return refused("too_many") == 2 && refused("late") == 3; }));
  EXPECT_TRUE(echoes(send("\x10"), "\x10"));
}

TEST_F(Split, AlpnDecidesWhateverTheBytesAre) {
  const auto authority = test::make_authority("authority");
  const auto identity = test::make_identity(authority, "localhost");
  TlsServerOptions server_options;
  server_options.certificate_chain_pem = identity.certificate_pem;
  server_options.private_key_pem = identity.key_pem;
  server_options.client_ca_pem = authority.certificate_pem;
  server_options.client_certificate = ClientCertificate::requested;
  server_options.application_protocols = {"mqtt", "http/1.1"};
  server_options.no_client_certificate_for = {"http/1.1"};
  ListenOptions options = on_loopback();
  options.tls = make_tls_server_context(server_options).value();
  listen(std::move(options));

  const auto device = test::make_identity(authority, "device");
  TlsClientOptions client_options;
  client_options.trusted_ca_pem = authority.certificate_pem;
  client_options.certificate_chain_pem = device.certificate_pem;
  client_options.private_key_pem = device.key_pem;
  ConnectOptions connect = to(listener->local());
  connect.tls = make_tls_client_context(client_options).value();
  const auto send_with = [&](std::vector<std::string> protocols, const std::string& text) -> Recorder& {
    ConnectOptions wanted = connect;
    wanted.application_protocols = std::move(protocols);
    return send(text, wanted);
  };
  const auto has_certificate = [&] { return !echo.peers.back()->connection->peer().certificate_der.empty(); };
  EXPECT_TRUE(echoes(send_with({"mqtt"}, "GET / "), "GET / "));
  EXPECT_TRUE(has_certificate());
  EXPECT_TRUE(echoes(send_with({"h2", "http/1.1"}, "\x10"), "\x10"));
  // A browser is not asked for a certificate.
  EXPECT_FALSE(has_certificate());
  EXPECT_TRUE(echoes(send_with({}, "\x10"), "\x10"));
  EXPECT_TRUE(has_certificate());
  EXPECT_TRUE(echoes(send_with({}, "GET / "), "GET / "));
  EXPECT_EQ(owners, (std::vector<std::string>{"mqtt", "http", "mqtt", "http"}));
}

}  // namespace
}  // namespace dunlin::net
