#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <thread>

#include "base/log.h"
#include "base/rng.h"
#include "net/limits.h"
#include "net/reactor_threads.h"
#include "net/test_support.h"
#include "net/tls_context.h"
#include "net/tls_test_fixture.h"
#include "net/virtual_network.h"

namespace dunlin::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::Attempt;
using test::authority;
using test::client_options;
using test::connect_with;
using test::device_identity;
using test::EchoServer;
using test::Identity;
using test::listen_with;
using test::Loop;
using test::on_loopback;
using test::Recorder;
using test::server_identity;
using test::server_options;

TEST(Tls, MutualHandshakeTellsWhoThePeerIs) {
  Attempt attempt(server_options(ClientCertificate::required), client_options(&device_identity()));
  attempt.run();
  ASSERT_TRUE(attempt.server.connection && attempt.client.connection);
  const PeerInfo& peer = attempt.server.connection->peer();
  EXPECT_EQ(peer.transport, "tls");
  EXPECT_EQ(peer.tls_version, "TLSv1.3");
  EXPECT_EQ(peer.application_protocol, "mqtt");
  EXPECT_EQ(peer.address.host, "127.0.0.1");
  ASSERT_GT(peer.certificate_der.size(), 100U);
  EXPECT_EQ(peer.certificate_der[0], 0x30);
  EXPECT_EQ(attempt.client.connection->peer().application_protocol, "mqtt");
  attempt.client.connection->write("over tls");
  ASSERT_TRUE(attempt.loop.run_until([&] { return attempt.server.received == "over tls"; }));
  attempt.client.connection->close();
  ASSERT_TRUE(attempt.loop.run_until([&] { return attempt.server.closed() && attempt.client.closed(); }));
  EXPECT_EQ(attempt.server.reason, CloseReason::peer_closed);
  EXPECT_EQ(attempt.client.reason, CloseReason::local_closed);
}

TEST(Tls, CertificatesMayBeRequestedOnly) {
  Attempt without(server_options(ClientCertificate::requested), client_options());
  without.run();
  ASSERT_TRUE(without.server.connection);
  EXPECT_TRUE(without.server.connection->peer().certificate_der.empty());
  Attempt with(server_options(ClientCertificate::requested), client_options(&device_identity()));
  with.run();
  ASSERT_TRUE(with.server.connection);
  EXPECT_FALSE(with.server.connection->peer().certificate_der.empty());
}

std::string& log_lines() {
  static std::string lines;
  return lines;
}

struct LogCapture {
  LogCapture() {
    log_lines().clear();
    log::set_sink([](std::string_view line) { log_lines() += line; });
  }
  ~LogCapture() { log::set_sink(nullptr); }
  bool has(std::string_view text) const { return log_lines().find(text) != std::string::npos; }
};

TEST(Tls, MissingCertificateIsRefused) {
  const LogCapture log;
  Attempt attempt(server_options(ClientCertificate::required), client_options());
  attempt.run();
  EXPECT_FALSE(attempt.server.connection);
  EXPECT_GE(attempt.failures(), 1);
}

TEST(Tls, CertificateOfAnotherAuthorityIsRefused) {
  const Identity other = test::make_authority("Other Root");
  const Identity stranger = test::make_identity(other, "device-1");
  Attempt client_unknown(server_options(ClientCertificate::required), client_options(&stranger));
  client_unknown.run();
  EXPECT_FALSE(client_unknown.server.connection);
  EXPECT_GE(client_unknown.failures(), 1);

  TlsClientOptions distrustful = client_options();
  distrustful.trusted_ca_pem = other.certificate_pem;
  Attempt server_unknown(server_options(), distrustful);
  server_unknown.run();
  ASSERT_TRUE(server_unknown.error.has_value());
  EXPECT_EQ(server_unknown.error->code, Errc::unauthenticated);
  EXPECT_NE(server_unknown.error->message.find("issuer"), std::string::npos) << server_unknown.error->message;
}

