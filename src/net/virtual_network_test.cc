#include "net/virtual_network.h"

#include <gtest/gtest.h>

#include "net/limits.h"
#include "net/test_support.h"

namespace dunlin::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::Recorder;
using test::to;

struct World {
  explicit World(std::uint64_t seed = 1) : rng(seed) {}
  VirtualClock clock;
  VirtualScheduler scheduler{clock};
  SeededRng rng;
  metrics::Registry registry;
  VirtualNetwork network{scheduler, rng, registry};
  VirtualExecutor server_thread{scheduler};
  VirtualExecutor client_thread{scheduler};
};

ListenOptions port(std::uint16_t number) {
  ListenOptions options;
  options.endpoint.port = number;
  return options;
}

// A listener on "server" and one connection to it from "client".
struct Pair {
  explicit Pair(World& world) {
    listener = *world.network.host("server").listen(
        world.server_thread, port(1883),
        [this](std::unique_ptr<Connection> c) { server.take(std::move(c)); });
    world.network.host("client").connect(world.client_thread, to({"server", 1883}),
                                         [this](Result<std::unique_ptr<Connection>> result) {
                                           ASSERT_TRUE(result.has_value()) << result.error().message;
                                           client.take(*std::move(result));
                                         });
    EXPECT_TRUE(
        world.scheduler.run_until([this] { return client.connection && server.connection; }, seconds{5}));
  }
  Recorder server;
  Recorder client;
  std::unique_ptr<Listener> listener;
};

TEST(VirtualNetwork, CarriesBytesWithDelay) {
  World world;
  VirtualLink slow;
  slow.delay = milliseconds{40};
  world.network.set_link("client", "server", slow);
  const Instant start = world.clock.now();
  Pair pair(world);
  EXPECT_EQ(world.clock.now() - start, milliseconds{80});
  EXPECT_EQ(pair.server.connection->peer().address.host, "client");
  EXPECT_EQ(pair.client.connection->peer().address, (Endpoint{"server", 1883}));
  EXPECT_EQ(pair.client.connection->peer().transport, "virtual");
  pair.client.connection->write("hello");
  world.scheduler.run_for(milliseconds{39});
  EXPECT_EQ(pair.server.received, "");
  world.scheduler.run_for(milliseconds{1});
  EXPECT_EQ(pair.server.received, "hello");
}

// Sends a text through jitter and random chunks to a reader that leaves tails and pauses; returns what was
// seen and when.
std::pair<std::string, std::vector<std::size_t>> noisy_run(std::uint64_t seed, const std::string& text) {
  World world(seed);
  VirtualLink link;
  link.jitter = milliseconds{30};
  link.chunks = VirtualChunks::random;
  link.max_chunk = 500;
  link.receive_window = 2000;
  world.network.set_default_link(link);
  Pair pair(world);
  std::vector<std::size_t> sizes;
  SeededRng reader(seed);
  pair.server.on_bytes = [&](ByteView bytes) {
    sizes.push_back(bytes.size());
    const std::size_t taken = bytes.size() == 1 ? 1 : bytes.size() / 2;
    pair.server.received.append(as_text(bytes.first(taken)));
    if (reader.below(3) == 0) pair.server.connection->pause_reading();
    world.server_thread.schedule(milliseconds{1}, [&] { pair.server.connection->resume_reading(); });
    return taken;
  };
  for (std::size_t at = 0; at < text.size(); at += 777)
    pair.client.connection->write(std::string_view{text}.substr(at, 777));
  world.scheduler.run_until([&] { return pair.server.received.size() == text.size(); }, seconds{600});
  return {pair.server.received, sizes};
}

