#include "fleet/radio.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "fleet/limits.h"
#include "net/virtual_network.h"

namespace dunlin::fleet {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class Ear final : public net::ConnectionHandler {
 public:
  std::size_t on_data(ByteView bytes) override {
    heard += as_text(bytes);
    return bytes.size();
  }
  void on_closed(net::CloseReason reason) override {
    closed = reason;
    connection.reset();
  }
  std::unique_ptr<net::Connection> connection;
  std::string heard;
  std::optional<net::CloseReason> closed;
};

class RadioTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto made = network.host("server").listen(server_executor, {.endpoint = {"server", 1}, .tls = {}},
                                              [this](std::unique_ptr<net::Connection> connection) {
                                                server.connection = std::move(connection);
                                                server.connection->set_handler(&server);
                                              });
    ASSERT_TRUE(made.has_value());
    listener = std::move(*made);
  }
  void dial() {
    net::ConnectOptions options;
    options.endpoint = {"server", 1};
    radio.connect(device_executor, options, [this](Result<std::unique_ptr<net::Connection>> result) {
      if (!result) {
        error = result.error().code;
        return;
      }
      device.connection = std::move(*result);
      device.connection->set_handler(&device);
    });
    scheduler.run_for(milliseconds{50});
  }
  void turn() { scheduler.run_for(milliseconds{50}); }

  VirtualClock clock;
  VirtualScheduler scheduler{clock};
  VirtualExecutor server_executor{scheduler};
  VirtualExecutor device_executor{scheduler};
  SeededRng rng{1};
  metrics::Registry registry;
  net::VirtualNetwork network{scheduler, rng, registry};
  std::unique_ptr<net::Listener> listener;
  Ear server;
  Radio radio{network.host("device"), device_executor};
  Ear device;
  std::optional<Errc> error;
};

TEST_F(RadioTest, PassesBytesBothWays) {
  dial();
  ASSERT_NE(device.connection, nullptr);
  device.connection->write("up");
  server.connection->write("down");
  turn();
  EXPECT_EQ(server.heard, "up");
  EXPECT_EQ(device.heard, "down");
  EXPECT_EQ(device.connection->peer().transport, "virtual");
  device.connection->close();
  turn();
  EXPECT_EQ(device.closed, net::CloseReason::local_closed);
  EXPECT_EQ(server.closed, net::CloseReason::peer_closed);
}

TEST_F(RadioTest, AShortLossDelaysAndLosesNothing) {
  dial();
  radio.set_signal(Signal::lost);
  device.connection->write("up");
  server.connection->write("down");
  scheduler.run_for(seconds{5});
  EXPECT_EQ(server.heard + device.heard, "");
  EXPECT_EQ(device.connection->pending_output(), 2U);
  radio.set_signal(Signal::present);
  turn();
  EXPECT_EQ(server.heard, "up");
  EXPECT_EQ(device.heard, "down");
  EXPECT_EQ(device.connection->pending_output(), 0U);
}

TEST_F(RadioTest, AStreamThatWasGivenUpEndsWhenTheSignalIsBack) {
  dial();
  radio.set_signal(Signal::lost);
  device.connection.reset();
  scheduler.run_for(seconds{5});
  EXPECT_FALSE(server.closed.has_value());
  radio.set_signal(Signal::present);
  turn();
  server.connection->write("x");
  turn();
  EXPECT_TRUE(server.closed.has_value());
}

TEST_F(RadioTest, AServerThatClosesMeanwhileIsNoticedWithTheSignal) {
  dial();
  radio.set_signal(Signal::lost);
  server.connection->abort();
  scheduler.run_for(seconds{5});
  EXPECT_FALSE(device.closed.has_value());
  radio.set_signal(Signal::present);
  turn();
  EXPECT_TRUE(device.closed.has_value());
}

TEST_F(RadioTest, ClosingWithoutSignalTellsTheDeviceOnly) {
  dial();
  radio.set_signal(Signal::lost);
  device.connection->close();
  turn();
  EXPECT_EQ(device.closed, net::CloseReason::local_closed);
  EXPECT_FALSE(server.closed.has_value());
}

TEST_F(RadioTest, ConnectingWithoutSignalTimesOut) {
  radio.set_signal(Signal::lost);
  dial();
  EXPECT_FALSE(error.has_value());
  scheduler.run_for(seconds{11});
  EXPECT_EQ(error, Errc::timed_out);
  EXPECT_EQ(radio.listen(device_executor, {}, {}).error().code, Errc::unsupported);
}

TEST_F(RadioTest, MoreThanItHoldsBreaksTheStream) {
  dial();
  radio.set_signal(Signal::lost);
  const std::string block(64 * 1024, 'x');
  for (std::size_t sent = 0; sent <= kMaxHeldBytes; sent += block.size()) device.connection->write(block);
  radio.set_signal(Signal::present);
  turn();
  EXPECT_EQ(device.closed, net::CloseReason::reset);
  EXPECT_EQ(server.heard, "");
}

TEST_F(RadioTest, KeepsAtMostSomeDeadStreams) {
  for (std::size_t i = 0; i < kMaxHeldConnections + 5; ++i) {
    dial();
    ASSERT_NE(device.connection, nullptr);
    radio.set_signal(Signal::lost);
    // Given up without signal; it comes back without telling the earlier ones.
    device.connection.reset();
    radio.set_signal(Signal::present);
    turn();
  }
  EXPECT_LE(network.open_connections(), 2 * kMaxHeldConnections);
}

}  // namespace
}  // namespace dunlin::fleet
