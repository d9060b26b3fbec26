// Connections that move between reactors while bytes are under way.

#include <gtest/gtest.h>

#include <thread>

#include "net/reactor_threads.h"
#include "net/test_support.h"

namespace dunlin::net {
namespace {

using test::on_loopback;
using test::to;

constexpr std::size_t kUnit = 16;
constexpr int kMoves = 200;

struct Cluster {
  ReactorThreads threads{3};
  ThreadWorkerPool workers{1};
  metrics::Registry registry;
  EpollNetwork network{threads.all(), workers, registry};
};

// Echoes whole units of 16 bytes and moves to the next reactor now and then, in the midst of its input.
class Wanderer : public ConnectionHandler {
 public:
  explicit Wanderer(Cluster& cluster) : cluster_(cluster) {}

  void arrive(std::unique_ptr<Connection> connection) {
    connection_ = std::move(connection);
    EXPECT_TRUE(connection_->executor().is_current());
    connection_->set_handler(this);
  }

  std::size_t on_data(ByteView bytes) override {
    std::size_t done = 0;
    while (bytes.size() - done >= kUnit) {
      connection_->write(bytes.subspan(done, kUnit));
      done += kUnit;
      ++units_;
      if (units_ % 37 == 0 && moves_ < kMoves) {
        move_on();
        return done;
      }
    }
    return done;
  }
  void on_closed(CloseReason) override {
    connection_.reset();
    closed = true;
  }

  std::atomic<bool> closed{false};
  int moves_ = 0;

 private:
  void move_on() {
    ++moves_;
    Reactor& target = cluster_.threads.at(static_cast<std::size_t>(moves_) % cluster_.threads.size());
    // The spent object is destroyed before on_data returns: its stream has already left.
    auto spent = std::move(connection_);
    spent->move_to(target, [this](std::unique_ptr<Connection> moved) { arrive(std::move(moved)); });
  }

  Cluster& cluster_;
  std::unique_ptr<Connection> connection_;
  std::uint64_t units_ = 0;
};

TEST(TcpMove, NothingIsLostOrReorderedUnderLoad) {
  Cluster cluster;
  Wanderer wanderer(cluster);
  test::Recorder client;
  std::string sent;
  for (int i = 0; sent.size() < 400'000; ++i) sent += std::to_string(i) + ",";
  sent.resize(400'000);
  std::atomic<bool> finished{false};
  client.on_bytes = [&](ByteView bytes) {
    client.received.append(as_text(bytes));
    if (client.received.size() == sent.size()) client.connection->close();
    return bytes.size();
  };
  client.on_end = [&] {
    client.connection.reset();
    finished = true;
  };
  auto listener = *cluster.network.listen(
      cluster.threads.at(0), on_loopback(),
      [&](std::unique_ptr<Connection> connection) { wanderer.arrive(std::move(connection)); });
  const Endpoint server = listener->local();
  cluster.threads.at(2).post([&, server] {
    cluster.network.connect(cluster.threads.at(2), to(server),
                            [&](Result<std::unique_ptr<Connection>> result) {
                              client.take(*std::move(result));
                              for (std::size_t at = 0; at < sent.size(); at += 1000) {
                                client.connection->write(std::string_view{sent}.substr(at, 1000));
                              }
                            });
  });
  cluster.threads.start();
  for (int i = 0; i < 20'000 && !(finished && wanderer.closed); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }
  cluster.threads.stop();
  listener.reset();
  EXPECT_TRUE(finished);
  EXPECT_TRUE(client.received == sent);
  EXPECT_EQ(wanderer.moves_, kMoves);
  EXPECT_EQ(cluster.registry.value("dunlin_net_open_connections"), 0);
}

TEST(TcpMove, QueuedOutputGoesAlong) {
  // More than the kernel takes for a peer that does not read, which it does only after the move.
  constexpr std::size_t kBytes = 64'000'000;
  Cluster cluster;
  bool may_read = false;  // the client's thread only
  std::atomic<std::size_t> got{0};
  test::Recorder server;
  test::Recorder client;
  client.on_bytes = [&](ByteView bytes) {
    got += bytes.size();
    return bytes.size();
  };
  auto listener = *cluster.network.listen(
      cluster.threads.at(0), on_loopback(), [&](std::unique_ptr<Connection> connection) {
        connection->write(std::string(kBytes, 'm'));
        EXPECT_GT(connection->pending_output(), 0U);
        connection->move_to(cluster.threads.at(1), [&](std::unique_ptr<Connection> moved) {
          EXPECT_GT(moved->pending_output(), 0U);
          server.take(std::move(moved));
          cluster.threads.at(2).post([&] {
            may_read = true;
            if (client.connection) client.connection->resume_reading();
          });
        });
      });
  const Endpoint address = listener->local();
  cluster.threads.at(2).post([&, address] {
    cluster.network.connect(cluster.threads.at(2), to(address),
                            [&](Result<std::unique_ptr<Connection>> result) {
                              client.take(*std::move(result));
                              if (!may_read) client.connection->pause_reading();
                            });
  });
  cluster.threads.start();
  for (int i = 0; i < 20'000 && got < kBytes; ++i) std::this_thread::sleep_for(std::chrono::milliseconds{1});
  cluster.threads.stop();
  EXPECT_EQ(got, kBytes);
  EXPECT_EQ(&server.connection->executor(), &cluster.threads.at(1));
  server.connection.reset();
  client.connection.reset();
  listener.reset();
}

TEST(TcpMove, ReactorsShareAPort) {
  Cluster cluster;
  std::array<std::atomic<int>, 3> accepted{};
  std::vector<std::unique_ptr<Listener>> listeners;
  ListenOptions options = on_loopback();
  for (std::size_t i = 0; i < 3; ++i) {
    auto made = cluster.network.listen(cluster.threads.at(i), options,
                                       [&accepted, i](std::unique_ptr<Connection>) { ++accepted[i]; });
    ASSERT_TRUE(made.has_value()) << made.error().message;
    options.endpoint = (*made)->local();
    listeners.push_back(*std::move(made));
  }
  std::atomic<int> connected{0};
  cluster.threads.at(0).post([&] {
    for (int i = 0; i < 200; ++i) {
      cluster.network.connect(
          cluster.threads.at(0), to(options.endpoint),
          [&](Result<std::unique_ptr<Connection>> result) { connected += result.has_value(); });
    }
  });
  cluster.threads.start();
  auto total = [&] { return accepted[0] + accepted[1] + accepted[2]; };
  for (int i = 0; i < 10'000 && (connected < 200 || total() < 200); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  cluster.threads.stop();
  EXPECT_EQ(total(), 200);
  for (const auto& count : accepted) EXPECT_GT(count, 0);
}

}  // namespace
}  // namespace dunlin::net
