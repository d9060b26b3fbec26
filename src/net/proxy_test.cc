// The PROXY header on real listeners, below TLS.

#include <gtest/gtest.h>

#include "net/proxy_acceptor.h"
#include "net/tcp_connection.h"
#include "net/test_support.h"
#include "net/tls_test_pki.h"
#include "wire/proxy/limits.h"

namespace dunlin::net {
namespace {

using test::EchoServer;
using test::Loop;
using test::on_loopback;
using test::Recorder;
using test::to;

AddressRange range(std::string_view text) {
  auto parsed = AddressRange::parse(text);
  EXPECT_TRUE(parsed.has_value()) << text;
  return *parsed;
}

TEST(AddressRange, ContainsItsAddressesOnly) {
  const auto contains = [](std::string_view range_text, const char* host) {
    return range(range_text).contains({host, 1});
  };
  EXPECT_TRUE(contains("127.0.0.0/8", "127.3.2.1"));
  EXPECT_FALSE(contains("127.0.0.0/8", "128.0.0.1"));
  EXPECT_TRUE(contains("192.0.2.128/25", "192.0.2.200"));
  EXPECT_FALSE(contains("192.0.2.128/25", "192.0.2.127"));
  EXPECT_TRUE(contains("192.0.2.7", "192.0.2.7"));
  EXPECT_FALSE(contains("192.0.2.7", "192.0.2.6"));
  EXPECT_TRUE(contains("192.0.2.7", "::ffff:192.0.2.7"));
  EXPECT_TRUE(contains("0.0.0.0/0", "203.0.113.9"));
  EXPECT_FALSE(contains("0.0.0.0/0", "2001:db8::1"));
  EXPECT_TRUE(contains("2001:db8::/33", "2001:db8:7fff::1"));
  EXPECT_FALSE(contains("2001:db8::/33", "2001:db8:8000::1"));
  EXPECT_TRUE(contains("::/0", "192.0.2.1"));
  EXPECT_FALSE(contains("::/0", "not.an.address"));
}

TEST(AddressRange, RefusesWhatIsNone) {
  for (const char* text : {"", "/", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8x", "10.0.0.1/8",
                           "10.0.0", "::1/129", "2001:db8::1/32", "example.org", "fe80::1%lo/64"}) {
    const auto parsed = AddressRange::parse(text);
    ASSERT_FALSE(parsed.has_value()) << text;
    EXPECT_EQ(parsed.error().code, Errc::invalid_argument) << text;
    EXPECT_NE(parsed.error().message.find("192.0.2.0/24"), std::string::npos) << text;
  }
}

/// A listener that expects headers, and how many connections came through.
struct Proxied {
  explicit Proxied(std::vector<AddressRange> trusted,
                   const std::function<void(ListenOptions&)>& change = {}) {
    ListenOptions options = on_loopback();
    options.proxy_protocol = ProxyProtocol{std::move(trusted)};
    if (change) change(options);
    auto made = loop.network.listen(loop.reactor, options, [this](std::unique_ptr<Connection> connection) {
      peers.push_back(connection->peer().address.to_string());
      echo.add(std::move(connection));
    });
    EXPECT_TRUE(made.has_value());
    listener = *std::move(made);
  }

  /// A connection that has sent `text`.
  Recorder& send(std::string text) {
    Recorder& client = *clients.emplace_back(std::make_unique<Recorder>());
    loop.network.connect(loop.reactor, to(listener->local()),
                         [&client, text = std::move(text)](Result<std::unique_ptr<Connection>> result) {
                           ASSERT_TRUE(result.has_value()) << result.error().message;
                           client.take(*std::move(result));
                           if (!text.empty()) client.connection->write(text);
                         });
    return client;
  }
  double refused(const char* reason) {
    return loop.registry.value("dunlin_net_proxy_refused_total", {{"reason", reason}});
  }

