#include "net/connection_rate.h"

#include <gtest/gtest.h>

#include "net/limits.h"
#include "net/test_support.h"

namespace dunlin::net {
namespace {

using Verdict = ConnectionLimiter::Verdict;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Instant kStart{seconds{1000}};

int admitted(ConnectionLimiter& limiter, const std::string& host, int tries, Instant now) {
  int count = 0;
  for (int i = 0; i < tries; ++i)
    count += limiter.admit({host, static_cast<std::uint16_t>(i)}, now) == Verdict::admitted ? 1 : 0;
  return count;
}

TEST(ConnectionRate, ZeroIsNoLimit) {
  ConnectionLimiter limiter({});
  EXPECT_EQ(admitted(limiter, "192.0.2.1", 10'000, kStart), 10'000);
  EXPECT_EQ(limiter.sources(), 0U);
}

TEST(ConnectionRate, ASourceGetsItsRateAndOthersTheirs) {
  ConnectionLimiter limiter({0, 10});
  EXPECT_EQ(admitted(limiter, "192.0.2.1", 100, kStart), 10);
  EXPECT_EQ(limiter.admit({"192.0.2.1", 1}, kStart), Verdict::too_many_of_address);
  EXPECT_EQ(admitted(limiter, "192.0.2.2", 100, kStart), 10);
  EXPECT_EQ(admitted(limiter, "192.0.2.1", 100, kStart + milliseconds{500}), 5);
  EXPECT_EQ(admitted(limiter, "192.0.2.1", 100, kStart + seconds{3600}), 10);
}

TEST(ConnectionRate, AnIpv6NetworkIsOneSource) {
  ConnectionLimiter limiter({0, 2});
  EXPECT_EQ(admitted(limiter, "2001:db8::1", 5, kStart), 2);
  EXPECT_EQ(admitted(limiter, "2001:db8::ffff:1", 5, kStart), 0);
  EXPECT_EQ(admitted(limiter, "2001:db8:0:1::1", 5, kStart), 2);
  EXPECT_EQ(admitted(limiter, "unix:uid=7", 5, kStart), 2);
}

TEST(ConnectionRate, AllTogetherAreBounded) {
  ConnectionLimiter limiter({3, 2});
  EXPECT_EQ(admitted(limiter, "192.0.2.1", 5, kStart), 2);
  EXPECT_EQ(admitted(limiter, "192.0.2.2", 1, kStart), 1);
  EXPECT_EQ(limiter.admit({"192.0.2.3", 1}, kStart), Verdict::too_many_in_all);
}

TEST(ConnectionRate, ASlowRateStillAdmitsOne) {
  ConnectionLimiter limiter({0, 0.5});
  EXPECT_EQ(admitted(limiter, "192.0.2.1", 5, kStart), 1);
  EXPECT_EQ(admitted(limiter, "192.0.2.1", 5, kStart + seconds{1}), 0);
  EXPECT_EQ(admitted(limiter, "192.0.2.1", 5, kStart + seconds{2}), 1);
}

TEST(ConnectionRate, TheTableOfSourcesIsBounded) {
  ConnectionLimiter limiter({0, 1});
  const auto host = [](std::size_t i) {
    return "10." + std::to_string(i >> 16 & 255) + "." + std::to_string(i >> 8 & 255) + "." +
           std::to_string(i & 255);
  };
  for (std::size_t i = 0; i < kMaxRateSources; ++i) EXPECT_EQ(admitted(limiter, host(i), 1, kStart), 1);
  // One bucket for all who are too many, none taken from those who are known.
  EXPECT_EQ(admitted(limiter, host(kMaxRateSources), 1, kStart), 1);
  EXPECT_EQ(admitted(limiter, host(kMaxRateSources + 1), 1, kStart), 0);
  EXPECT_EQ(limiter.sources(), kMaxRateSources);
  EXPECT_EQ(admitted(limiter, host(kMaxRateSources + 2), 1, kStart + seconds{2}), 1);
  EXPECT_EQ(limiter.sources(), 1U);
}

TEST(ConnectionRate, AListenerClosesWhatIsTooMany) {
  test::Loop loop;
  test::EchoServer echo;
  ListenOptions options = test::on_loopback();
  options.limiter = std::make_shared<ConnectionLimiter>(ConnectionRate{0, 0.01});
  auto listener = *loop.network.listen(loop.reactor, options, echo.acceptor());
  std::vector<std::unique_ptr<test::Recorder>> clients;
  for (int i = 0; i < 4; ++i) {
    test::Recorder& client = *clients.emplace_back(std::make_unique<test::Recorder>());
    loop.network.connect(
        loop.reactor, test::to(listener->local()),
        [&client](Result<std::unique_ptr<Connection>> result) { client.take(*std::move(result)); });
  }
  const auto closed = [&] {
    return std::count_if(clients.begin(), clients.end(), [](const auto& client) { return client->closed(); });
  };
  ASSERT_TRUE(loop.run_until([&] { return closed() == 3; }));
  EXPECT_EQ(loop.registry.value("dunlin_net_rate_refused_total", {{"limit", "address"}}), 3);
  EXPECT_EQ(echo.peers.size(), 1U);
}

}  // namespace
}  // namespace dunlin::net
