// Peers that take nothing of what waits for them, or are not there any more.

#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "net/limits.h"
#include "net/test_support.h"

namespace dunlin::net {
namespace {

using std::chrono::milliseconds;
using test::Loop;
using test::on_loopback;
using test::Recorder;
using test::to;

/// A server with little patience; its clients have none to lose.
struct Meeting {
  explicit Meeting(Duration stalled_after)
      : network({&loop.reactor}, loop.workers, registry, {stalled_after}) {
    listener = *network.listen(loop.reactor, on_loopback(),
                               [this](std::unique_ptr<Connection> made) { server.take(std::move(made)); });
    loop.network.connect(
        loop.reactor, to(listener->local()),
        [this](Result<std::unique_ptr<Connection>> result) { client.take(*std::move(result)); });
    EXPECT_TRUE(loop.run_until([this] { return client.connection && server.connection; }));
  }
  /// More than any socket's buffer takes.
  void send_much() {
    for (int i = 0; i < 64; ++i) server.connection->write(std::string_view(block));
  }
  double cut_off() { return registry.value("dunlin_net_stalled_total"); }

  const std::string block = std::string(1024 * 1024, 'x');
  Loop loop;
  metrics::Registry registry;
  EpollNetwork network;
  std::unique_ptr<Listener> listener;
  Recorder server;
  Recorder client;
};

TEST(Stall, APeerThatReadsNothingIsCutOff) {
  Meeting meeting(milliseconds{300});
  meeting.client.connection->pause_reading();
  meeting.send_much();
  EXPECT_TRUE(meeting.loop.run_until([&] { return meeting.server.closed(); }));
  EXPECT_EQ(meeting.server.reason, CloseReason::timed_out);
  EXPECT_EQ(meeting.cut_off(), 1);
}

TEST(Stall, APeerThatReadsAllIsNot) {
  Meeting meeting(std::chrono::seconds{30});
  meeting.send_much();
  EXPECT_TRUE(
      meeting.loop.run_until([&] { return meeting.client.received.size() == 64 * meeting.block.size(); }));
  EXPECT_FALSE(meeting.server.closed());
  EXPECT_EQ(meeting.cut_off(), 0);
}

TEST(Stall, WithoutALimitNobodyIsCutOff) {
  Meeting meeting(Duration::zero());
  meeting.client.connection->pause_reading();
  meeting.send_much();
  // What would have ended the first test ends here with the peer's reading.
  meeting.loop.run_until([] { return false; }, milliseconds{900});
  EXPECT_FALSE(meeting.server.closed());
  meeting.client.connection->resume_reading();
  EXPECT_TRUE(
      meeting.loop.run_until([&] { return meeting.client.received.size() == 64 * meeting.block.size(); }));
}

int option(int fd, int level, int name) {
  int value = -1;
  socklen_t size = sizeof value;
  EXPECT_EQ(::getsockopt(fd, level, name, &value, &size), 0);
  return value;
}

TEST(Keepalive, AcceptedSocketsInheritWhatTheListenerWasTold) {
  const auto listening = open_listening_socket({"127.0.0.1", 0}, 1, PortSharing::exclusive,
                                               {std::chrono::seconds{7}, std::chrono::seconds{90}});
  ASSERT_TRUE(listening.has_value());
  sockaddr_in address{};
  socklen_t size = sizeof address;
  ASSERT_EQ(::getsockname(listening->get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  const UniqueFd peer{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  ASSERT_EQ(::connect(peer.get(), reinterpret_cast<const sockaddr*>(&address), size), 0);
  UniqueFd accepted;
  while (!accepted.valid()) accepted = UniqueFd{::accept(listening->get(), nullptr, nullptr)};
  EXPECT_EQ(option(accepted.get(), IPPROTO_TCP, TCP_USER_TIMEOUT), 2 * 7000);
  EXPECT_EQ(option(accepted.get(), SOL_SOCKET, SO_KEEPALIVE), 1);
  EXPECT_EQ(option(accepted.get(), IPPROTO_TCP, TCP_KEEPIDLE), 90);
  EXPECT_EQ(option(accepted.get(), IPPROTO_TCP, TCP_KEEPINTVL), 20);
  EXPECT_EQ(option(accepted.get(), IPPROTO_TCP, TCP_KEEPCNT), kKeepaliveProbes);
  EXPECT_NE(option(accepted.get(), IPPROTO_TCP, TCP_NODELAY), 0);
}

TEST(Keepalive, WithoutLimitsTheKernelsDefaultsHold) {
  const auto listening = open_listening_socket({"127.0.0.1", 0}, 1, PortSharing::exclusive,
                                               {Duration::zero(), Duration::zero()});
  ASSERT_TRUE(listening.has_value());
  EXPECT_EQ(option(listening->get(), IPPROTO_TCP, TCP_USER_TIMEOUT), 0);
  EXPECT_EQ(option(listening->get(), SOL_SOCKET, SO_KEEPALIVE), 0);
}

}  // namespace
}  // namespace dunlin::net
