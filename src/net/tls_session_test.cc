// TLS sessions that are resumed, or not, and who waits for a handshake.
#include <gtest/gtest.h>

#include "net/tls_test_fixture.h"

namespace dunlin::net {
namespace {

using test::Attempt;
using test::client_options;
using test::connect_with;
using test::device_identity;
using test::EchoServer;
using test::Identity;
using test::listen_with;
using test::Loop;
using test::Recorder;
using test::server_options;

TEST(Tls, SessionsAreResumedWithTheirCertificate) {
  Loop loop;
  std::vector<std::unique_ptr<Recorder>> servers;
  auto listener = *loop.network.listen(loop.reactor, listen_with(server_options(ClientCertificate::required)),
                                       [&](std::unique_ptr<Connection> connection) {
                                         servers.push_back(std::make_unique<Recorder>());
                                         servers.back()->take(std::move(connection));
                                       });
  const auto context = *make_tls_client_context(client_options(&device_identity()));
  std::vector<std::vector<std::uint8_t>> certificates;
  for (std::size_t i = 0; i < 3; ++i) {
    Recorder client;
    loop.network.connect(
        loop.reactor, connect_with(listener->local(), context),
        [&](Result<std::unique_ptr<Connection>> result) { client.take(*std::move(result)); });
    ASSERT_TRUE(loop.run_until([&] { return client.connection && servers.size() == i + 1; }));
    servers.back()->connection->write("ticket comes first");
    ASSERT_TRUE(loop.run_until([&] { return !client.received.empty(); }));
    Connection& server = *servers.back()->connection;
    certificates.push_back(server.peer().certificate_der);
    server.settle();
    EXPECT_TRUE(server.peer().certificate_der.empty());
    EXPECT_EQ(server.peer().tls_version, "TLSv1.3");
    EXPECT_EQ(server.peer().address.host, "127.0.0.1");
    client.connection->close();
    ASSERT_TRUE(loop.run_until([&] { return client.closed(); }));
    // The first session is resumed while its connection is there, the second one when it has gone.
    if (i == 1) servers.back()->connection.reset();
  }
  // Two sides and two resumptions.
  EXPECT_EQ(loop.registry.value("dunlin_net_tls_resumed_total"), 4);
  EXPECT_FALSE(certificates[0].empty());
  EXPECT_EQ(certificates[1], certificates[0]);
  EXPECT_EQ(certificates[2], certificates[0]);
}

TEST(Tls, ARefusedClientLostItsSession) {
  Loop loop;
  EchoServer echo;
  ListenOptions options = listen_with(server_options());
  options.max_handshakes = 1;
  options.max_waiting_handshakes = 0;
  auto listener = *loop.network.listen(loop.reactor, options, echo.acceptor());
  const ConnectOptions dial = connect_with(listener->local(), client_options());
  const auto gets_in = [&] {
    Recorder client;
    std::optional<Error> error;
    loop.network.connect(loop.reactor, dial, [&](Result<std::unique_ptr<Connection>> result) {
      if (!result) return void(error = result.error());
      client.take(*std::move(result));
      client.connection->write("ticket comes first");
    });
    return loop.run_until([&] { return error || !client.received.empty(); }) && !error;
  };
  ASSERT_TRUE(gets_in());
  Recorder silent;
  loop.network.connect(loop.reactor, test::to(listener->local()),
                       [&](Result<std::unique_ptr<Connection>> result) { silent.take(*std::move(result)); });
  ASSERT_TRUE(loop.run_until([&] { return silent.connection != nullptr; }));
  EXPECT_FALSE(gets_in());
  silent.connection.reset();
  const auto failures = [&] { return loop.registry.value("dunlin_net_tls_handshake_failures_total"); };
  ASSERT_TRUE(loop.run_until([&, before = failures()] { return failures() > before; }));
  EXPECT_TRUE(gets_in());
  EXPECT_EQ(loop.registry.value("dunlin_net_tls_resumed_total"), 2) << "both sides";
}

TEST(Tls, AListenerKeptItsFirstCertificateForever) {
  const Identity root = test::make_authority("Next Root");
  const Identity next = test::make_identity(root, "server.test");
  Attempt attempt(server_options(), client_options());
  attempt.run();
  ASSERT_TRUE(attempt.client.connection && attempt.server.connection);
  TlsServerOptions renewed = server_options();
  renewed.certificate_chain_pem = next.certificate_pem;
  renewed.private_key_pem = next.key_pem;
  attempt.listener->replace_tls(*make_tls_server_context(renewed));
  const auto old_connection = std::move(attempt.server.connection);
  const auto gets_in = [&attempt](const ConnectOptions& options) {
    std::optional<Result<std::unique_ptr<Connection>>> answer;
    attempt.loop.network.connect(attempt.loop.reactor, options,
                                 [&](auto result) { answer = std::move(result); });
    return attempt.loop.run_until([&] { return answer.has_value(); }) && answer->has_value();
  };
  TlsClientOptions trusting = client_options();
  trusting.trusted_ca_pem = root.certificate_pem;
  EXPECT_TRUE(gets_in(connect_with(attempt.listener->local(), trusting)));
  EXPECT_FALSE(gets_in(attempt.connect)) << "the former session is not resumed";
  old_connection->write("still here");
  ASSERT_TRUE(attempt.loop.run_until([&] { return attempt.client.received == "still here"; }));
}

TEST(Tls, ThoseWhoWaitForAPlaceGetInAndOneTooManyDoesNot) {
  Loop loop;
  EchoServer echo;
  ListenOptions options = listen_with(server_options());
  options.max_handshakes = 1;
  options.max_waiting_handshakes = 2;
  auto listener = *loop.network.listen(loop.reactor, options, echo.acceptor());
  std::array<Recorder, 2> silent;  // one has the place, one waits and goes away
  for (Recorder& peer : silent) {
    loop.network.connect(loop.reactor, test::to(listener->local()),
                         [&](Result<std::unique_ptr<Connection>> result) { peer.take(*std::move(result)); });
    ASSERT_TRUE(loop.run_until([&] { return peer.connection != nullptr; }));
  }
  const auto waiting = [&] { return loop.registry.value("dunlin_net_tls_handshakes_waiting"); };
  ASSERT_TRUE(loop.run_until([&] { return waiting() == 1; }));
  const ConnectOptions dial = connect_with(listener->local(), *make_tls_client_context(client_options()));
  Recorder patient;
  Recorder refused;
  loop.network.connect(loop.reactor, dial,
                       [&](Result<std::unique_ptr<Connection>> result) { patient.take(*std::move(result)); });
  ASSERT_TRUE(loop.run_until([&] { return waiting() == 2; }));
  loop.network.connect(loop.reactor, test::to(listener->local()),
                       [&](Result<std::unique_ptr<Connection>> result) { refused.take(*std::move(result)); });
  ASSERT_TRUE(loop.run_until([&] { return refused.closed(); }));
  silent[1].connection->abort();
  ASSERT_TRUE(loop.run_until([&] { return waiting() == 1; }));
  EXPECT_TRUE(patient.connection == nullptr);
  silent[0].connection->abort();
  ASSERT_TRUE(loop.run_until([&] { return patient.connection != nullptr; }));
  EXPECT_EQ(waiting(), 0);
  EXPECT_EQ(loop.registry.value("dunlin_net_tls_handshakes_refused_total"), 1);
}

TEST(Tls, WhoWaitsTooLongForAPlaceIsRefusedAndWhoWaitsLessIsNot) {
  Loop loop;
  EchoServer echo;
  ListenOptions options = listen_with(server_options());
  options.max_handshakes = 1;
  options.longest_handshake_wait = std::chrono::milliseconds{200};
  auto listener = *loop.network.listen(loop.reactor, options, echo.acceptor());
  std::array<Recorder, 2> silent;  // one has the place, for five seconds; one waits
  for (Recorder& peer : silent) {
    loop.network.connect(loop.reactor, test::to(listener->local()),
                         [&](Result<std::unique_ptr<Connection>> result) { peer.take(*std::move(result)); });
    ASSERT_TRUE(loop.run_until([&] { return peer.connection != nullptr; }));
  }
  ASSERT_TRUE(loop.run_until([&] { return silent[1].closed(); }));
  EXPECT_FALSE(silent[0].closed());
  EXPECT_EQ(loop.registry.value("dunlin_net_tls_handshakes_waiting"), 0);
  EXPECT_EQ(loop.registry.value("dunlin_net_tls_handshakes_refused_total"), 1);
}

}  // namespace
}  // namespace dunlin::net