TEST(VirtualNetwork, ASeedRepeatsARunAndKeepsOrder) {
  std::string text;
  for (int i = 0; text.size() < 30'000; ++i) text += std::to_string(i) + " ";
  const auto first = noisy_run(5, text);
  EXPECT_EQ(first.first, text);
  EXPECT_EQ(noisy_run(5, text), first);
  const auto other = noisy_run(6, text);
  EXPECT_EQ(other.first, text);
  EXPECT_NE(other.second, first.second);
}

TEST(VirtualNetwork, ConnectIsRefusedOrTimesOut) {
  World world;
  std::vector<Errc> errors;
  auto note = [&](Result<std::unique_ptr<Connection>> result) { errors.push_back(result.error().code); };
  world.network.host("client").connect(world.client_thread, to({"server", 9}), note);
  EXPECT_TRUE(errors.empty());
  world.scheduler.run_for(seconds{1});
  EXPECT_EQ(errors, (std::vector{Errc::unavailable}));
  world.network.partition("client", "server");
  world.network.host("client").connect(world.client_thread, to({"server", 9}), note);
  world.scheduler.run_for(milliseconds{9'999});
  EXPECT_EQ(errors.size(), 1U);
  world.scheduler.run_for(milliseconds{1});
  EXPECT_EQ(errors.at(1), Errc::timed_out);
}

TEST(VirtualNetwork, PartitionStallsAndHealsWithoutLoss) {
  World world;
  Pair pair(world);
  world.network.partition("server", "client");
  pair.client.connection->write("lost?");
  pair.server.connection->write("no");
  world.scheduler.run_for(seconds{3600});
  EXPECT_EQ(pair.server.received, "");
  EXPECT_FALSE(pair.server.closed());
  world.network.heal("client", "server");
  world.scheduler.run_for(seconds{1});
  EXPECT_EQ(pair.server.received, "lost?");
  EXPECT_EQ(pair.client.received, "no");
}

TEST(VirtualNetwork, IsolatedHostRejoins) {
  World world;
  Pair pair(world);
  world.network.isolate("client");
  pair.client.connection->write("x");
  pair.client.connection->close();
  world.scheduler.run_for(seconds{4});
  EXPECT_FALSE(pair.client.closed());
  world.scheduler.run_for(seconds{2});
  EXPECT_TRUE(pair.client.closed());  // cut off after kCloseDeadline
  world.network.rejoin("client");
  world.scheduler.run_for(seconds{1});
  EXPECT_TRUE(pair.server.closed());
}

TEST(VirtualNetwork, WhoWaitedToSendTheRestToAPeerThatHadEndedWaitedForEver) {
  World world;
  Pair pair(world);
  pair.server.connection->pause_reading();
  pair.client.connection->write(std::string(3'000'000, 'x'));
  world.scheduler.run_for(seconds{1});
  pair.server.connection->close();
  world.scheduler.run_for(milliseconds{5});  // the server's end has come, not all of the rest has gone
  EXPECT_FALSE(pair.client.closed());
  EXPECT_GT(pair.client.connection->pending_output(), 0U);
  world.network.isolate("server");
  world.scheduler.run_for(kCloseDeadline);
  EXPECT_TRUE(pair.client.closed());
  EXPECT_EQ(pair.client.reason, CloseReason::peer_closed);
}

TEST(VirtualNetwork, SlowReaderMakesTheSendersQueueGrow) {
  World world;
  Pair pair(world);
  pair.server.connection->pause_reading();
  pair.client.connection->write(std::string(3'000'000, 'x'));
  world.scheduler.run_for(seconds{10});
  EXPECT_EQ(pair.client.connection->pending_output(), 3'000'000U - 256 * 1024);
  EXPECT_EQ(pair.client.drained, 0);
  pair.server.connection->resume_reading();
  world.scheduler.run_for(seconds{10});
  EXPECT_EQ(pair.server.received.size(), 3'000'000U);
  EXPECT_EQ(pair.client.drained, 1);
  EXPECT_EQ(pair.client.connection->pending_output(), 0U);
}

TEST(VirtualNetwork, CrashIsNoticedOnlyByWriting) {
  World world;
  Pair pair(world);
  pair.client.connection->write(std::string(100, 'q'));
  world.scheduler.run_ready();
  world.network.crash("server");
  world.scheduler.run_for(seconds{1});
  // The bytes that were under way found nobody, and the answer was a reset.
  EXPECT_TRUE(pair.client.closed());
  EXPECT_EQ(pair.client.reason, CloseReason::reset);
  EXPECT_FALSE(pair.server.closed());
  EXPECT_EQ(world.network.open_connections(), 0U);

  World quiet;
  Pair idle(quiet);
  quiet.network.crash("server");
  quiet.scheduler.run_for(seconds{1000});
  EXPECT_FALSE(idle.client.closed());
  idle.client.connection->write("anyone?");
  quiet.scheduler.run_for(seconds{1});
  EXPECT_EQ(idle.client.reason, CloseReason::reset);
  EXPECT_TRUE(idle.client.closed());
  idle.listener.reset();
  EXPECT_TRUE(quiet.network.host("server").listen(quiet.server_thread, port(1883), {}).has_value());
}

TEST(VirtualNetwork, HalfOpenSwallowsEverything) {
  World world;
  Pair pair(world);
  world.network.half_open(*pair.server.connection);
  pair.client.connection->write("x");
  pair.server.connection.reset();
  world.scheduler.run_for(seconds{1000});
  EXPECT_FALSE(pair.client.closed());
  pair.client.connection->close();
  world.scheduler.run_for(seconds{6});
  EXPECT_EQ(pair.client.reason, CloseReason::local_closed);
  EXPECT_TRUE(pair.client.closed());
}

TEST(VirtualNetwork, ConnectionsBreakBySeed) {
  World world;
  VirtualLink bad;
  bad.reset_probability = 0.2;
  world.network.set_default_link(bad);
  Pair pair(world);
  for (int i = 0; i < 100 && !pair.client.closed(); ++i) {
    pair.client.connection->write("x");
    world.scheduler.run_for(seconds{1});
  }
  EXPECT_TRUE(pair.client.closed());
  EXPECT_TRUE(pair.server.closed());
  EXPECT_EQ(pair.server.reason, CloseReason::reset);
  EXPECT_GT(pair.server.received.size(), 0U);
}

TEST(VirtualNetwork, CloseAbortAndDestroy) {
  World world;
  Pair pair(world);
  pair.client.connection->write(std::string(1'000'000, 'e'));
  pair.client.connection->close();
  world.scheduler.run_for(seconds{2});
  EXPECT_EQ(pair.server.received.size(), 1'000'000U);
  EXPECT_EQ(pair.server.reason, CloseReason::peer_closed);
  EXPECT_EQ(pair.client.reason, CloseReason::local_closed);
  EXPECT_EQ(world.network.open_connections(), 0U);

  World second;
  Pair aborted(second);
  aborted.client.connection->abort();
  EXPECT_FALSE(aborted.client.closed());
  second.scheduler.run_for(seconds{1});
  EXPECT_EQ(aborted.client.reason, CloseReason::local_closed);
  EXPECT_EQ(aborted.server.reason, CloseReason::reset);

  World third;
  Pair destroyed(third);
  destroyed.server.on_bytes = [&](ByteView bytes) {
    destroyed.server.connection.reset();
    EXPECT_EQ(as_text(bytes), "bye");
    return bytes.size();
  };
  destroyed.client.connection->write("bye");
  third.scheduler.run_for(seconds{1});
  EXPECT_TRUE(destroyed.client.closed());
  EXPECT_FALSE(destroyed.server.closed());
  EXPECT_EQ(third.registry.value("dunlin_net_open_connections"), 0);
}

TEST(VirtualNetwork, MovesWithUnreadBytesAndQueuedOutput) {
  World world;
  VirtualExecutor other(world.scheduler);
  Pair pair(world);
  Recorder moved;
  pair.server.on_bytes = [&](ByteView) {
    pair.server.connection->write("answer");
    pair.server.connection->move_to(other, [&](std::unique_ptr<Connection> connection) {
      EXPECT_EQ(&connection->executor(), &other);
      moved.take(std::move(connection));
    });
    pair.server.connection.reset();
    return std::size_t{4};
  };
  pair.client.connection->write("headbody");
  world.scheduler.run_for(seconds{1});
  pair.client.connection->write(" and more");
  world.scheduler.run_for(seconds{1});
  EXPECT_EQ(moved.received, "body and more");
  EXPECT_EQ(pair.client.received, "answer");
  EXPECT_FALSE(pair.client.closed());
}

TEST(VirtualNetwork, BreaksWhenTooMuchIsLeft) {
  World world;
  Pair pair(world);
  pair.server.connection->set_max_unconsumed(10);
  pair.server.on_bytes = [](ByteView) { return std::size_t{0}; };
  pair.client.connection->write("0123456789");
  world.scheduler.run_for(seconds{1});
  EXPECT_FALSE(pair.server.closed());
  pair.client.connection->write("!");
  world.scheduler.run_for(seconds{1});
  EXPECT_EQ(pair.server.reason, CloseReason::reset);
  EXPECT_TRUE(pair.server.closed());
}

TEST(VirtualNetwork, ExecutorsShareAPort) {
  World world;
  VirtualExecutor second(world.scheduler);
  int first_count = 0;
  int second_count = 0;
  Network& server = world.network.host("server");
  auto one = server.listen(world.server_thread, port(7), [&](std::unique_ptr<Connection>) { ++first_count; });
  auto two = server.listen(second, port(7), [&](std::unique_ptr<Connection>) { ++second_count; });
  EXPECT_FALSE(server.listen(second, port(7), [](std::unique_ptr<Connection>) {}).has_value());
  for (int i = 0; i < 40; ++i) {
    world.network.host("client").connect(world.client_thread, to({"server", 7}),
                                         [](Result<std::unique_ptr<Connection>>) {});
  }
  world.scheduler.run_for(seconds{1});
  EXPECT_EQ(first_count + second_count, 40);
  EXPECT_GT(first_count, 5);
  EXPECT_GT(second_count, 5);
}

}  // namespace
}  // namespace dunlin::net