TEST(Tls, TheServersNameIsChecked) {
  Attempt wrong(server_options(), client_options());
  wrong.connect.server_name = "elsewhere.test";
  wrong.run();
  ASSERT_TRUE(wrong.error.has_value());
  EXPECT_NE(wrong.error->message.find("ostname"), std::string::npos) << wrong.error->message;
  Attempt by_address(server_options(), client_options());
  by_address.connect.server_name = "";
  by_address.run();
  EXPECT_TRUE(by_address.client.connection);
}

TEST(Tls, ValidityIsJudgedByTheGivenClock) {
  const LogCapture log;
  const Identity brief = test::make_identity(
      authority(), "device-2", {WallTime{seconds{1'700'000'000}}, WallTime{seconds{1'700'100'000}}});
  VirtualClock clock(WallTime{seconds{1'700'050'000}});
  TlsServerOptions options = server_options(ClientCertificate::required);
  options.clock = &clock;
  Attempt valid(options, client_options(&brief));
  valid.run();
  EXPECT_TRUE(valid.server.connection);
  clock.advance_to(Instant{seconds{60'000}});
  Attempt expired(options, client_options(&brief));
  expired.run();
  EXPECT_FALSE(expired.server.connection);
  EXPECT_GE(expired.failures(), 1);
}

// Runs `openssl s_client` against an echo server and returns what it printed.
std::string s_client(const std::string& arguments, const TlsServerOptions& options) {
  Loop loop;
  EchoServer echo;
  auto listener = *loop.network.listen(loop.reactor, listen_with(options), echo.acceptor());
  const std::string command =
      "(echo hello from openssl; sleep 2) | timeout 10 openssl s_client -connect 127.0.0.1:" +
      std::to_string(listener->local().port) + " " + arguments + " 2>&1";
  std::string output;
  std::atomic<bool> ended{false};
  std::thread client([&] {
    FILE* pipe = ::popen(command.c_str(), "r");
    char buffer[4096];
    while (const std::size_t count = std::fread(buffer, 1, sizeof buffer, pipe)) output.append(buffer, count);
    ::pclose(pipe);
    ended = true;
  });
  loop.run_until([&] { return ended.load(); });
  client.join();
  return output;
}

TEST(Tls, SpeaksWithOpensslsClient) {
  const std::string modern = s_client("-alpn http/1.1", server_options());
  EXPECT_NE(modern.find("TLSv1.3"), std::string::npos) << modern;
  EXPECT_NE(modern.find("ALPN protocol: http/1.1"), std::string::npos);
  EXPECT_GE(modern.find("hello from openssl"), 0U);
  EXPECT_NE(modern.find("hello from openssl"), std::string::npos);
  const std::string older = s_client("-tls1_2", server_options());
  EXPECT_NE(older.find("TLSv1.2"), std::string::npos) << older;
  EXPECT_NE(older.find("hello from openssl"), std::string::npos);
  EXPECT_NE(older.find("Compression: NONE"), std::string::npos);
}

TEST(Tls, OldVersionsCiphersAndUnknownProtocolsAreRefused) {
  const LogCapture log;
  const std::string old = s_client("-tls1_1 -cipher ALL:@SECLEVEL=0", server_options());
  EXPECT_EQ(old.find("hello from openssl"), std::string::npos) << old;
  EXPECT_TRUE(log.has("unsupported protocol")) << log_lines();
  const std::string weak = s_client("-tls1_2 -cipher AES128-SHA", server_options());
  EXPECT_EQ(weak.find("hello from openssl"), std::string::npos) << weak;
  const std::string unknown = s_client("-alpn gopher", server_options());
  EXPECT_EQ(unknown.find("hello from openssl"), std::string::npos) << unknown;
}

TEST(Tls, CarriesMuchBothWays) {
  Loop loop;
  EchoServer echo;
  auto listener = *loop.network.listen(loop.reactor, listen_with(server_options()), echo.acceptor());
  Recorder client;
  SeededRng rng(11);
  std::string sent(4'000'000, '\0');
  rng.fill({reinterpret_cast<std::uint8_t*>(sent.data()), sent.size()});
  loop.network.connect(loop.reactor, connect_with(listener->local(), client_options()),
                       [&](Result<std::unique_ptr<Connection>> result) {
                         client.take(*std::move(result));
                         std::size_t at = 0;
                         while (at < sent.size()) {
                           const std::size_t part =
                               std::min<std::size_t>(sent.size() - at, 1 + rng.below(60'000));
                           client.connection->write(Slice::copy_of(std::string_view{sent}.substr(at, part)));
                           at += part;
                         }
                       });
  client.on_bytes = [&](ByteView bytes) {
    const std::size_t taken = bytes.size() < 5 ? bytes.size() : bytes.size() - rng.below(5);
    client.received.append(as_text(bytes.first(taken)));
    if (rng.below(4) == 0) client.connection->pause_reading();
    loop.reactor.post([&] { client.connection->resume_reading(); });
    return taken;
  };
  ASSERT_TRUE(loop.run_until([&] { return client.received.size() == sent.size(); }));
  EXPECT_TRUE(client.received == sent);
}

TEST(Tls, TruncationIsNotAnOrderlyEnd) {
  Attempt attempt(server_options(), client_options());
  attempt.run();
  ASSERT_TRUE(attempt.client.connection);
  attempt.client.connection.reset();  // ends the TCP stream without close_notify
  ASSERT_TRUE(attempt.loop.run_until([&] { return attempt.server.closed(); }));
  EXPECT_EQ(attempt.server.reason, CloseReason::reset);
}

TEST(Tls, SilentPeersMeetTheDeadlineAndTheLimit) {
  const LogCapture log;
  Loop loop;
  EchoServer echo;
  ListenOptions options = listen_with(server_options());
  options.endpoint.host =
      "::1";  // the log has a line about each peer once a minute, and others are at 127.0.0.1
  options.handshake_deadline = milliseconds{150};
  options.max_handshakes = 2;
  auto listener = *loop.network.listen(loop.reactor, options, echo.acceptor());
  std::array<Recorder, 3> silent;
  for (Recorder& peer : silent) {
    loop.network.connect(loop.reactor, test::to(listener->local()),
                         [&](Result<std::unique_ptr<Connection>> result) { peer.take(*std::move(result)); });
  }
  ASSERT_TRUE(loop.run_until([&] {
    return std::all_of(silent.begin(), silent.end(), [](const Recorder& peer) { return peer.closed(); });
  }));
  // The third waits for as long as the first two may take, and then has its turn or is late by a tick.
  EXPECT_EQ(loop.registry.value("dunlin_net_tls_handshakes_refused_total") +
                loop.registry.value("dunlin_net_tls_handshake_failures_total"),
            3);
  EXPECT_GE(loop.registry.value("dunlin_net_tls_handshake_failures_total"), 2);
  EXPECT_TRUE(log.has("deadline"));
  EXPECT_TRUE(echo.peers.empty());
}

TEST(Tls, GarbageIsRefused) {
  const LogCapture log;
  Loop loop;
  EchoServer echo;
  auto listener = *loop.network.listen(loop.reactor, listen_with(server_options()), echo.acceptor());
  Recorder peer;
  loop.network.connect(loop.reactor, test::to(listener->local()),
                       [&](Result<std::unique_ptr<Connection>> result) {
                         peer.take(*std::move(result));
                         peer.connection->write("GET / HTTP/1.1\r\n\r\n");
                       });
  ASSERT_TRUE(loop.run_until([&] { return peer.closed(); }));
  EXPECT_EQ(loop.registry.value("dunlin_net_tls_handshake_failures_total"), 1);
}

TEST(Tls, MovesBetweenReactors) {
  ReactorThreads threads(2);
  ThreadWorkerPool workers(1);
  metrics::Registry registry;
  EpollNetwork network(threads.all(), workers, registry);
  Recorder first;
  Recorder second;
  Recorder client;
  std::atomic<bool> finished{false};
  const std::string text(300'000, 'm');
  first.on_bytes = [&](ByteView bytes) {
    EXPECT_GE(bytes.size(), 4U);
    first.connection->write("moving;");
    first.connection->move_to(threads.at(1), [&](std::unique_ptr<Connection> connection) {
      EXPECT_TRUE(threads.at(1).is_current());
      EXPECT_EQ(connection->peer().transport, "tls");
      second.take(std::move(connection));
    });
    first.connection.reset();
    return std::size_t{4};
  };
  second.on_bytes = [&](ByteView bytes) {
    second.received.append(as_text(bytes));
    if (second.received.size() == text.size() - 4) second.connection->write("done");
    return bytes.size();
  };
  client.on_bytes = [&](ByteView bytes) {
    client.received.append(as_text(bytes));
    finished = client.received == "moving;done";
    return bytes.size();
  };
  auto listener =
      *network.listen(threads.at(0), listen_with(server_options()),
                      [&](std::unique_ptr<Connection> connection) { first.take(std::move(connection)); });
  const ConnectOptions options = connect_with(listener->local(), client_options());
  threads.at(0).post([&] {
    network.connect(threads.at(0), options, [&](Result<std::unique_ptr<Connection>> result) {
      client.take(*std::move(result));
      client.connection->write(text);
    });
  });
  threads.start();
  for (int i = 0; i < 10'000 && !finished; ++i) std::this_thread::sleep_for(milliseconds{1});
  threads.stop();
  EXPECT_EQ(client.received, "moving;done");
  EXPECT_EQ(second.received.size(), text.size() - 4);
  second.connection.reset();
  client.connection.reset();
  listener.reset();
}

TEST(Tls, RunsOverTheVirtualNetwork) {
  VirtualClock clock;
  VirtualScheduler scheduler(clock);
  SeededRng rng(4);
  metrics::Registry registry;
  VirtualNetwork network(scheduler, rng, registry);
  VirtualExecutor server_thread(scheduler);
  VirtualExecutor client_thread(scheduler);
  VirtualLink link;
  link.chunks = VirtualChunks::random;
  link.max_chunk = 300;
  link.jitter = milliseconds{5};
  network.set_default_link(link);
  TlsServerOptions server_side = server_options(ClientCertificate::required);
  server_side.clock = &clock;
  TlsClientOptions client_side = client_options(&device_identity());
  client_side.clock = &clock;
  Recorder server;
  Recorder client;
  auto listener =
      *network.host("server").listen(server_thread, listen_with(server_side),
                                     [&](std::unique_ptr<Connection> c) { server.take(std::move(c)); });
  network.host("client").connect(client_thread, connect_with(listener->local(), client_side),
                                 [&](Result<std::unique_ptr<Connection>> result) {
                                   ASSERT_TRUE(result.has_value()) << result.error().message;
                                   client.take(*std::move(result));
                                   client.connection->write(std::string(100'000, 'v'));
                                 });
  ASSERT_TRUE(scheduler.run_until([&] { return server.received.size() == 100'000; }, seconds{60}));
  EXPECT_FALSE(server.connection->peer().certificate_der.empty());
  EXPECT_EQ(server.connection->peer().address.host, "client");
  // A handshake into a partition passes the deadline.
  network.partition("client", "server");
  std::optional<Error> error;
  network.host("client").connect(client_thread, connect_with(listener->local(), client_side),
                                 [&](Result<std::unique_ptr<Connection>> result) { error = result.error(); });
  scheduler.run_for(seconds{11});
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->code, Errc::timed_out);
}

TEST(Tls, BadOptionsAreErrors) {
  TlsServerOptions options = server_options();
  options.certificate_chain_pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  EXPECT_EQ(make_tls_server_context(options).error().code, Errc::malformed);
  options = server_options();
  options.private_key_pem = device_identity().key_pem;
  EXPECT_EQ(make_tls_server_context(options).error().code, Errc::invalid_argument);
  options = server_options(ClientCertificate::required);
  options.client_ca_pem.clear();
  EXPECT_EQ(make_tls_server_context(options).error().code, Errc::invalid_argument);
  TlsClientOptions client = client_options();
  client.trusted_ca_pem = "nonsense";
  EXPECT_EQ(make_tls_client_context(client).error().code, Errc::malformed);
  client.trusted_ca_pem.assign(kMaxPemBytes + 1, 'x');
  EXPECT_EQ(make_tls_client_context(client).error().code, Errc::limit_exceeded);
}

}  // namespace
}  // namespace dunlin::net