  Loop loop;
  EchoServer echo;
  std::vector<std::string> peers;
  std::unique_ptr<Listener> listener;
  std::vector<std::unique_ptr<Recorder>> clients;
};

constexpr std::string_view kLine = "PROXY TCP4 203.0.113.9 198.51.100.7 50000 1883\r\n";

TEST(Proxy, ThePeerIsTheOneWhomTheHeaderNames) {
  Proxied proxied({range("10.0.0.0/8"), range("127.0.0.0/8")});
  const Recorder& client = proxied.send(std::string(kLine) + "hello");
  ASSERT_TRUE(proxied.loop.run_until([&] { return client.received == "hello"; }));
  EXPECT_EQ(proxied.peers, std::vector<std::string>{"203.0.113.9:50000"});
  EXPECT_EQ(proxied.loop.registry.value("dunlin_net_proxy_headers_total"), 1);

  std::string binary("\r\n\r\n\0\r\nQUIT\n\x21\x21\0\x24", 16);
  binary += std::string("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01", 16) + std::string(16, '\1') +
            "\x12\x34\x07\x5b";
  const Recorder& other = proxied.send(binary + "hi");
  ASSERT_TRUE(proxied.loop.run_until([&] { return other.received == "hi"; }));
  EXPECT_EQ(proxied.peers.back(), "[2001:db8::1]:4660");
}

TEST(Proxy, AHeaderMayComeByteByByteAndManyBytesMayFollow) {
  Proxied proxied({range("127.0.0.1")});
  Recorder& client = proxied.send("");
  ASSERT_TRUE(proxied.loop.run_until([&] { return client.connection != nullptr; }));
  for (const char byte : kLine) {
    client.connection->write(std::string(1, byte));
    proxied.loop.run_until([] { return true; });
  }
  const std::string much(1'000'000, 'm');
  client.connection->write(much);
  ASSERT_TRUE(proxied.loop.run_until([&] { return client.received.size() == much.size(); }));
  EXPECT_TRUE(client.received == much);

  // More than a handler may leave unread comes in one piece with the header.
  const Recorder& burst = proxied.send(std::string(kLine) + std::string(200'000, 'b'));
  ASSERT_TRUE(proxied.loop.run_until([&] { return burst.received.size() == 200'000; }));
}

TEST(Proxy, LocalKeepsTheProxysOwnAddress) {
  Proxied proxied({range("127.0.0.1")});
  const Recorder& client = proxied.send(std::string("\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", 16) + "health");
  ASSERT_TRUE(proxied.loop.run_until([&] { return client.received == "health"; }));
  EXPECT_TRUE(proxied.peers[0].starts_with("127.0.0.1:")) << proxied.peers[0];
}

TEST(Proxy, PeersOutsideTheRangesAreRefused) {
  Proxied proxied({range("192.0.2.0/24")});
  const Recorder& client = proxied.send(std::string(kLine));
  ASSERT_TRUE(proxied.loop.run_until([&] { return client.closed(); }));
  EXPECT_EQ(proxied.refused("untrusted"), 1);
  EXPECT_TRUE(proxied.peers.empty());
}

TEST(Proxy, BadHeadersAreRefused) {
  Proxied proxied({range("127.0.0.1")});
  const std::string too_long = "PROXY UNKNOWN " + std::string(proxy::kMaxLineBytes, 'x');
  const std::string no_header("\x10\x0c\0\4MQTT\5\2\0\0\0\0", 14);
  // No address, from a proxy on this machine: its rights are not lent.
  const std::string datagram = std::string("\r\n\r\n\0\r\nQUIT\n\x21\x12\0\x0c", 16) + std::string(12, '\1');
  for (const std::string& bytes : {too_long, no_header, std::string("PROXY UNKNOWN\r\n"), datagram}) {
    const double before = proxied.refused("bad");
    const Recorder& client = proxied.send(bytes);
    ASSERT_TRUE(proxied.loop.run_until([&] { return client.closed(); })) << bytes;
    EXPECT_EQ(proxied.refused("bad"), before + 1) << bytes;
  }
  EXPECT_TRUE(proxied.peers.empty());
  const Recorder& honest = proxied.send(std::string(kLine) + "x");
  EXPECT_TRUE(proxied.loop.run_until([&] { return honest.received == "x"; }));
}

TEST(Proxy, AMissingHeaderIsRefusedAfterItsDeadline) {
  Proxied proxied({range("127.0.0.1")}, [](ListenOptions& options) {
    options.proxy_protocol->deadline = std::chrono::milliseconds{30};
  });
  const Recorder& silent = proxied.send("");
  const Recorder& slow = proxied.send(std::string(kLine.substr(0, 20)));
  ASSERT_TRUE(proxied.loop.run_until([&] { return silent.closed() && slow.closed(); }));
  EXPECT_EQ(proxied.refused("late"), 2);

  Recorder& gone = proxied.send(std::string(kLine.substr(0, 20)));
  ASSERT_TRUE(proxied.loop.run_until([&] { return gone.connection != nullptr; }));
  gone.connection->close();
  ASSERT_TRUE(
      proxied.loop.run_until([&] { return proxied.refused("ended") + proxied.refused("late") == 3; }));
}

TEST(Proxy, OnlySoManyMayWait) {
  Proxied proxied({range("127.0.0.1")},
                  [](ListenOptions& options) { options.proxy_protocol->max_waiting = 2; });
  for (int i = 0; i < 5; ++i) proxied.send("");
  ASSERT_TRUE(proxied.loop.run_until([&] { return proxied.refused("too_many") == 3; }));
  proxied.clients[0]->connection->write(std::string(kLine) + "x");
  // Whichever two are waiting: those that were refused are closed.
  const auto closed = [&] {
    return std::count_if(proxied.clients.begin(), proxied.clients.end(),
                         [](const auto& client) { return client->closed(); });
  };
  EXPECT_TRUE(proxied.loop.run_until([&] { return closed() >= 3; }));
}

/// What comes of `header` when the proxy has the address 10.0.0.1: the peer's address, or nothing.
std::optional<std::string> from_elsewhere(const std::string& header) {
  Loop loop;
  NetMetrics metrics(loop.registry);
  std::optional<std::string> peer;
  bool ended = false;
  EchoServer echo;
  AcceptHandler acceptor =
      accept_with_proxy({{range("10.0.0.0/8")}}, metrics, [&](std::unique_ptr<Connection> connection) {
        peer = connection->peer().address.host;
        ended = true;
        echo.add(std::move(connection));
      });
  auto listener =
      *loop.network.listen(loop.reactor, on_loopback(), [&](std::unique_ptr<Connection> connection) {
        static_cast<TcpConnection&>(*connection).set_peer_address(*parse_address({"10.0.0.1", 99}));
        acceptor(std::move(connection));
      });
  Recorder client;
  client.on_end = [&] { ended = true; };
  loop.network.connect(loop.reactor, to(listener->local()), [&](Result<std::unique_ptr<Connection>> result) {
    client.take(*std::move(result));
    client.connection->write(header);
  });
  EXPECT_TRUE(loop.run_until([&] { return ended; }));
  return peer;
}

TEST(Proxy, AHeaderDoesNotLendTheRightsOfThisMachine) {
  EXPECT_EQ(from_elsewhere("PROXY TCP4 203.0.113.9 1.2.3.4 5 6\r\n"), "203.0.113.9");
  EXPECT_EQ(from_elsewhere("PROXY UNKNOWN\r\n"), "10.0.0.1");
  EXPECT_EQ(from_elsewhere("PROXY TCP4 127.0.0.1 1.2.3.4 5 6\r\n"), std::nullopt);
  EXPECT_EQ(from_elsewhere("PROXY TCP6 ::1 ::2 5 6\r\n"), std::nullopt);
  EXPECT_EQ(from_elsewhere("PROXY TCP6 ::ffff:7f00:1 ::2 5 6\r\n"), std::nullopt);
}

TEST(Proxy, ComesBeforeTls) {
  const auto authority = test::make_authority("authority");
  const auto identity = test::make_identity(authority, "localhost");
  TlsServerOptions server_options;
  server_options.certificate_chain_pem = identity.certificate_pem;
  server_options.private_key_pem = identity.key_pem;
  Proxied proxied({range("127.0.0.1")}, [&](ListenOptions& options) {
    options.tls = make_tls_server_context(server_options).value();
  });
  // A proxy: sends its header, then passes the bytes of a TLS client on.
  Recorder& upstream = proxied.send(std::string(kLine));
  Recorder downstream;
  auto front = *proxied.loop.network.listen(
      proxied.loop.reactor, on_loopback(),
      [&](std::unique_ptr<Connection> connection) { downstream.take(std::move(connection)); });
  upstream.on_bytes = [&](ByteView bytes) {
    downstream.connection->write(bytes);
    return bytes.size();
  };
  downstream.on_bytes = [&](ByteView bytes) {
    upstream.connection->write(bytes);
    return bytes.size();
  };
  TlsClientOptions client_options;
  client_options.trusted_ca_pem = authority.certificate_pem;
  ConnectOptions connect = to(front->local());
  connect.tls = make_tls_client_context(client_options).value();
  Recorder client;
  ASSERT_TRUE(proxied.loop.run_until([&] { return upstream.connection != nullptr; }));
  proxied.loop.network.connect(proxied.loop.reactor, connect,
                               [&](Result<std::unique_ptr<Connection>> result) {
                                 ASSERT_TRUE(result.has_value()) << result.error().message;
                                 client.take(*std::move(result));
                                 client.connection->write("over TLS");
                               });
  ASSERT_TRUE(proxied.loop.run_until([&] { return client.received == "over TLS"; }));
  EXPECT_EQ(proxied.peers, std::vector<std::string>{"203.0.113.9:50000"});
}

TEST(Proxy, AListenerMayGoWhileConnectionsWait) {
  Proxied proxied({range("127.0.0.1")});
  const Recorder& client = proxied.send(std::string(kLine.substr(0, 10)));
  ASSERT_TRUE(proxied.loop.run_until([&] { return client.connection != nullptr; }));
  proxied.loop.run_until([] { return true; });
  proxied.listener.reset();
  EXPECT_TRUE(proxied.loop.run_until([&] { return client.closed(); }));
}

}  // namespace
}  // namespace dunlin::net
