#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <thread>

#include "base/rng.h"
#include "net/limits.h"
#include "net/test_support.h"

namespace dunlin::net {
namespace {

using test::EchoServer;
using test::Loop;
using test::on_loopback;
using test::Recorder;
using test::to;

std::string random_text(Rng& rng, std::size_t size) {
  std::string text(size, '\0');
  rng.fill({reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
  return text;
}

// A listener and one connection to it.
struct Pair {
  explicit Pair(Loop& loop, const char* host = "127.0.0.1") {
    auto made = loop.network.listen(loop.reactor, on_loopback(host),
                                    [this](std::unique_ptr<Connection> c) { server.take(std::move(c)); });
    EXPECT_TRUE(made.has_value());
    listener = *std::move(made);
    loop.network.connect(loop.reactor, to(listener->local()),
                         [this](Result<std::unique_ptr<Connection>> result) {
                           ASSERT_TRUE(result.has_value()) << result.error().message;
                           client.take(*std::move(result));
                         });
    EXPECT_TRUE(
        loop.run_until([this] { return client.connection != nullptr && server.connection != nullptr; }));
  }
  std::unique_ptr<Listener> listener;
  Recorder server;
  Recorder client;
};

TEST(Tcp, EchoesWithRandomChunks) {
  Loop loop;
  EchoServer echo;
  auto listener = *loop.network.listen(loop.reactor, on_loopback(), echo.acceptor());
  SeededRng rng(7);
  const std::string sent = random_text(rng, 3'000'000);
  Recorder client;
  std::size_t written = 0;
  std::function<void()> write_more = [&] {
    while (written < sent.size() && client.connection->pending_output() < kOutputHighMark) {
      const std::size_t part =
          std::min<std::size_t>(sent.size() - written, 1 + rng.below(rng.below(2) == 0 ? 700 : 90'000));
      client.connection->write(std::string_view{sent}.substr(written, part));
      written += part;
    }
    if (written < sent.size()) loop.reactor.post([&] { write_more(); });
  };
  // A reader that leaves some bytes each time must still see every byte once, in order.
  client.on_bytes = [&](ByteView bytes) {
    const std::size_t taken = bytes.size() < 3
                                  ? bytes.size()
                                  : bytes.size() - rng.below(std::min<std::size_t>(bytes.size(), 20'000));
    client.received.append(as_text(bytes.first(taken)));
    if (taken < bytes.size()) loop.reactor.post([&] { client.connection->resume_reading(); });
    return taken;
  };
  loop.network.connect(loop.reactor, to(listener->local()), [&](Result<std::unique_ptr<Connection>> result) {
    client.take(*std::move(result));
    EXPECT_EQ(client.connection->peer().address, listener->local());
    EXPECT_EQ(client.connection->peer().transport, "tcp");
    write_more();
  });
  ASSERT_TRUE(loop.run_until([&] { return client.received.size() == sent.size(); }));
  EXPECT_TRUE(client.received == sent);
  EXPECT_EQ(loop.registry.value("dunlin_net_open_connections"), 2);
  EXPECT_EQ(loop.registry.value("dunlin_net_bytes_in_total"), 6e6);
  EXPECT_EQ(loop.registry.value("dunlin_net_bytes_out_total"), 6e6);
}

TEST(Tcp, ManySmallWritesLeaveTogether) {
  Loop loop;
  Pair pair(loop);
  const std::uint64_t before = loop.reactor.turns();
  std::string expected;
  for (int i = 0; i < 10'000; ++i) {
    const std::string text = "message " + std::to_string(i) + "\n";
    pair.client.connection->write(text);
    expected += text;
  }
  ASSERT_TRUE(loop.run_until([&] { return pair.server.received.size() == expected.size(); }));
  EXPECT_EQ(pair.server.received, expected);
  EXPECT_LT(loop.reactor.turns() - before, 50U);
}

TEST(Tcp, KeepsTheUnconsumedTail) {
  Loop loop;
  Pair pair(loop);
  std::vector<std::string> units;
  pair.server.on_bytes = [&](ByteView bytes) {
    std::size_t done = 0;
    while (bytes.size() - done >= 1000) {
      units.emplace_back(as_text(bytes.subspan(done, 1000)));
      done += 1000;
    }
    return done;
  };
  SeededRng rng(3);
  const std::string sent = random_text(rng, 50'000);
  for (std::size_t at = 0; at < sent.size(); at += 500) {
    pair.client.connection->write(std::string_view{sent}.substr(at, 500));
    loop.run_until([&] { return pair.client.connection->pending_output() == 0; });
  }
  ASSERT_TRUE(loop.run_until([&] { return units.size() == 50; }));
  std::string joined;
  for (const std::string& unit : units) joined += unit;
  EXPECT_TRUE(joined == sent);
}

TEST(Tcp, BreaksWhenTooMuchIsLeft) {
  Loop loop;
  Pair pair(loop);
  pair.server.connection->set_max_unconsumed(10'000);
  pair.server.on_bytes = [](ByteView) { return std::size_t{0}; };
  pair.client.connection->write(std::string(10'000, 'x'));
  loop.run_until([&] { return false; }, std::chrono::milliseconds{30});
  EXPECT_FALSE(pair.server.closed());
  pair.client.connection->write(std::string(1, 'x'));
  ASSERT_TRUE(loop.run_until([&] { return pair.server.closed() && pair.client.closed(); }));
  EXPECT_EQ(pair.server.reason, CloseReason::reset);
  EXPECT_EQ(loop.registry.value("dunlin_net_unconsumed_exceeded_total"), 1);
}

TEST(Tcp, SlowReaderBuildsBackPressureAndDrains) {
  Loop loop;
  Pair pair(loop);
  pair.server.connection->pause_reading();
  const std::size_t total = 24 * 1024 * 1024;
  pair.client.connection->write(Slice::copy_of(std::string(total, 'a')));
  loop.run_until([&] { return false; }, std::chrono::milliseconds{50});
  EXPECT_GT(pair.client.connection->pending_output(), kOutputHighMark);
  EXPECT_EQ(pair.server.received.size(), 0U);
  EXPECT_EQ(pair.client.drained, 0);
  pair.server.connection->resume_reading();
  ASSERT_TRUE(loop.run_until([&] { return pair.server.received.size() == total; }));
  EXPECT_EQ(pair.client.drained, 1);
  EXPECT_EQ(pair.client.connection->pending_output(), 0U);
}

TEST(Tcp, PausedInsideOnDataOffersTheRestOnResume) {
  Loop loop;
  Pair pair(loop);
  pair.server.on_bytes = [&](ByteView bytes) {
    pair.server.received.append(as_text(bytes.first(1)));
    pair.server.connection->pause_reading();
    loop.reactor.schedule(std::chrono::milliseconds{1}, [&] { pair.server.connection->resume_reading(); });
    return std::size_t{1};
  };
  pair.client.connection->write("abcdef");
  ASSERT_TRUE(loop.run_until([&] { return pair.server.received == "abcdef"; }));
}

TEST(Tcp, CloseSendsWhatIsQueued) {
  Loop loop;
  Pair pair(loop);
  const std::string big(5'000'000, 'z');
  pair.client.connection->write(big);
  pair.client.connection->close();
  pair.client.connection->write("ignored");
  pair.server.on_end = [&] { pair.server.connection.reset(); };
  ASSERT_TRUE(loop.run_until([&] { return pair.server.closed() && pair.client.closed(); }));
  EXPECT_EQ(pair.server.received.size(), big.size());
  EXPECT_EQ(pair.server.reason, CloseReason::peer_closed);
  EXPECT_EQ(pair.client.reason, CloseReason::local_closed);
  EXPECT_EQ(pair.client.closed_calls, 1);
}

TEST(Tcp, LastWordsArriveAlthoughInputIsUnread) {
  Loop loop;
  Pair pair(loop);
  pair.client.connection->write(std::string(200'000, 'q'));
  pair.server.on_bytes = [&](ByteView) {
    pair.server.connection->write("refused");
    pair.server.connection->close();
    return std::size_t{0};
  };
  pair.server.on_end = [&] { pair.server.connection.reset(); };
  ASSERT_TRUE(loop.run_until([&] { return pair.client.closed(); }));
  EXPECT_EQ(pair.client.received, "refused");
  EXPECT_EQ(pair.client.reason, CloseReason::peer_closed);
}

TEST(Tcp, OutputQueuedBeforeThePeersEndIsSent) {
  Loop loop;
  constexpr std::size_t kTotal = 20'000'000;
  Recorder server;
  auto accept = [&](std::unique_ptr<Connection> connection) {
    server.take(std::move(connection));
    server.connection->write(std::string(kTotal, 'r'));
  };
  auto listener = *loop.network.listen(loop.reactor, on_loopback(), accept);
  std::size_t got = 0;
  // A peer that ends its own side first and then reads, slowly at the start.
  std::thread peer([&got, port = listener->local().port] {
    const UniqueFd socket{::socket(AF_INET, SOCK_STREAM, 0)};
    const auto address = *parse_address({"127.0.0.1", port});
    ASSERT_EQ(::connect(socket.get(), &address.base, address.length), 0);
    ASSERT_EQ(::shutdown(socket.get(), SHUT_WR), 0);
    std::this_thread::sleep_for(std::chrono::milliseconds{30});
    std::vector<char> buffer(1'000'000);
    while (true) {
      const auto count = ::recv(socket.get(), buffer.data(), buffer.size(), 0);
      if (count <= 0) break;
      got += static_cast<std::size_t>(count);
    }
  });
  EXPECT_TRUE(loop.run_until([&] { return server.closed(); }));
  EXPECT_EQ(server.reason, CloseReason::peer_closed);
  peer.join();
  EXPECT_EQ(got, kTotal);
}

TEST(Tcp, AbortReportsLaterAndResetsThePeer) {
  Loop loop;
  Pair pair(loop);
  pair.client.connection->abort();
  EXPECT_FALSE(pair.client.closed());
  ASSERT_TRUE(loop.run_until([&] { return pair.server.closed() && pair.client.closed(); }));
  EXPECT_EQ(pair.server.reason, CloseReason::reset);
  EXPECT_EQ(pair.client.reason, CloseReason::local_closed);
  EXPECT_EQ(loop.registry.value("dunlin_net_closed_total", {{"reason", "reset"}}), 1);
}

TEST(Tcp, MayBeDestroyedInsideItsCallbacks) {
  for (int where = 0; where < 3; ++where) {
    Loop loop;
    Pair pair(loop);
    bool gone = false;
    auto destroy = [&] {
      pair.server.connection.reset();
      gone = true;
    };
    pair.server.on_bytes = [&](ByteView bytes) {
      if (where == 0) destroy();
      // The view stays valid although the connection is gone.
      EXPECT_EQ(as_text(bytes).back(), 'x');
      return bytes.size();
    };
    pair.server.on_end = [&] { destroy(); };
    pair.server.on_drained = [&] {
      if (where == 2) destroy();
    };
    if (where == 1) pair.client.connection->close();
    if (where == 2) pair.server.connection->write(std::string(12'000'000, 'y'));
    if (where == 0) pair.client.connection->write(std::string(100'000, 'x'));
    ASSERT_TRUE(loop.run_until([&] { return gone; })) << where;
  }
}

TEST(Tcp, EachMayDestroyTheOtherInOneTurn) {
  Loop loop;
  EchoServer echo;
  auto listener = *loop.network.listen(loop.reactor, on_loopback(), echo.acceptor());
  std::vector<std::unique_ptr<Recorder>> clients;
  for (int i = 0; i < 50; ++i) {
    loop.network.connect(loop.reactor, to(listener->local()),
                         [&](Result<std::unique_ptr<Connection>> result) {
                           clients.push_back(std::make_unique<Recorder>());
                           clients.back()->take(*std::move(result));
                         });
  }
  ASSERT_TRUE(loop.run_until([&] { return clients.size() == 50 && echo.peers.size() == 50; }));
  bool cut = false;
  for (auto& peer : echo.peers) {
    peer->on_bytes = [&](ByteView bytes) {
      for (auto& other : echo.peers) other->connection.reset();
      cut = true;
      return bytes.size();
    };
  }
  for (auto& client : clients) client->connection->write("x");
  ASSERT_TRUE(loop.run_until([&] {
    return cut &&
           std::all_of(clients.begin(), clients.end(), [](const auto& client) { return client->closed(); });
  }));
  EXPECT_EQ(loop.registry.value("dunlin_net_open_connections"), 0);
}

TEST(Tcp, HandlerMayBeReplaced) {
  Loop loop;
  Pair pair(loop);
  Recorder second;
  pair.server.on_bytes = [&](ByteView) {
    pair.server.connection->set_handler(&second);
    return std::size_t{2};
  };
  pair.client.connection->write("abcd");
  ASSERT_TRUE(loop.run_until([&] { return second.received == "cd"; }));
  pair.server.connection->set_handler(nullptr);
  pair.client.connection->write("ef");
  loop.run_until([&] { return false; }, std::chrono::milliseconds{20});
  EXPECT_EQ(second.received, "cd");
  pair.server.connection->set_handler(&second);
  ASSERT_TRUE(loop.run_until([&] { return second.received == "cdef"; }));
}

TEST(Tcp, Ipv6Loopback) {
  Loop loop;
  Pair pair(loop, "::1");
  EXPECT_EQ(pair.listener->local().host, "::1");
  EXPECT_TRUE(pair.server.connection->peer().address.is_loopback());
  pair.client.connection->write("six");
  ASSERT_TRUE(loop.run_until([&] { return pair.server.received == "six"; }));
}

TEST(Tcp, RefusedTimedOutAndUnknownNames) {
  Loop loop;
  Endpoint nobody;
  {
    auto listener = *loop.network.listen(loop.reactor, on_loopback(), [](std::unique_ptr<Connection>) {});
    nobody = listener->local();
  }
  std::vector<Errc> errors;
  auto note = [&](Result<std::unique_ptr<Connection>> result) {
    ASSERT_FALSE(result.has_value());
    errors.push_back(result.error().code);
  };
  loop.network.connect(loop.reactor, to(nobody), note);
  EXPECT_TRUE(errors.empty());
  ASSERT_TRUE(loop.run_until([&] { return errors.size() == 1; }));
  EXPECT_EQ(errors[0], Errc::unavailable);

  // A listener whose backlog is full drops SYNs, so the next connect gets no answer.
  const int silent = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  ASSERT_EQ(::bind(silent, reinterpret_cast<sockaddr*>(&address), length), 0);
  ASSERT_EQ(::listen(silent, 0), 0);
  ::getsockname(silent, reinterpret_cast<sockaddr*>(&address), &length);
  const Endpoint full{"127.0.0.1", ntohs(address.sin_port)};
  std::vector<std::unique_ptr<Connection>> fillers;
  int answered = 0;
  int timed_out = 0;
  for (int i = 0; i < 8; ++i) {
    ConnectOptions options = to(full);
    options.deadline = std::chrono::milliseconds{200};
    loop.network.connect(loop.reactor, options, [&](Result<std::unique_ptr<Connection>> result) {
      ++answered;
      if (result) return fillers.push_back(*std::move(result));
      timed_out += result.error().code == Errc::timed_out;
    });
  }
  ASSERT_TRUE(loop.run_until([&] { return answered == 8; }));
  EXPECT_GT(timed_out, 0);
  ::close(silent);

  loop.network.connect(loop.reactor, to({"no-such-host.invalid", 1}), note);
  ASSERT_TRUE(loop.run_until([&] { return errors.size() == 2; }));
  EXPECT_EQ(errors[1], Errc::not_found);
}

TEST(Tcp, NamesAreResolved) {
  Loop loop;
  EchoServer echo;
  auto listener = *loop.network.listen(loop.reactor, on_loopback(), echo.acceptor());
  bool connected = false;
  loop.network.connect(loop.reactor, to({"localhost", listener->local().port}),
                       [&](Result<std::unique_ptr<Connection>> result) { connected = result.has_value(); });
  ASSERT_TRUE(loop.run_until([&] { return connected; }));
}

TEST(Tcp, PortsInUseAreFoundAndFreedAtOnce) {
  Loop first;
  Loop second;
  EchoServer echo;
  auto listener = *first.network.listen(first.reactor, on_loopback(), echo.acceptor());
  ListenOptions same = on_loopback();
  same.endpoint = listener->local();
  auto refused = second.network.listen(second.reactor, same, [](std::unique_ptr<Connection>) {});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Errc::unavailable);

  // A server that had connections and dies leaves them in TIME_WAIT; its port must be usable at once.
  Recorder client;
  first.network.connect(first.reactor, to(listener->local()),
                        [&](Result<std::unique_ptr<Connection>> result) { client.take(*std::move(result)); });
  ASSERT_TRUE(first.run_until([&] { return client.connection != nullptr && !echo.peers.empty(); }));
  echo.peers.clear();
  listener.reset();
  ASSERT_TRUE(first.run_until([&] { return client.closed(); }));
  EXPECT_TRUE(second.network.listen(second.reactor, same, [](std::unique_ptr<Connection>) {}).has_value());
  ListenOptions name = on_loopback("host.example");
  auto not_numeric = first.network.listen(first.reactor, name, [](std::unique_ptr<Connection>) {});
  EXPECT_EQ(not_numeric.error().code, Errc::invalid_argument);
}

// The undefined-behaviour sanitizer opens pipes to look at memory, and reports a bug when it cannot.
#ifndef __SANITIZE_ADDRESS__
TEST(Tcp, OutOfDescriptorsIsSurvived) {
  Loop loop;
  EchoServer echo;
  auto listener = *loop.network.listen(loop.reactor, on_loopback(), echo.acceptor());
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  Recorder client;
  bool refused = false;
  loop.network.connect(loop.reactor, to(listener->local()), [&](Result<std::unique_ptr<Connection>> result) {
    client.take(*std::move(result));
    client.on_end = [&] { refused = true; };
  });
  // Let the client have its descriptor, and then no more for the server's side.
  rlimit none = before;
  const int probe = ::dup(0);
  none.rlim_cur = static_cast<rlim_t>(probe) + 1;
  ::close(probe);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const bool met =
      loop.run_until([&] { return loop.registry.value("dunlin_net_accept_failures_total") >= 1 && refused; });
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(met);
  bool connected = false;
  loop.network.connect(loop.reactor, to(listener->local()),
                       [&](Result<std::unique_ptr<Connection>> result) { connected = result.has_value(); });
  ASSERT_TRUE(loop.run_until([&] { return connected && echo.peers.size() == 1; }));
}
#endif

}  // namespace
}  // namespace dunlin::net
